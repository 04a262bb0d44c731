"""An answer that comes after the bound tells of the time when it was asked for, not of now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from typing_extensions import override

from regstore.consistency import Settled, Violation
from regstore.driver import StorageDriver
from regstore.drivers.memory import MemoryDriver
from regstore.errors import PathNotFoundError
from regstore.testing.faults import Call, InterceptedDriver, Lag, LaggingDriver
from tests.places import VirtualRuntime

T = TypeVar("T")

BOUND = 1.0
SLOW = 0.4
"""Seconds that an answer takes: the third read begins before the bound and ends after it."""
LARGE = bytes(5000)
"""More than a journal keeps."""


class SlowDriver(InterceptedDriver):
    """Looks at once, and tells it late."""

    @override
    async def through(self, call: Call, effect: Callable[[], Awaitable[T]]) -> T:
        try:
            return await effect()
        finally:
            if not call.changes:
                await self.runtime.sleep(SLOW)


class BlindDriver(InterceptedDriver):
    """Finds nothing to delete until the bound, and tells that late."""

    @override
    async def through(self, call: Call, effect: Callable[[], Awaitable[T]]) -> T:
        if call.method == "delete_file" and self.runtime.monotonic() < BOUND:
            await self.runtime.sleep(SLOW)
            raise PathNotFoundError(call.path, self.name)
        return await effect()


class Bench:
    def __init__(self) -> None:
        lag = Lag(get=BOUND, stat=BOUND, list=BOUND)
        self.store: StorageDriver = LaggingDriver(MemoryDriver(runtime=VirtualRuntime()), lag)
        self.run = self.store.runtime.run
        self.seen: list[Violation] = []
        self.driver = Settled(SlowDriver(self.store), BOUND, hook=self.seen.append)

    def put(self, path: str, data: bytes = LARGE) -> None:
        self.run(self.driver.put_content(path, data))

    def get(self, path: str, *, must_exist: bool = False) -> bytes:
        return self.run(self.driver.get_content(path, must_exist=must_exist)).data


def test_a_miss_that_was_asked_for_before_the_bound_proves_nothing() -> None:
    bench = Bench()
    bench.put("a")
    assert bench.get("a") == LARGE


def test_nor_does_one_of_what_others_wrote() -> None:
    bench = Bench()
    bench.run(bench.store.put_content("a", LARGE))
    assert bench.get("a", must_exist=True) == LARGE


def test_nor_does_one_of_what_is_to_be_deleted() -> None:
    store = BlindDriver(MemoryDriver(runtime=VirtualRuntime()))
    driver = Settled(store, BOUND)
    run = driver.runtime.run
    run(driver.put_content("a", LARGE))
    run(driver.delete_file("a"))
    with pytest.raises(PathNotFoundError):
        run(store.stat("a"))


def test_an_old_version_is_no_broken_promise() -> None:
    bench = Bench()
    bench.put("a", b"old")
    bench.run(bench.store.runtime.sleep(10))
    bench.put("a")
    assert bench.get("a") == LARGE
    assert bench.seen == []


def test_what_is_gone_is_missing_after_the_bound() -> None:
    bench = Bench()
    bench.put("a")
    bench.run(bench.store.delete_file("a"))
    bench.run(bench.store.runtime.sleep(10))
    with pytest.raises(PathNotFoundError):
        bench.get("a")
