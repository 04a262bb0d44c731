"""The hopping driver: one I/O loop for callers in all loops; the cancelled leave nothing behind.

Calls are held at gates, so that each test decides who waits for whom; nothing sleeps.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from contextlib import aclosing
from contextvars import ContextVar

import anyio
import anyio.lowlevel
import pytest
from typing_extensions import override

from regstore import AsyncRegistry, Registry
from regstore._loop import OwnLoopRuntime
from regstore.consistency import WrapperDriver, WrapperReader, WrapperWriter
from regstore.driver import FileInfo, FileReader, FileWriter, StorageDriver
from regstore.drivers.hopping import HoppingDriver
from regstore.drivers.memory import MemoryDriver
from regstore.errors import PathNotFoundError
from regstore.testing.race import in_child
from tests.drivers.cancelling import NEEDS_TRIO, Cancel, Gate, every_way_to_cancel

pytestmark = pytest.mark.anyio
BOTH = ["asyncio", pytest.param("trio", marks=NEEDS_TRIO)]
deadline: ContextVar[int] = ContextVar("deadline", default=0)


@pytest.fixture(params=BOTH)
def anyio_backend(request: pytest.FixtureRequest) -> str:
    backend: str = request.param
    return backend


class GatedDriver(WrapperDriver):
    """A driver of the I/O loop that holds what a test names at a gate, and notes what it was asked.

    :ivar stubborn: whether what is held goes on when it is cancelled.
    """

    def __init__(self, *held: str, stubborn: bool = False) -> None:
        super().__init__(MemoryDriver(runtime=OwnLoopRuntime()))
        self.gate = Gate()
        self.held = set(held)
        self.stubborn = stubborn
        self.log: list[str] = []
        self.threads: set[str] = set()
        self.tasks: list[asyncio.Task[object] | None] = []
        self.deadlines: list[int] = []
        self.open_readers = 0

    async def step(self, name: str) -> None:
        self.threads.add(threading.current_thread().name)
        self.tasks.append(asyncio.current_task())
        self.deadlines.append(deadline.get())
        self.log.append(name)
        await self.runtime.sleep(0)
        if name in self.held and await self.gate.hold_task():
            self.log.append(f"{name} cancelled")
            if not self.stubborn:
                raise asyncio.CancelledError

    @override
    async def stat(self, path: str, *, must_exist: bool = False) -> FileInfo:
        await self.step("stat")
        return await super().stat(path)

    @override
    async def reader(
        self, path: str, offset: int = 0, length: int | None = None, *, must_exist: bool = False
    ) -> FileReader:
        await self.step("reader")
        return GatedReader(self, await super().reader(path, offset, length))

    @override
    async def writer(
        self,
        path: str,
        *,
        append: bool = False,
        begin: bool = False,
        at_least: int = 0,
        destination: str | None = None,
    ) -> FileWriter:
        await self.step("writer")
        return GatedWriter(self, await super().writer(path, append=append))

    @override
    async def list(
        self, path: str, start_after: str | None = None, limit: int | None = None
    ) -> AsyncGenerator[str, None]:
        try:
            await self.step("list")
            async for name in super().list(path, start_after, limit):
                yield name
        finally:
            self.log.append("list closed")

    @override
    async def aclose(self) -> None:
        await self.step("driver closed")


class GatedReader(WrapperReader):
    def __init__(self, driver: GatedDriver, inner: FileReader) -> None:
        super().__init__(inner)
        self._driver = driver
        driver.open_readers += 1

    @override
    async def read(self) -> bytes:
        chunk = await super().read()
        await self._driver.step("read")
        return chunk

    @override
    async def aclose(self) -> None:
        await self._driver.step("close")
        await super().aclose()
        self._driver.open_readers -= 1


class GatedWriter(WrapperWriter):
    def __init__(self, driver: GatedDriver, inner: FileWriter) -> None:
        super().__init__(inner)
        self._driver = driver

    @override
    async def write(self, data: bytes | bytearray | memoryview, offset: int | None = None) -> None:
        await self._driver.step("write")
        await super().write(data, offset)

    @override
    async def park(self, note: bytes = b"") -> None:
        await self._driver.step("park")
        await super().park(note)

    @override
    async def cancel(self) -> None:
        await self._driver.step("cancel")
        await super().cancel()


async def use(driver: StorageDriver) -> None:
    writer = await driver.writer("u")
    await writer.write(b"abc")
    await writer.park()
    writer = await driver.writer("u", append=True)
    await writer.write(b"d")
    await writer.commit("a")
    async with await driver.reader("a") as reader:
        assert [chunk async for chunk in reader] == [b"abcd"]
    assert [name async for name in driver.list("")] == ["a"]
    assert (await driver.stat("a")).size == 4
    with pytest.raises(PathNotFoundError):
        await driver.reader("missing")
    with pytest.raises(PathNotFoundError):
        await anext(driver.walk("missing"))
    await driver.delete("a")


async def test_all_work_is_done_in_the_io_loop() -> None:
    inner = GatedDriver()
    await use(HoppingDriver(inner))
    assert inner.threads == {"regstore-io"}


async def test_the_caller_s_loop_goes_on_meanwhile() -> None:
    inner = GatedDriver("stat")
    async with anyio.create_task_group() as group:
        group.start_soon(HoppingDriver(inner).stat, "")
        await inner.gate.arrival()
        inner.gate.open()
    assert inner.log == ["stat"]


def test_in_the_io_loop_nothing_hops() -> None:
    inner = GatedDriver()
    inner.runtime.run(use(HoppingDriver(inner)))
    assert len(set(inner.tasks)) == 1


def test_one_driver_serves_loops_of_every_kind_at_once() -> None:
    pytest.importorskip("trio")
    driver = HoppingDriver(MemoryDriver(runtime=OwnLoopRuntime()))
    together = threading.Barrier(6)
    failures: list[Exception] = []

    async def work(number: int) -> None:
        for turn in range(20):
            path = f"{number}/{turn}"
            await driver.put_content(path, path.encode())
            assert (await driver.get_content(path)).data == path.encode()

    def run(number: int) -> None:
        together.wait(60)
        try:
            anyio.run(work, number, backend=["asyncio", "trio"][number % 2])
        except Exception as error:  # noqa: BLE001 - shown below
            failures.append(error)

    threads = [threading.Thread(target=run, args=[number]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.parametrize("backend", BOTH)
def test_it_works_after_a_fork(backend: str) -> None:
    driver = HoppingDriver(GatedDriver())
    anyio.run(use, driver, backend=backend)
    assert in_child(lambda: anyio.run(use, driver, backend=backend)) == ""
    anyio.run(use, driver, backend=backend)


async def test_context_variables_come_along() -> None:
    inner = GatedDriver()
    token = deadline.set(7)
    await HoppingDriver(inner).stat("")
    deadline.reset(token)
    assert inner.deadlines == [7]


async def test_a_call_that_is_cancelled_over_there_raises_no_cancellation_here() -> None:
    class Dying(GatedDriver):
        @override
        async def step(self, name: str) -> None:
            raise asyncio.CancelledError

    with pytest.raises(RuntimeError, match="cancelled"):
        await HoppingDriver(Dying()).stat("")


@every_way_to_cancel
async def test_a_cancelled_caller_cancels_its_call_and_waits_for_its_end(
    cancelled: Cancel,
) -> None:
    inner = GatedDriver("stat")
    assert await cancelled(lambda: HoppingDriver(inner).stat(""), inner.gate) == []
    assert inner.log == ["stat", "stat cancelled"]


@every_way_to_cancel
async def test_a_reader_that_nobody_takes_is_closed(cancelled: Cancel) -> None:
    inner = GatedDriver("reader", stubborn=True)
    driver = HoppingDriver(inner)
    await driver.put_content("a", b"abc")
    assert await cancelled(lambda: driver.reader("a"), inner.gate) == []
    assert inner.log == ["reader", "reader cancelled", "close"]


@every_way_to_cancel
async def test_a_writer_that_nobody_takes_is_cancelled(cancelled: Cancel) -> None:
    inner = GatedDriver("writer", stubborn=True)
    driver = HoppingDriver(inner)
    assert await cancelled(lambda: driver.writer("a"), inner.gate) == []
    assert inner.log == ["writer", "writer cancelled", "cancel"]


@every_way_to_cancel
async def test_a_resumed_writer_that_nobody_takes_keeps_what_was_parked(
    cancelled: Cancel,
) -> None:
    inner = GatedDriver(stubborn=True)
    driver = HoppingDriver(inner)
    writer = await driver.writer("a")
    await writer.write(b"abc")
    await writer.park()
    inner.held.add("writer")
    assert await cancelled(lambda: driver.writer("a", append=True), inner.gate) == []
    inner.held.clear()
    assert inner.log[-3:] == ["writer", "writer cancelled", "park"]
    assert (await driver.writer("a", append=True)).size == 3


@every_way_to_cancel
async def test_a_writer_never_runs_two_steps_at_a_time(cancelled: Cancel) -> None:
    inner = GatedDriver("write")
    driver = HoppingDriver(inner)
    writer = await driver.writer("a")

    async def write_and_clean_up() -> None:
        try:
            await writer.write(b"abc")
        except BaseException:
            await driver.runtime.shield(writer.cancel())
            raise

    assert await cancelled(write_and_clean_up, inner.gate) == []
    assert inner.log == ["writer", "write", "write cancelled", "cancel"]


@every_way_to_cancel
async def test_a_chunk_that_came_is_not_lost(cancelled: Cancel) -> None:
    inner = GatedDriver("read", stubborn=True)
    driver = HoppingDriver(inner)
    await driver.put_content("a", b"abc")
    reader = await driver.reader("a")
    assert await cancelled(reader.read, inner.gate) == []
    assert [await reader.read(), await reader.read()] == [b"abc", b""]


@every_way_to_cancel
async def test_a_listing_is_closed_for_a_cancelled_caller(cancelled: Cancel) -> None:
    inner = GatedDriver("list")
    driver = HoppingDriver(inner)

    async def list_all() -> None:
        async with aclosing(driver.list("")) as names:
            async for _ in names:
                await anyio.lowlevel.checkpoint()

    assert await cancelled(list_all, inner.gate) == []
    assert inner.log == ["list", "list cancelled", "list closed"]


@every_way_to_cancel
@pytest.mark.parametrize("what", ["close", "cancel", "driver closed"])
async def test_letting_go_is_never_cut_short(cancelled: Cancel, what: str) -> None:
    inner = GatedDriver()
    driver = HoppingDriver(inner)
    await driver.put_content("a", b"")
    reader = await driver.reader("a")
    writer = await driver.writer("b")
    inner.log.clear()
    inner.held.add(what)
    calls = {"close": reader.aclose, "cancel": writer.cancel, "driver closed": driver.aclose}
    await cancelled(calls[what], inner.gate)
    assert inner.log == [what]


async def test_letting_go_works_in_a_cancelled_scope() -> None:
    inner = GatedDriver()
    driver = HoppingDriver(inner)
    await driver.put_content("a", b"")
    reader = await driver.reader("a")
    writer = await driver.writer("b")
    with anyio.CancelScope() as scope:
        scope.cancel()
        await reader.aclose()
        await writer.cancel()
        await driver.aclose()
    assert inner.log == ["reader", "writer", "close", "cancel", "driver closed"]


async def test_a_listing_that_is_left_early_is_closed() -> None:
    inner = GatedDriver()
    driver = HoppingDriver(inner)
    for number in range(300):
        await driver.put_content(f"{number:03}", b"")
    async with aclosing(driver.list("")) as names:
        assert await anext(names) == "000"
    assert inner.log == ["list", "list closed"]
    assert len([name async for name in driver.list("")]) == 300


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("turns", range(12))
async def test_whenever_a_task_is_cancelled_what_it_opened_is_closed(turns: int) -> None:
    inner = GatedDriver()
    driver = HoppingDriver(inner)
    await driver.put_content("a", b"")

    async def read() -> None:
        async with await driver.reader("a") as reader:
            await reader.read()

    task = asyncio.create_task(read())
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert inner.open_readers == 0


async def test_an_asynchronous_registry_hops_to_the_io_loop() -> None:
    registry = AsyncRegistry(GatedDriver())
    assert isinstance(registry.driver, HoppingDriver)
    blob = await registry.repository("a").blobs.put(b"layer")
    assert await registry.repository("a").blobs.get(blob.digest) == b"layer"
    await registry.aclose()


def test_a_plain_registry_is_run_in_the_io_loop() -> None:
    inner = GatedDriver()
    registry = Registry(inner)
    assert registry.driver is inner
    blob = registry.repository("a").blobs.put(b"layer")
    assert list(registry.repository("a").blobs.all()) == [blob.digest]
    registry.ping()
    assert inner.threads == {"regstore-io"}
