"""A store that ignores conditions is found out before anybody relies on one."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import timedelta
from typing import Any

import anyio
import pytest

from regstore.consistency import Measured, WrapperDriver
from regstore.consistency.capabilities import Saved
from regstore.driver import ANY, IF_ABSENT, Capabilities, Condition, StorageDriver, if_version
from regstore.drivers.memory import MemoryDriver, MemoryStore
from regstore.drivers.threaded import ThreadedDriver
from regstore.errors import (
    PathExistsError,
    PreconditionFailedError,
    TransientError,
    UnsupportedMethodError,
)
from regstore.layout import Caps
from tests.consistency import liars


class Counting(WrapperDriver):
    """Notes what is asked of the store."""

    def __init__(self, inner: StorageDriver) -> None:
        super().__init__(inner)
        self.asked: list[str] = []

    async def get_content(self, path: str, *, must_exist: bool = False) -> object:  # type: ignore[override]
        self.asked.append(f"get {path}")
        return await super().get_content(path, must_exist=must_exist)

    async def put_content(self, path: str, data: bytes, condition: Condition = ANY) -> str | None:
        self.asked.append(f"put {condition.kind}")
        return await super().put_content(path, data, condition)

    async def delete_file(
        self, path: str, condition: Condition = ANY, *, missing_ok: bool = False
    ) -> None:
        self.asked.append(f"delete {condition.kind}")
        await super().delete_file(path, condition, missing_ok=missing_ok)


class Bench:
    """A store behind a measured driver; *wrap* is what stands in front of it."""

    def __init__(self, wrap: Callable[[StorageDriver], StorageDriver] = WrapperDriver) -> None:
        self.store = MemoryStore()
        self.bare = MemoryDriver(self.store)
        self.counted = Counting(wrap(self.bare))
        self.driver = Measured(self.counted)
        self.run = self.bare.runtime.run
        self.version: str = self.run(self.bare.put_content("mine", b"first"))
        self.run(self.bare.put_content("mine", b"second"))

    def save(self, **lowered: bool) -> Saved:
        capabilities = replace(self.bare.capabilities, **lowered)  # type: ignore[arg-type]
        saved = Saved("memory", self.bare.runtime.now(), capabilities)
        self.run(self.bare.put_content(Caps().path, saved.encode()))
        return saved

    def paths(self) -> list[str]:
        walk = self.bare.runtime.iterate(self.bare.walk(""))
        return sorted(info.path for info in walk)

    async def commit(self, condition: Condition) -> None:
        writer = await self.driver.writer("mine")
        await writer.commit(condition=condition)


def asks(bench: Bench, capability: str, *, kept: bool = False) -> None:
    """Ask for what the store must refuse where it keeps *capability*."""
    driver, old = bench.driver, if_version(bench.version)
    calls: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
        "conditional_create": lambda: driver.put_content("mine", b"x", IF_ABSENT),
        "conditional_replace": lambda: driver.put_content("mine", b"x", old),
        "conditional_delete": lambda: driver.delete_file("mine", old),
        "conditional_copy": lambda: driver.copy("mine", "other", old),
        "source_pinned_copy": lambda: driver.copy("mine", "other", ANY, bench.version),
        "conditional_commit": lambda: bench.commit(old),
    }
    refusal = (PathExistsError, PreconditionFailedError) if kept else UnsupportedMethodError
    with pytest.raises(refusal):
        bench.run(calls[capability]())


CAPABILITIES = [
    "conditional_create",
    "conditional_replace",
    "conditional_delete",
    "conditional_copy",
    "source_pinned_copy",
    "conditional_commit",
]


@pytest.mark.parametrize("capability", CAPABILITIES)
def test_a_store_that_ignores_a_condition_is_found_out_and_nothing_is_written(
    capability: str,
) -> None:
    bench = Bench(liars.IgnoresConditions)
    assert getattr(bench.driver.capabilities, capability)
    asks(bench, capability)
    assert not getattr(bench.driver.capabilities, capability)
    assert bench.run(bench.bare.get_content("mine")).data == b"second"
    assert bench.paths() == ["mine"]


@pytest.mark.parametrize("capability", CAPABILITIES)
def test_a_store_that_looks_at_conditions_keeps_its_claims(capability: str) -> None:
    bench = Bench()
    asks(bench, capability, kept=True)
    assert bench.driver.capabilities == bench.bare.capabilities
    assert bench.paths() == ["mine"]


def test_copies_and_commits_where_something_is_are_proved_by_themselves() -> None:
    bench = Bench(liars.IgnoresConditions)
    with pytest.raises(UnsupportedMethodError, match="copy onto an existing key"):
        bench.run(bench.driver.copy("mine", "mine", IF_ABSENT))
    with pytest.raises(UnsupportedMethodError, match="commit onto an existing key"):
        bench.run(bench.commit(IF_ABSENT))
    sound = Bench()
    with pytest.raises(PathExistsError):
        sound.run(sound.commit(IF_ABSENT))
    assert sound.paths() == bench.paths() == ["mine"]


def test_the_error_says_what_was_seen_and_what_shows_more() -> None:
    bench = Bench(liars.IgnoresConditions)
    with pytest.raises(UnsupportedMethodError, match=r"DONE, without a word.*regstore probe URL"):
        bench.run(bench.driver.put_content("mine", b"x", IF_ABSENT))


def test_calls_without_a_condition_ask_for_nothing_more() -> None:
    bench = Bench()
    bench.run(bench.driver.put_content("other", b"x"))
    bench.run(bench.driver.delete_file("other"))
    assert bench.counted.asked == ["put any", "delete any"]


def test_a_proof_costs_three_calls_and_is_made_once() -> None:
    bench = Bench()
    for name in ("a", "b", "c"):
        bench.run(bench.driver.put_content(name, b"x", IF_ABSENT))
    proof = ["put absent", "put absent", "delete any"]
    assert bench.counted.asked == [f"get {Caps().path}", *proof, *["put absent"] * 3]


def test_what_was_refused_once_is_refused_without_another_request() -> None:
    bench = Bench(liars.IgnoresConditions)
    asks(bench, "conditional_create")
    asked = len(bench.counted.asked)
    asks(bench, "conditional_create")
    assert len(bench.counted.asked) == asked


def test_what_a_probe_has_saved_is_believed_without_a_proof() -> None:
    bench = Bench()
    bench.save(conditional_replace=False)
    asks(bench, "conditional_replace")
    asks(bench, "conditional_create", kept=True)
    assert bench.counted.asked == [f"get {Caps().path}", "put absent"]
    expected = replace(bench.bare.capabilities, conditional_replace=False)
    assert bench.driver.capabilities == expected


def test_what_was_saved_never_raises_a_claim() -> None:
    class Humble(WrapperDriver):
        @property
        def capabilities(self) -> Capabilities:  # type: ignore[override] # as in WrapperDriver
            return replace(super().capabilities, atomic_move=False)

    bench = Bench(Humble)
    bench.save()
    asks(bench, "conditional_create", kept=True)
    assert not bench.driver.capabilities.atomic_move


@pytest.mark.parametrize("how", ["of another driver", "copied from elsewhere", "torn"])
def test_what_cannot_be_believed_is_proved_instead(how: str) -> None:
    bench = Bench(liars.IgnoresConditions)
    saved = bench.save()
    if how == "of another driver":
        saved = replace(saved, driver="s3")
    elif how == "copied from elsewhere":
        saved = replace(saved, time=saved.time - timedelta(days=1))
    data = saved.encode()[: -20 if how == "torn" else None]
    bench.run(bench.bare.put_content(Caps().path, data))
    asks(bench, "conditional_create")
    assert bench.run(bench.bare.get_content("mine")).data == b"second"


def test_what_is_not_claimed_is_left_to_the_driver_to_refuse() -> None:
    class Humble(WrapperDriver):
        @property
        def capabilities(self) -> Capabilities:  # type: ignore[override] # as in WrapperDriver
            return Capabilities()

        async def put_content(self, path: str, *_: object) -> str | None:
            raise UnsupportedMethodError(path, self.name, "refused by the driver")

    bench = Bench(Humble)
    with pytest.raises(UnsupportedMethodError, match="refused by the driver"):
        bench.run(bench.driver.put_content("x", b"", IF_ABSENT))
    assert bench.counted.asked == ["put absent"]


def test_a_proof_that_fails_proves_nothing_and_is_made_again() -> None:
    class Busy(WrapperDriver):
        failures = 1

        async def put_content(
            self, path: str, data: bytes, condition: Condition = ANY
        ) -> str | None:
            if self.failures:
                self.failures -= 1
                raise TransientError(path, self.name)
            return await super().put_content(path, data, condition)

    bench = Bench(Busy)
    with pytest.raises(TransientError):
        bench.run(bench.driver.put_content("a", b"x", IF_ABSENT))
    bench.run(bench.driver.put_content("a", b"x", IF_ABSENT))
    assert bench.driver.capabilities == bench.bare.capabilities
    assert bench.paths() == ["a", "mine"]


def test_many_tasks_at_once_make_one_proof() -> None:
    counted = Counting(ThreadedDriver(MemoryDriver()))
    driver = Measured(counted)

    async def push(name: str) -> None:
        await driver.put_content(name, b"x", IF_ABSENT)

    async def all_at_once() -> None:
        async with anyio.create_task_group() as group:
            for number in range(8):
                group.start_soon(push, f"{number}")

    anyio.run(all_at_once)
    assert counted.asked.count(f"get {Caps().path}") == 1
    assert counted.asked.count("put absent") == 8 + 2
