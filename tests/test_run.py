"""The runtimes run one core in every way."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import anyio
import anyio.lowlevel
import pytest

from regstore._run import BlockingRuntime, LoopRuntime, as_async


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
