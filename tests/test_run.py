"""The runtimes run one core in every way."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator

import anyio
import anyio.lowlevel
import pytest

from regstore._run import BlockingRuntime, LoopRuntime, Runtime, as_async


async def numbers(closed: list[str]) -> AsyncGenerator[int, None]:
    try:
        for number in range(5):
            yield number
    finally:
        closed.append("closed")


async def suspend() -> None:
    await anyio.lowlevel.checkpoint()


def test_plain_code_gets_the_result() -> None:
    async def answer() -> int:
        return 42

    assert BlockingRuntime().run(answer()) == 42


def test_plain_code_gets_the_error() -> None:
    async def fail() -> None:
        raise KeyError("why")

    with pytest.raises(KeyError, match="why"):
        BlockingRuntime().run(fail())


def test_a_blocking_driver_that_suspends_is_told_so() -> None:
    class Pause:
        def __await__(self) -> object:
            yield

    async def pause() -> None:
        await Pause()  # type: ignore[misc] # the barest awaitable that suspends

    with pytest.raises(RuntimeError, match="has suspended"):
        BlockingRuntime().run(pause())


def test_plain_code_is_told_to_await_where_a_loop_is_needed() -> None:
    with pytest.raises(RuntimeError, match="AsyncRegistry"):
        LoopRuntime().run(suspend())


def test_an_iterator_dropped_half_way_closes_its_source() -> None:
    closed: list[str] = []
    items = BlockingRuntime().iterate(numbers(closed))
    assert next(items) == 0
    items.close()
    assert closed == ["closed"]


def test_an_iterator_gives_everything_in_order() -> None:
    assert list(BlockingRuntime().iterate(numbers([]))) == [0, 1, 2, 3, 4]


@pytest.mark.anyio
async def test_map_keeps_order_and_its_limit() -> None:
    running = 0
    most = 0

    async def double(number: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await anyio.wait_all_tasks_blocked()
        running -= 1
        return 2 * number

    assert await LoopRuntime().map(double, range(20), limit=3) == [2 * n for n in range(20)]
    assert most == 3


@pytest.mark.anyio
async def test_map_raises_the_first_error_alone_and_cancels_the_rest() -> None:
    cancelled = anyio.Event()

    async def work(number: int) -> None:
        if number == 1:
            raise ValueError("one")
        try:
            await anyio.sleep_forever()
        finally:
            cancelled.set()

    with pytest.raises(ValueError, match="one"):
        await LoopRuntime().map(work, range(3))
    assert cancelled.is_set()


def test_map_without_a_loop_stops_at_the_first_error() -> None:
    seen: list[int] = []

    async def work(number: int) -> None:
        seen.append(number)
        if number == 1:
            raise ValueError("one")

    runtime = BlockingRuntime()
    with pytest.raises(ValueError, match="one"):
        runtime.run(runtime.map(work, range(3)))
    assert seen == [0, 1]


def test_both_gives_each_its_type_and_leaves_nothing_unawaited() -> None:
    async def text() -> str:
        return "a"

    async def fail() -> int:
        raise KeyError

    runtime = BlockingRuntime()
    assert runtime.run(runtime.both(text(), text())) == ("a", "a")
    with pytest.raises(KeyError):
        runtime.run(runtime.both(fail(), text()))


@pytest.mark.anyio
async def test_both_at_once_in_a_loop() -> None:
    first_is_there = anyio.Event()
    second_is_there = anyio.Event()

    async def first() -> str:
        first_is_there.set()
        await second_is_there.wait()
        return "first"

    async def second() -> int:
        await first_is_there.wait()
        second_is_there.set()
        return 2

    with anyio.fail_after(5):
        assert await LoopRuntime().both(first(), second()) == ("first", 2)


@pytest.mark.anyio
async def test_a_shielded_await_ends_although_its_caller_is_cancelled() -> None:
    ended: list[str] = []

    async def work() -> None:
        await anyio.lowlevel.checkpoint()
        ended.append("ended")

    with anyio.CancelScope() as scope:
        scope.cancel()
        await LoopRuntime().shield(work())
    assert ended == ["ended"]


@pytest.mark.anyio
async def test_plain_and_asynchronous_items_alike() -> None:
    assert [item async for item in as_async([1, 2])] == [1, 2]
    assert [item async for item in as_async(numbers([]))] == [0, 1, 2, 3, 4]


@pytest.mark.anyio
@pytest.mark.parametrize("runtime", [BlockingRuntime(), LoopRuntime()])
async def test_what_was_started_tells_its_result_or_error_as_often_as_asked(
    runtime: Runtime,
) -> None:
    async def fail() -> None:
        raise KeyError("why")

    async def succeed() -> int:
        return 42

    started = await runtime.start(succeed())
    failed = await runtime.start(fail())
    for _ in range(2):
        assert await started.result() == 42
        with pytest.raises(KeyError, match="why"):
            await failed.result()
    await started.cancel()
    await failed.cancel()


def test_a_blocking_runtime_has_ended_what_it_starts() -> None:
    seen: list[str] = []

    async def note() -> None:
        seen.append("ran")

    async def start() -> None:
        started = await BlockingRuntime().start(note())
        assert seen == ["ran"]
        await started.result()

    BlockingRuntime().run(start())
    assert seen == ["ran"]


def test_an_interruption_of_what_is_run_at_once_is_not_kept() -> None:
    async def interrupted() -> None:
        raise KeyboardInterrupt

    runtime = BlockingRuntime()
    with pytest.raises(KeyboardInterrupt):
        runtime.run(runtime.start(interrupted()))


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_loop_runs_what_was_started_beside_its_caller() -> None:
    go_on = asyncio.Event()
    started = await LoopRuntime().start(go_on.wait())
    go_on.set()
    assert await started.result()


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("by_scope", [True, False])
async def test_cancelling_waits_for_the_end_and_tells_nothing(by_scope: bool) -> None:
    reports: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context))
    begun = asyncio.Event()
    cleaned = asyncio.Event()

    async def work() -> None:
        try:
            begun.set()
            await asyncio.get_running_loop().create_future()
        finally:
            for _ in range(10):
                await asyncio.sleep(0)
            cleaned.set()
            raise KeyError("while it cleaned up")

    async def cancel() -> None:
        started = await LoopRuntime().start(work())
        await begun.wait()
        with anyio.CancelScope() as scope:
            if by_scope:
                scope.cancel()
            await started.cancel()
        assert cleaned.is_set()
        with pytest.raises(KeyError, match="while it cleaned up"):
            await started.result()

    await cancel()
    gc.collect()
    await asyncio.sleep(0)
    assert reports == []


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_what_was_cancelled_has_no_result_and_its_waiters_go_on() -> None:
    started = await LoopRuntime().start(anyio.sleep_forever())
    waiter = asyncio.create_task(started.result())
    await asyncio.sleep(0)
    await started.cancel()
    with pytest.raises(RuntimeError, match="has been cancelled"):
        await waiter
    await started.cancel()


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_cancelled_waiter_leaves_running_what_it_waited_for() -> None:
    go_on = asyncio.Event()
    started = await LoopRuntime().start(go_on.wait())
    waiter = asyncio.create_task(started.result())
    await asyncio.sleep(0)
    waiter.cancel()
    await asyncio.wait([waiter])
    assert waiter.cancelled()
    go_on.set()
    assert await started.result()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_limiter_bounds_each_loop_by_itself(backend: str) -> None:
    pytest.importorskip(backend)
    limiter = LoopRuntime().limiter(2)

    async def most_at_once() -> int:
        inside: set[int] = set()
        most = 0

        async def enter(number: int) -> None:
            nonlocal most
            async with limiter:
                inside.add(number)
                most = max(most, len(inside))
                await anyio.wait_all_tasks_blocked()
                inside.remove(number)

        await LoopRuntime().map(enter, range(10))
        return most

    async def leave_full() -> None:
        await limiter.acquire()
        await limiter.acquire()

    assert anyio.run(most_at_once, backend=backend) == 2
    anyio.run(leave_full, backend=backend)
    assert anyio.run(most_at_once, backend=backend) == 2


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_place_that_is_free_costs_no_turn_of_the_loop(backend: str) -> None:
    async def main() -> None:
        with pytest.raises(StopIteration):
            LoopRuntime().limiter(1).acquire().send(None)

    anyio.run(main, backend=backend)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_nobody_overtakes_those_who_wait_for_a_place(backend: str) -> None:
    limiter = LoopRuntime().limiter(1)
    came: list[str] = []

    async def enter(name: str) -> None:
        async with limiter:
            came.append(name)

    async def main() -> None:
        async with anyio.create_task_group() as group:
            async with limiter:
                group.start_soon(enter, "first")
                await anyio.wait_all_tasks_blocked()
            await enter("second")

    anyio.run(main, backend=backend)
    assert came == ["first", "second"]


def test_a_blocking_runtime_s_limiter_lets_everybody_through() -> None:
    async def enter_twice() -> str:
        limiter = BlockingRuntime().limiter(1)
        await limiter.acquire()
        async with limiter:
            limiter.release()
            return "through"

    assert BlockingRuntime().run(enter_twice()) == "through"
