"""The simulated store: each knob does what it says, and nothing else."""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import nullcontext
from dataclasses import fields
from datetime import datetime
from typing import Any, TypeVar

import pytest

from regstore.driver import IF_ABSENT, Condition, if_version
from regstore.errors import (
    DriverError,
    IncompleteReadError,
    PathExistsError,
    PathNotFoundError,
    PreconditionFailedError,
    ThrottledError,
    TransientError,
    UnsupportedMethodError,
)
from regstore.testing.simulation import Crashed, CrashPoint, Knobs, Process, Request, World

T = TypeVar("T")
Write = Callable[[], Awaitable[None]]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"conditions": "ignore"}, "conditions='ignore'.*'enforced', 'absent', 'ignored'"),
    ({"stale_get": -5}, "stale_get=-5.*0 or more"),
    ({"latency": -1}, "latency=-1.*0 or more"),
    ({"timeout": math.inf}, "timeout=inf.*finite"),
    ({"clock_skew": math.nan}, "clock_skew=nan.*0 or more"),
    ({"lost_answers": 20}, "lost_answers=20.*from 0 to 1"),
    ({"torn_copies": -0.1}, "torn_copies=-0.1.*from 0 to 1"),
    ({"front_ends": 0}, "front_ends=0.*1 or more"),
    ({"front_ends": 1.5}, "front_ends=1.5.*whole number"),
    ({"list_page": 0}, "list_page=0.*1 or more"),
]


@pytest.mark.parametrize(("knobs", "told"), REFUSED)
def test_no_store_is_like_that(knobs: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Knobs(**knobs)


@pytest.mark.parametrize("name", [field.name for field in fields(Knobs)])
def test_no_number_is_taken_unseen(name: str) -> None:
    impossible: dict[str, Any] = {name: -1}
    if not isinstance(getattr(Knobs(), name), bool):
        with pytest.raises(ValueError, match=f"{name}=-1"):
            Knobs(**impossible)


@pytest.mark.parametrize("name", re.findall(r":ivar (\w+): rate of", Knobs.__doc__ or ""))
def test_no_rate_is_taken_for_a_time(name: str) -> None:
    impossible: dict[str, Any] = {name: 2.0}
    with pytest.raises(ValueError, match=f"{name}=2.0.*from 0 to 1"):
        Knobs(**impossible)


class Ground:
    """A world, one process in it, and its driver."""

    def __init__(self, knobs: Knobs | None = None, seed: int = 7) -> None:
        self.world = World(seed, knobs)
        self.process = self.world.process("p")
        self.driver = self.world.driver(self.process)
        self.store = self.driver._store  # noqa: SLF001 - no driver sends what is tried here

    def run(self, coro: Coroutine[Any, Any, T]) -> T:
        return self.world.loop.run(self.world.loop.spawn(coro, self.process, "p"))

    def put(self, data: bytes, path: str = "a") -> str | None:
        return self.run(self.driver.put_content(path, data))

    def get(self, path: str = "a") -> bytes | None:
        try:
            return self.run(self.driver.get_content(path)).data
        except PathNotFoundError:
            return None

    def size(self) -> int | None:
        try:
            return self.run(self.driver.stat("a")).size
        except PathNotFoundError:
            return None

    def names(self) -> list[str]:
        async def work() -> list[str]:
            return [name async for name in self.driver.list("")]

        return self.run(work())

    def wait(self, seconds: float) -> None:
        self.run(self.driver.runtime.sleep(seconds))

    @property
    def last(self) -> Request:
        return self.world.trace.requests[-1]


def test_a_strong_store_shows_what_is_there() -> None:
    ground = Ground()
    ground.put(b"one")
    ground.put(b"four")
    assert (ground.get(), ground.size(), ground.names()) == (b"four", 4, ["a"])
    assert not any(request.is_stale for request in ground.world.trace.requests)


@pytest.mark.parametrize(
    ("knobs", "shown"),
    [
        pytest.param(Knobs(stale_get=60, latency=0.001), (b"one", 4, ["a", "b"]), id="get"),
        pytest.param(Knobs(stale_head=60, latency=0.001), (b"four", 3, ["a", "b"]), id="head"),
        pytest.param(Knobs(stale_list=60, latency=0.001), (b"four", 4, ["a"]), id="list"),
    ],
)
def test_each_kind_of_read_lags_by_itself(
    knobs: Knobs, shown: tuple[bytes, int, list[str]]
) -> None:
    ground = Ground(knobs)
    ground.put(b"one")
    ground.wait(61)
    ground.put(b"four")
    ground.put(b"", "b")
    found = ground.get(), ground.size()
    lists = [ground.names() for _ in range(20)]
    assert (*found, min(lists, key=len)) == shown
    ground.wait(60)
    assert (ground.get(), ground.size(), ground.names()) == (b"four", 4, ["a", "b"])
    assert ground.driver.capabilities.staleness_bound == 60


def test_the_trace_tells_what_was_shown() -> None:
    ground = Ground(Knobs(stale_get=60.0))
    ground.put(b"one")
    assert (ground.last.shown, ground.last.is_stale) == (1, False)
    assert ground.get() is None
    assert (ground.last.shown, ground.last.is_stale) == (0, True)
    assert ground.last.outcome == "PathNotFoundError"


def test_new_objects_may_be_seen_at_once_where_replaced_ones_are_not() -> None:
    ground = Ground(Knobs(stale_get=60.0, new_is_seen=True))
    ground.put(b"one")
    assert ground.get() == b"one"
    ground.put(b"two")
    assert ground.get() == b"one"
    assert ground.driver.capabilities.read_after_write
    assert not ground.driver.capabilities.read_after_overwrite


def test_front_ends_disagree() -> None:
    ground = Ground(Knobs(stale_get=60.0, front_ends=3, latency=0.001))
    ground.put(b"one")
    ground.wait(30)
    seen = [ground.get() for _ in range(40)]
    assert {None, b"one"} == set(seen)
    assert b"one" in seen[: seen.index(None, seen.index(b"one"))]  # seen, and missed again


def test_a_miss_is_remembered_for_a_while() -> None:
    ground = Ground(Knobs(negative=30.0, latency=0.001))
    assert ground.get() is None
    ground.put(b"one")
    assert ground.get() is None
    ground.wait(30)
    assert ground.get() == b"one"
    assert ground.driver.capabilities.staleness_bound == 30


def test_a_lost_request_has_no_effect_and_a_lost_answer_has() -> None:
    for knobs, effect in (
        (Knobs(lost_requests=1.0, timeout=9.0), None),
        (Knobs(lost_answers=1.0, timeout=9.0), b"one"),
    ):
        ground = Ground(knobs)
        with pytest.raises(TransientError) as caught:
            ground.put(b"one")
        assert caught.value.outcome_unknown
        assert 9 <= ground.world.loop.time < 10
        there = ground.world.bucket.contents.get("a")
        assert (there and there.data) == effect
        assert ground.last.answered is None
        with pytest.raises(TransientError) as caught:
            ground.get()
        assert not caught.value.outcome_unknown


@pytest.mark.parametrize(
    "knobs",
    [Knobs(late_requests=1.0, timeout=2.0), Knobs(slow=1.0, slow_latency=70.0, timeout=2.0)],
)
def test_what_was_given_up_takes_effect_later(knobs: Knobs) -> None:
    ground = Ground(knobs)
    with pytest.raises(TransientError) as caught:
        ground.put(b"one")
    assert caught.value.outcome_unknown
    assert ground.world.loop.time == 2
    assert not ground.world.bucket.contents
    ground.wait(70)
    assert ground.world.bucket.contents["a"].data == b"one"
    assert (ground.last.arrived or 0) > 2
    assert ground.last.answered is None


def test_a_late_request_keeps_its_condition() -> None:
    ground = Ground(Knobs(late_requests=1.0, timeout=2.0))
    for data in (b"one", b"two"):
        with pytest.raises(TransientError):
            ground.run(ground.driver.put_content("a", data, IF_ABSENT))
    ground.wait(10)
    assert len(ground.world.bucket.history["a"]) == 1


def test_a_repeated_request_undoes_what_came_between() -> None:
    ground = Ground(Knobs(repeated=1.0, repeat_after=20.0))
    ground.put(b"one")
    ground.put(b"two")
    ground.wait(20)
    versions = [version.content for version in ground.world.bucket.history["a"]]
    assert [each and each.data for each in versions].count(b"one") == 2


def test_a_repeated_request_keeps_its_condition() -> None:
    ground = Ground(Knobs(repeated=1.0, repeat_after=5.0))
    ground.run(ground.driver.put_content("a", b"one", IF_ABSENT))
    ground.wait(5)
    assert len(ground.world.bucket.history["a"]) == 1


def test_who_is_throttled_is_told_when_to_come_again() -> None:
    ground = Ground(Knobs(throttled=1.0))
    with pytest.raises(ThrottledError) as caught:
        ground.put(b"one")
    assert (caught.value.retry_after, ground.world.bucket.contents) == (1.0, {})


def test_a_body_may_end_early() -> None:
    ground = Ground(Knobs(cut_bodies=1.0))
    ground.put(b"abcdefgh")

    async def read() -> bytes:
        reader = await ground.driver.reader("a")
        assert await reader.read() == b"abcd"
        return await reader.read()

    with pytest.raises(IncompleteReadError):
        ground.run(read())


async def both_create(ground: Ground) -> list[object]:
    async def put(data: bytes) -> object:
        try:
            return await ground.driver.put_content("a", data, IF_ABSENT)
        except (PathExistsError, UnsupportedMethodError) as error:
            return type(error)

    return await ground.driver.runtime.map(put, (b"one", b"two"))


def test_conditions_are_kept() -> None:
    ground = Ground()
    assert ground.run(both_create(ground)).count(PathExistsError) == 1
    with pytest.raises(PreconditionFailedError):
        ground.run(ground.driver.put_content("a", b"three", if_version("no such")))


def test_conditions_are_absent_and_said_to_be() -> None:
    ground = Ground(Knobs(conditions="absent"))
    assert ground.run(both_create(ground)) == [UnsupportedMethodError] * 2
    assert not ground.driver.capabilities.conditional_create


def test_conditions_are_silently_ignored_though_claimed() -> None:
    ground = Ground(Knobs(conditions="ignored"))
    assert all(isinstance(each, str) for each in ground.run(both_create(ground)))
    assert ground.driver.capabilities.conditional_create


def refusals(condition: Callable[[str], Condition]) -> set[tuple[type[Exception], bool]]:
    """Return what is told to who writes while somebody deletes, if the deletion comes first."""
    refused: set[tuple[type[Exception], bool]] = set()
    for seed in range(10):
        ground = Ground(Knobs(conflicts=1.0), seed)
        version = ground.put(b"one")

        async def write(ground: Ground = ground, version: str = str(version)) -> None:
            try:
                await ground.store.put("a", b"two", condition(version))
            except TransientError as error:
                refused.add((TransientError, error.outcome_unknown))
            except DriverError as error:
                refused.add((type(error), False))

        async def both(ground: Ground = ground, write: Write = write) -> None:
            await ground.driver.runtime.map(
                lambda is_deletion: ground.store.delete("a") if is_deletion else write(),
                (True, False),
            )

        ground.run(both())
    return refused


def test_a_conditional_write_beside_another_change_is_refused() -> None:
    found = refusals(lambda _: IF_ABSENT)
    assert found == {(TransientError, False), (PathExistsError, False)}
    assert refusals(if_version) == {(PreconditionFailedError, False)}


def test_what_nothing_changes_meanwhile_is_no_conflict() -> None:
    ground = Ground(Knobs(conflicts=1.0))
    version = ground.run(ground.driver.put_content("a", b"one", IF_ABSENT))
    ground.run(ground.driver.put_content("a", b"two", if_version(str(version))))
    assert ground.get() == b"two"


@pytest.mark.parametrize(("is_dated_from_begin", "age"), [(True, 60), (False, 0)])
def test_what_is_assembled_may_be_as_old_as_its_begin(is_dated_from_begin: bool, age: int) -> None:
    ground = Ground(Knobs(dated_from_begin=is_dated_from_begin))

    async def assemble() -> datetime:
        session = await ground.store.begin("a", "")
        part = await ground.store.put_part(session, 1, b"one")
        await ground.driver.runtime.sleep(60)
        await ground.store.complete(session, [part])
        return (await ground.store.head("a")).modified

    found = ground.run(assemble())
    now = ground.world.runtime(ground.process).now()
    assert age <= (now - found).total_seconds() < age + 1


@pytest.mark.parametrize(("is_stale", "copied"), [(True, b"one"), (False, b"two")])
def test_a_copy_may_read_what_was_before(is_stale: bool, copied: bytes) -> None:
    ground = Ground(Knobs(stale_get=30.0, stale_copies=is_stale))
    ground.put(b"one")
    ground.wait(30)
    ground.put(b"two")
    ground.run(ground.driver.copy("a", "b"))
    assert ground.world.bucket.contents["b"].data == copied
    with pytest.raises(PathNotFoundError) if is_stale else nullcontext():
        ground.run(ground.driver.copy("b", "c"))


@pytest.mark.parametrize(("unique", "differ"), [(True, True), (False, False)])
def test_the_same_bytes_have_the_same_version_or_not(unique: bool, differ: bool) -> None:
    ground = Ground(Knobs(unique_versions=unique))
    assert (ground.put(b"one") != ground.put(b"one")) == differ


def test_times_are_cut_off_and_skewed() -> None:
    ground = Ground(Knobs(clock_resolution=1.0, clock_skew=30.0, latency=0.001))
    times = []
    for number in range(20):
        ground.put(b"%d" % number)
        times.append(ground.run(ground.driver.stat("a")).modified)
    assert all(time.microsecond == 0 for time in times)
    assert 20 < (max(times) - min(times)).total_seconds() <= 61


def test_a_listing_spreads_over_pages() -> None:
    ground = Ground(Knobs(list_page=2))
    for name in "abcde":
        ground.put(b"", name)
    assert ground.names() == list("abcde")
    assert [request.name for request in ground.world.trace.requests].count("list") == 3


def crash_at_the_second(point: CrashPoint) -> Ground:
    ground = Ground()

    def crashing(process: Process, request: Request) -> CrashPoint | None:
        del process
        return point if request.number == 2 else None

    ground.world = World(7, Knobs(repeat_after=50.0), crashing)
    ground.process = ground.world.process("p")
    ground.driver = ground.world.driver(ground.process)
    ground.put(b"one", "a")
    with pytest.raises(Crashed):
        ground.put(b"two", "b")
    return ground


@pytest.mark.parametrize(("point", "at_once"), [("before", 1), ("after", 2), ("late", 1)])
def test_a_process_crashes_at_any_request(point: CrashPoint, at_once: int) -> None:
    ground = crash_at_the_second(point)
    again = ground.world.process("p")

    async def look() -> None:
        await ground.world.runtime(again).sleep(40)

    ground.world.loop.run(ground.world.loop.spawn(look(), again, "p"))
    assert len(ground.world.bucket.contents) == at_once
    ground.world.loop.drain()
    assert len(ground.world.bucket.contents) == (1 if point == "before" else 2)


def chaos(seed: int) -> World:
    knobs = Knobs(
        stale_get=5.0,
        stale_list=5.0,
        front_ends=3,
        lost_requests=0.1,
        lost_answers=0.1,
        repeated=0.1,
        throttled=0.1,
        slow=0.1,
    )
    world = World(seed, knobs)

    async def work(process: Process) -> None:
        driver = world.driver(process)
        for number in range(30):
            try:
                await driver.put_content("a", b"%d" % number)
                await driver.get_content("a")
            except DriverError as error:
                world.trace.note(world.loop.time, process.name, type(error).__name__)

    processes = [world.process(f"p{number}") for number in range(3)]
    tasks = [world.loop.spawn(work(process), process, process.name) for process in processes]
    for task in tasks:
        world.loop.run(task)
    return world


def test_the_same_seed_gives_the_same_trace() -> None:
    assert chaos(3).trace.digest() == chaos(3).trace.digest()
    assert len({chaos(seed).trace.digest() for seed in range(5)}) == 5
