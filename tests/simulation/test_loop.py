"""The loop and the runtime: virtual time, choice, cancellation, crashes."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from random import Random
from typing import Any, TypeVar

import pytest

from regstore.consistency import deadline, time_left
from regstore.testing.simulation import (
    Cancelled,
    Crashed,
    Loop,
    Process,
    SimulatedRuntime,
    StuckError,
    Task,
)
from regstore.testing.simulation.loop import Promise

T = TypeVar("T")


def first(ready: Sequence[Task[Any]]) -> int:
    del ready
    return 0


class Ground:
    """One process in one loop."""

    def __init__(self, seed: int | None = None) -> None:
        draw = Random(seed).random
        choose = first if seed is None else lambda ready: int(draw() * len(ready))
        self.loop = Loop(choose)
        self.process = Process("p", Random(1))
        self.runtime = SimulatedRuntime(self.loop, self.process)
        self.said: list[str] = []

    def spawn(self, coro: Coroutine[Any, Any, T], process: Process | None = None) -> Task[T]:
        return self.loop.spawn(coro, process or self.process, "t")

    def run(self, coro: Coroutine[Any, Any, T]) -> T:
        return self.loop.run(self.spawn(coro))

    async def say_after(self, seconds: float, word: str) -> str:
        try:
            await self.runtime.sleep(seconds)
        except BaseException as error:
            self.said.append(f"{word}: {type(error).__name__}")
            raise
        self.said.append(word)
        return word


@pytest.fixture
def ground() -> Ground:
    return Ground()


def test_time_passes_only_where_nobody_can_go_on(ground: Ground) -> None:
    async def work() -> float:
        await ground.runtime.sleep(3600)
        return ground.runtime.monotonic()

    begun = ground.runtime.now()
    assert ground.run(work()) == 3600
    assert (ground.runtime.now() - begun).total_seconds() == 3600


def test_a_clock_may_be_ahead_but_durations_are_true(ground: Ground) -> None:
    other = SimulatedRuntime(ground.loop, Process("late", Random(1), skew=7.5))
    assert (other.now() - ground.runtime.now()).total_seconds() == 7.5
    assert other.monotonic() == ground.runtime.monotonic()


def order(seed: int) -> list[str]:
    ground = Ground(seed)
    tasks = [ground.spawn(ground.say_after(0, word)) for word in "abcdefgh"]
    for task in tasks:
        ground.loop.run(task)
    return ground.said


def test_the_seed_chooses_the_order() -> None:
    assert order(1) == order(1)
    assert len({tuple(order(seed)) for seed in range(10)}) > 5
    assert all(sorted(order(seed)) == list("abcdefgh") for seed in range(10))


def test_who_waits_for_each_other_is_told(ground: Ground) -> None:
    async def wait() -> None:
        await Promise[None](ground.loop)

    with pytest.raises(StuckError, match="for ever: t") as caught:
        ground.run(wait())
    assert caught.value.waiting == ("t",)


def test_map_keeps_the_order_of_the_items(ground: Ground) -> None:
    async def work() -> list[str]:
        seconds = {"a": 3.0, "b": 1.0, "c": 2.0}
        return await ground.runtime.map(lambda word: ground.say_after(seconds[word], word), seconds)

    assert ground.run(work()) == ["a", "b", "c"]
    assert ground.said == ["b", "c", "a"]
    assert ground.loop.time == 3


@pytest.mark.parametrize(("limit", "seconds"), [(1, 6), (2, 3), (4, 2)])
def test_map_bounds_how_many_run_at_once(ground: Ground, limit: int, seconds: float) -> None:
    async def work() -> None:
        await ground.runtime.map(lambda word: ground.say_after(1, word), "abcdef", limit)

    ground.run(work())
    assert ground.loop.time == seconds


def test_the_first_error_of_a_map_ends_the_others_and_is_raised_alone(ground: Ground) -> None:
    async def fail(word: str) -> None:
        if word == "b":
            await ground.runtime.sleep(1)
            raise ValueError(word)
        await ground.say_after(5, word)

    async def work() -> None:
        await ground.runtime.map(fail, "abc")

    with pytest.raises(ValueError, match="b"):
        ground.run(work())
    assert ground.said == ["a: Cancelled", "c: Cancelled"]
    assert ground.loop.time == 1


def test_both_runs_two_at_a_time(ground: Ground) -> None:
    async def work() -> tuple[str, str]:
        return await ground.runtime.both(ground.say_after(2, "a"), ground.say_after(2, "b"))

    assert ground.run(work()) == ("a", "b")
    assert ground.loop.time == 2


def test_within_cancels_what_takes_too_long(ground: Ground) -> None:
    async def work() -> str:
        assert await ground.runtime.within(2, ground.say_after(1, "in time")) == "in time"
        with pytest.raises(TimeoutError):
            await ground.runtime.within(2, ground.say_after(3, "late"))
        return await ground.say_after(9, "after")

    assert ground.run(work()) == "after"
    assert ground.said == ["in time", "late: Cancelled", "after"]


def test_the_outer_limit_of_two_is_told(ground: Ground) -> None:
    async def inner() -> None:
        try:
            await ground.runtime.within(5, ground.say_after(9, "a"))
        except TimeoutError:
            ground.said.append("inner")

    async def work() -> None:
        with pytest.raises(TimeoutError):
            await ground.runtime.within(1, inner())

    ground.run(work())
    assert ground.said == ["a: Cancelled"]


def test_whoever_is_cancelled_is_at_each_further_wait(ground: Ground) -> None:
    async def stubborn() -> None:
        try:
            await ground.runtime.sleep(5)
        finally:
            await ground.say_after(1, "again")

    task = ground.spawn(stubborn())
    ground.loop.call_at(1, task.cancel)
    with pytest.raises(Cancelled):
        ground.loop.run(task)
    assert ground.said == ["again: Cancelled"]


def test_what_is_shielded_ends_though_its_caller_is_cancelled(ground: Ground) -> None:
    async def work() -> None:
        ground.said.append(await ground.runtime.shield(ground.say_after(5, "done")))
        await ground.say_after(1, "no more")

    task = ground.spawn(work())
    ground.loop.call_at(1, task.cancel)
    with pytest.raises(Cancelled):
        ground.loop.run(task)
    assert ground.said == ["done", "done", "no more: Cancelled"]


def test_what_was_started_runs_beside_its_caller(ground: Ground) -> None:
    async def work() -> tuple[str, str]:
        begun = await ground.runtime.start(ground.say_after(2, "beside"))
        return await ground.say_after(2, "here"), await begun.result()

    assert ground.run(work()) == ("here", "beside")
    assert ground.loop.time == 2


def test_what_was_started_can_be_cancelled(ground: Ground) -> None:
    async def work() -> None:
        begun = await ground.runtime.start(ground.say_after(2, "beside"))
        await ground.runtime.sleep(1)
        await begun.cancel()
        assert ground.said == ["beside: Cancelled"]
        with pytest.raises(RuntimeError, match="cancelled"):
            await begun.result()

    ground.run(work())


def test_a_limiter_lets_so_many_through_in_the_order_of_their_coming(ground: Ground) -> None:
    limiter = ground.runtime.limiter(2)

    async def enter(word: str) -> None:
        async with limiter:
            await ground.say_after(1, word)

    async def work() -> None:
        await ground.runtime.map(enter, "abcd")

    ground.run(work())
    assert (sorted(ground.said[:2]), sorted(ground.said[2:])) == (["a", "b"], ["c", "d"])
    assert ground.loop.time == 2


def test_who_gives_up_waiting_for_a_place_loses_none(ground: Ground) -> None:
    limiter = ground.runtime.limiter(1)

    async def work() -> None:
        async with limiter:
            with pytest.raises(TimeoutError):
                await ground.runtime.within(1, limiter.acquire())
        await limiter.acquire()

    ground.run(work())


def test_a_deadline_is_handed_down_to_tasks(ground: Ground) -> None:
    async def left(_: str) -> float | None:
        return time_left(ground.runtime)

    async def work() -> list[float | None]:
        with deadline(ground.runtime, 8):
            await ground.runtime.sleep(3)
            return await ground.runtime.map(left, "ab")

    assert ground.run(work()) == [5, 5]


def test_a_crash_ends_every_task_of_the_process_and_no_other(ground: Ground) -> None:
    other = Process("other", Random(2))
    survivor = ground.spawn(ground.say_after(5, "alive"), other)

    async def work() -> None:
        try:
            await ground.runtime.map(lambda word: ground.say_after(3, word), "ab")
        finally:
            await ground.say_after(0, "clean up")

    task = ground.spawn(work())
    ground.loop.call_at(1, ground.process.crash)
    with pytest.raises(Crashed):
        ground.loop.run(task)
    assert ground.loop.run(survivor) == "alive"
    said = ["a: Crashed", "alive", "b: Crashed", "clean up: Crashed"]
    assert sorted(ground.said) == said


@pytest.mark.parametrize(
    "outlast",
    [
        pytest.param(lambda ground, coro: ground.runtime.shield(coro), id="shield"),
        pytest.param(lambda ground, coro: ground.runtime.map(lambda each: each, [coro]), id="map"),
    ],
)
def test_nothing_outlasts_a_crash(
    ground: Ground, outlast: Callable[[Ground, Coroutine[Any, Any, str]], Coroutine[Any, Any, str]]
) -> None:
    task = ground.spawn(outlast(ground, ground.say_after(3, "a")))
    ground.loop.call_at(1, ground.process.crash)
    with pytest.raises(Crashed):
        ground.loop.run(task)
    ground.loop.drain()
    assert ground.said == ["a: Crashed"]


def test_closing_ends_every_coroutine_at_its_wait(ground: Ground) -> None:
    ground.spawn(ground.say_after(3, "not begun"))
    ground.loop.run(ground.spawn(ground.say_after(1, "a")))
    ground.spawn(ground.say_after(3, "b"), Process("other", Random(1)))
    ground.loop.close()
    assert sorted(ground.said) == ["a", "b: Crashed", "not begun: Crashed"]
    assert ground.loop.time == 1
