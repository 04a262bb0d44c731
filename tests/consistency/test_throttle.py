"""``Throttled`` bounds calls and open streams, and lets go of every place that it has given."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
from typing_extensions import override

from regstore._run import LoopRuntime
from regstore.consistency import Throttled, WrapperDriver
from regstore.driver import IF_ABSENT, FileInfo, FileReader, StorageDriver
from regstore.drivers.memory import MemoryDriver
from regstore.errors import PathExistsError, PathNotFoundError, ThrottledError

LIMIT = 3


class Crowd(WrapperDriver):
    """Counts who is inside at once; nobody leaves before the door is opened."""

    def __init__(self, inner: StorageDriver) -> None:
        super().__init__(inner)
        self.inside = 0
        self.most = 0
        self.door = anyio.Event()

    @override
    async def stat(self, path: str, *, must_exist: bool = False) -> FileInfo:
        self.inside += 1
        self.most = max(self.most, self.inside)
        await self.door.wait()
        self.inside -= 1
        return await super().stat(path)


@pytest.fixture(params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def memory() -> MemoryDriver:
    return MemoryDriver(runtime=LoopRuntime())


def test_so_many_calls_and_no_more_are_under_way(backend: str) -> None:
    async def main() -> None:
        crowd = Crowd(memory())
        await crowd.put_content("a", b"x")
        driver = Throttled(crowd, LIMIT)
        async with anyio.create_task_group() as group:
            for _ in range(4 * LIMIT):
                group.start_soon(driver.stat, "a")
            await anyio.wait_all_tasks_blocked()
            assert crowd.inside == LIMIT
            crowd.door.set()
        assert crowd.most == LIMIT

    anyio.run(main, backend=backend)


def test_a_step_of_a_listing_waits_for_its_turn(backend: str) -> None:
    names: list[str] = []

    async def look(driver: StorageDriver) -> None:
        names.extend([name async for name in driver.list("")])

    async def main() -> None:
        crowd = Crowd(memory())
        await crowd.put_content("a", b"x")
        driver = Throttled(crowd, LIMIT)
        async with anyio.create_task_group() as group:
            for _ in range(LIMIT):
                group.start_soon(driver.stat, "a")
            await anyio.wait_all_tasks_blocked()
            group.start_soon(look, driver)
            await anyio.wait_all_tasks_blocked()
            assert not names
            crowd.door.set()
        assert names == ["a"]

    anyio.run(main, backend=backend)


async def read_and_close(driver: StorageDriver) -> None:
    async with await driver.reader("a") as reader:
        await reader.read()


async def commit(driver: StorageDriver) -> None:
    await (await driver.writer("b")).commit()


async def park(driver: StorageDriver) -> None:
    await (await driver.writer("b")).park()


async def cancel(driver: StorageDriver) -> None:
    writer = await driver.writer("b")
    await writer.cancel()
    await writer.cancel()


async def fail_to_read(driver: StorageDriver) -> None:
    with pytest.raises(PathNotFoundError):
        await driver.reader("missing")


async def fail_to_append(driver: StorageDriver) -> None:
    with pytest.raises(PathNotFoundError):
        await driver.writer("missing", append=True)


@pytest.mark.parametrize(
    "stream",
    [read_and_close, commit, park, cancel, fail_to_read, fail_to_append],
    ids=lambda stream: str(stream.__name__),
)
def test_every_stream_that_ends_makes_room_for_one(
    backend: str, stream: Callable[[StorageDriver], Awaitable[None]]
) -> None:
    async def main() -> None:
        driver = Throttled(memory(), LIMIT)
        await driver.put_content("a", b"x")
        for _ in range(2 * LIMIT):
            await stream(driver)
        readers = [await driver.reader("a") for _ in range(LIMIT)]
        opened: list[FileReader] = []

        async def one_more() -> None:
            opened.append(await driver.reader("a"))

        async with anyio.create_task_group() as group:
            group.start_soon(one_more)
            group.start_soon(one_more)
            await anyio.wait_all_tasks_blocked()
            assert not opened
            await readers[0].aclose()
            await readers[0].aclose()
            await anyio.wait_all_tasks_blocked()
            assert len(opened) == 1
            await opened[0].aclose()
        for reader in readers + opened:
            await reader.aclose()

    anyio.run(main, backend=backend)


def test_a_stream_that_fails_to_end_makes_room(backend: str) -> None:
    async def main() -> None:
        driver = Throttled(memory(), 1, wait=0.2)
        await driver.put_content("a", b"x")
        for _ in range(2):
            writer = await driver.writer("a")
            with pytest.raises(PathExistsError):
                await writer.commit(condition=IF_ABSENT)

    anyio.run(main, backend=backend)


def test_a_stream_that_its_caller_has_dropped_makes_room(backend: str) -> None:
    async def main() -> None:
        driver = Throttled(memory(), 1, wait=0.2)
        await driver.put_content("a", b"x")
        for _ in range(3):
            await driver.writer("b")
            gc.collect()
            await driver.reader("a")
            await anyio.to_thread.run_sync(gc.collect)
        async with await driver.reader("a"):
            with pytest.raises(ThrottledError):
                await driver.reader("a")

    anyio.run(main, backend=backend)


def test_who_waits_too_long_for_a_stream_is_told_what_to_do(backend: str) -> None:
    async def main() -> None:
        driver = Throttled(memory(), 1, wait=0.2)
        held = await driver.writer("a")
        with pytest.raises(ThrottledError, match="close some"):
            await driver.writer("b")
        await held.cancel()

    anyio.run(main, backend=backend)


def test_open_streams_never_hold_up_calls(backend: str) -> None:
    async def main() -> None:
        driver = Throttled(memory(), 1, streams=2)
        await driver.put_content("a", b"x")
        async with await driver.reader("a") as reader:
            writer = await driver.writer("b")
            assert (await driver.stat("a")).size == 1
            assert [name async for name in driver.list("")] == ["a"]
            await writer.write(await reader.read())
            assert [info.path async for info in driver.walk("")] == ["a"]
            await writer.commit()

    anyio.run(main, backend=backend)


def test_where_calls_block_nothing_waits() -> None:
    driver = Throttled(MemoryDriver(), 1, wait=0)
    run: Callable[[Any], Any] = driver.runtime.run
    run(driver.put_content("a", b"x"))
    assert [run(run(driver.reader("a")).read()) for _ in range(3)] == [b"x"] * 3
