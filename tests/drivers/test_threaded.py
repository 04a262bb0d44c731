"""The threaded driver: blocking work for asyncio and trio; the cancelled leave nothing behind.

Threads are held at gates, so that each test decides who waits for whom; nothing sleeps.
"""

from __future__ import annotations

import asyncio
import inspect
import random
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from datetime import UTC, datetime

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from typing_extensions import override

from regstore._clock import Clock
from regstore._run import BlockingRuntime
from regstore.consistency import WrapperDriver, WrapperReader, WrapperWriter
from regstore.driver import FileInfo, FileReader, FileWriter, StorageDriver
from regstore.drivers.carried import CarriedDriver, CarriedReader, CarriedWriter
from regstore.drivers.memory import MemoryDriver
from regstore.drivers.threaded import ThreadedDriver
from regstore.errors import PathNotFoundError
from tests.drivers.cancelling import NEEDS_TRIO, Cancel, Gate, every_way_to_cancel, settle

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", pytest.param("trio", marks=NEEDS_TRIO)])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    backend: str = request.param
    return backend


class GatedDriver(WrapperDriver):
    """A memory driver that holds what a test names at a gate, and notes what it was asked."""

    def __init__(self, *held: str) -> None:
        super().__init__(MemoryDriver())
        self.gate = Gate()
        self.held = set(held)
        self.log: list[str] = []
        self.threads: set[int] = set()
        self.overlaps = 0
        self._running = threading.Lock()

    def step(self, name: str) -> None:
        self.threads.add(threading.get_ident())
        self.log.append(name)
        if not self._running.acquire(blocking=False):
            self.overlaps += 1
            return
        try:
            if name in self.held:
                self.gate.hold()
        finally:
            self._running.release()

    @override
    async def stat(self, path: str, *, must_exist: bool = False) -> FileInfo:
        self.step("stat")
        return await super().stat(path)

    @override
    async def reader(
        self, path: str, offset: int = 0, length: int | None = None, *, must_exist: bool = False
    ) -> FileReader:
        self.step("reader")
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
        self.step("writer")
        return GatedWriter(self, await super().writer(path, append=append))

    @override
    async def list(
        self, path: str, start_after: str | None = None, limit: int | None = None
    ) -> AsyncGenerator[str, None]:
        self.step("list")
        try:
            async for name in super().list(path, start_after, limit):
                yield name
        finally:
            self.step("list closed")

    @override
    async def aclose(self) -> None:
        self.step("driver closed")


class GatedReader(WrapperReader):
    def __init__(self, driver: GatedDriver, inner: FileReader) -> None:
        super().__init__(inner)
        self._driver = driver

    @override
    async def read(self) -> bytes:
        self._driver.step("read")
        return await super().read()

    @override
    async def aclose(self) -> None:
        self._driver.step("close")
        await super().aclose()


class GatedWriter(WrapperWriter):
    def __init__(self, driver: GatedDriver, inner: FileWriter) -> None:
        super().__init__(inner)
        self._driver = driver

    @override
    async def write(self, data: bytes | bytearray | memoryview, offset: int | None = None) -> None:
        self._driver.step("write")
        await super().write(data, offset)

    @override
    async def park(self, note: bytes = b"") -> None:
        self._driver.step("park")
        await super().park(note)

    @override
    async def cancel(self) -> None:
        self._driver.step("cancel")
        await super().cancel()


@pytest.fixture
def hops(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every call that went to a worker thread."""
    made: list[object] = []
    run_sync = anyio.to_thread.run_sync

    async def counting(fn: Callable[[], object]) -> object:
        made.append(fn)
        return await run_sync(fn)

    monkeypatch.setattr(anyio.to_thread, "run_sync", counting)
    return made


@pytest.mark.parametrize(
    ("contract", "carried"),
    [
        (StorageDriver, CarriedDriver),
        (FileReader, CarriedReader),
        (FileWriter, CarriedWriter),
    ],
)
def test_signatures_are_those_of_the_contract(contract: type, carried: type) -> None:
    for name in getattr(contract, "__abstractmethods__"):  # noqa: B009 - a type may lack it
        if inspect.isfunction(getattr(contract, name)):
            ours = inspect.signature(getattr(carried, name))
            assert ours == inspect.signature(getattr(contract, name)), name


async def test_everything_works_and_costs_one_hop(hops: list[object]) -> None:
    driver = ThreadedDriver(MemoryDriver())

    async def one_hop(call: Awaitable[object]) -> None:
        hops.clear()
        await call
        assert len(hops) == 1

    await one_hop(driver.put_content("a", b"abc"))
    await one_hop(driver.stat("a"))
    await one_hop(driver.get_content("a"))
    await one_hop(driver.copy("a", "b"))
    await one_hop(driver.move("b", "c"))
    await one_hop(driver.delete_file("c"))
    await one_hop(driver.delete("a"))
    await one_hop(driver.redirect_url("a"))
    await one_hop(driver.aclose())
    with pytest.raises(PathNotFoundError):
        await driver.local_file("a")
    writer = await driver.writer("u")
    await one_hop(writer.write(b"abc"))
    await one_hop(writer.park())
    writer = await driver.writer("u", append=True, at_least=3)
    await one_hop(writer.write(b"f", offset=5))
    assert writer.size == 6
    await one_hop(writer.commit("d"))
    reader = await driver.reader("d", 1, 4)
    assert (await reader.read(), reader.info.size) == (b"bc\0\0", 6)
    await one_hop(reader.read())
    await one_hop(reader.aclose())


async def test_no_work_is_done_in_the_caller_s_thread() -> None:
    inner = GatedDriver()
    driver = ThreadedDriver(inner)
    writer = await driver.writer("a")
    await writer.write(b"x")
    await writer.commit()
    async with await driver.reader("a") as reader:
        assert [chunk async for chunk in reader] == [b"x"]
    assert [name async for name in driver.list("")] == ["a"]
    assert threading.get_ident() not in inner.threads


async def test_listings_take_few_hops_and_close_on_early_exit(hops: list[object]) -> None:
    inner = GatedDriver()
    names = [f"{number:04}" for number in range(1000)]
    for name in names:
        await inner.put_content(name, b"")
    driver = ThreadedDriver(inner)
    assert [name async for name in driver.list("")] == names
    assert len(hops) == 4
    assert {info.path async for info in driver.walk("")} == set(names)
    assert len(hops) == 8
    inner.log.clear()
    async with aclosing(driver.list("", "0500")) as found:
        assert await anext(found) == "0501"
    assert inner.log == ["list", "list closed"]
    assert len(hops) == 10


async def test_a_listing_s_error_arrives_as_it_is() -> None:
    driver = ThreadedDriver(MemoryDriver())
    with pytest.raises(PathNotFoundError):
        await anext(driver.list("missing"))
    with pytest.raises(PathNotFoundError):
        await anext(driver.walk("missing"))


async def test_many_calls_at_once() -> None:
    driver = ThreadedDriver(MemoryDriver())
    found: dict[int, bytes] = {}

    async def put_and_get(number: int) -> None:
        await driver.put_content(f"d/{number}", str(number).encode())
        found[number] = (await driver.get_content(f"d/{number}")).data

    async with anyio.create_task_group() as group:
        for number in range(300):
            group.start_soon(put_and_get, number)
    assert found == {number: str(number).encode() for number in range(300)}
    assert len([name async for name in driver.list("d")]) == 300


async def test_clock_and_randomness_are_the_inner_driver_s() -> None:
    class Stopped(Clock):
        @override
        def now(self) -> datetime:
            return datetime(2015, 6, 1, tzinfo=UTC)

        @override
        def monotonic(self) -> float:
            return 42.0

    rng = random.Random(7)
    runtime = ThreadedDriver(MemoryDriver(runtime=BlockingRuntime(Stopped(), rng))).runtime
    assert runtime.now() == datetime(2015, 6, 1, tzinfo=UTC)
    assert runtime.monotonic() == 42.0
    assert runtime.random is rng


@every_way_to_cancel
async def test_a_reader_opened_for_a_cancelled_caller_is_closed(cancelled: Cancel) -> None:
    inner = GatedDriver("reader")
    await inner.put_content("a", b"abc")
    driver = ThreadedDriver(inner)
    assert await cancelled(lambda: driver.reader("a"), inner.gate) == []
    assert inner.log == ["reader", "close"]


@every_way_to_cancel
async def test_a_writer_opened_for_a_cancelled_caller_is_cancelled(cancelled: Cancel) -> None:
    inner = GatedDriver("writer")
    driver = ThreadedDriver(inner)
    assert await cancelled(lambda: driver.writer("a"), inner.gate) == []
    assert inner.log == ["writer", "cancel"]


@every_way_to_cancel
async def test_a_writer_resumed_for_a_cancelled_caller_keeps_what_was_parked(
    cancelled: Cancel,
) -> None:
    inner = GatedDriver()
    driver = ThreadedDriver(inner)
    writer = await driver.writer("a")
    await writer.write(b"abc")
    await writer.park()
    inner.held.add("writer")
    assert await cancelled(lambda: driver.writer("a", append=True), inner.gate) == []
    inner.held.clear()
    assert inner.log[-2:] == ["writer", "park"]
    assert (await driver.writer("a", append=True, at_least=3)).size == 3


@every_way_to_cancel
async def test_an_opening_that_fails_for_a_cancelled_caller_leaves_nothing(
    cancelled: Cancel,
) -> None:
    inner = GatedDriver("reader")
    driver = ThreadedDriver(inner)

    async def open_missing() -> object:
        with pytest.raises(PathNotFoundError):
            await driver.reader("missing")
        await anyio.lowlevel.checkpoint()
        return "went on"

    assert await cancelled(open_missing, inner.gate) == []
    assert inner.log == ["reader"]


@every_way_to_cancel
async def test_a_writer_never_runs_two_steps_at_a_time(cancelled: Cancel) -> None:
    inner = GatedDriver("write")
    driver = ThreadedDriver(inner)
    writer = await driver.writer("a")

    async def write_and_clean_up() -> None:
        try:
            await writer.write(b"abc")
            await anyio.lowlevel.checkpoint()
        except BaseException:
            await driver.runtime.shield(writer.cancel())
            raise

    assert await cancelled(write_and_clean_up, inner.gate) == []
    assert inner.log == ["writer", "write", "cancel"]
    assert inner.overlaps == 0


@every_way_to_cancel
async def test_a_cancelled_read_loses_no_chunk(cancelled: Cancel) -> None:
    inner = GatedDriver("read")
    await inner.put_content("a", b"abc")
    reader = await ThreadedDriver(inner).reader("a")
    assert await cancelled(reader.read, inner.gate) == []
    assert [await reader.read(), await reader.read()] == [b"abc", b""]


@every_way_to_cancel
async def test_a_listing_is_closed_for_a_cancelled_caller(cancelled: Cancel) -> None:
    inner = GatedDriver("list")
    for number in range(300):
        await inner.put_content(f"{number:03}", b"")
    driver = ThreadedDriver(inner)

    async def list_all() -> None:
        async with aclosing(driver.list("")) as names:
            async for _ in names:
                await anyio.lowlevel.checkpoint()

    assert await cancelled(list_all, inner.gate) == []
    assert inner.log == ["list", "list closed"]
    assert threading.get_ident() not in inner.threads


@every_way_to_cancel
async def test_closing_is_done_once(cancelled: Cancel) -> None:
    inner = GatedDriver("close")
    await inner.put_content("a", b"")
    reader = await ThreadedDriver(inner).reader("a")
    await cancelled(reader.aclose, inner.gate)
    assert inner.log == ["reader", "close"]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_call_cancelled_before_it_has_a_thread_is_never_made() -> None:
    inner = GatedDriver()
    task = asyncio.create_task(ThreadedDriver(inner).stat("a"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert inner.log == []


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("turns", range(6))
async def test_closing_is_done_whenever_its_task_is_cancelled(turns: int) -> None:
    inner = GatedDriver()
    await inner.put_content("a", b"")
    reader = await ThreadedDriver(inner).reader("a")
    task = asyncio.create_task(reader.aclose())
    for _ in range(turns + 1):
        await asyncio.sleep(0)
    was_done = task.done()
    task.cancel()
    await asyncio.wait([task])
    assert inner.log == ["reader", "close"]
    assert task.cancelled() is not was_done


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("turns", range(12))
async def test_whenever_a_task_is_cancelled_what_it_opened_is_closed(turns: int) -> None:
    inner = GatedDriver()
    await inner.put_content("a", b"")

    async def read() -> None:
        async with await ThreadedDriver(inner).reader("a") as reader:
            await reader.read()

    task = asyncio.create_task(read())
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert inner.log.count("close") == inner.log.count("reader")


async def test_closing_works_in_a_cancelled_scope() -> None:
    inner = GatedDriver()
    await inner.put_content("a", b"")
    driver = ThreadedDriver(inner)
    reader = await driver.reader("a")
    writer = await driver.writer("b")
    with anyio.CancelScope() as scope:
        scope.cancel()
        await reader.aclose()
        await writer.cancel()
        await driver.aclose()
    assert inner.log == ["reader", "writer", "close", "cancel", "driver closed"]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_timeout_is_still_a_timeout() -> None:
    inner = GatedDriver("stat")
    driver = ThreadedDriver(inner)

    timeout = asyncio.timeout(None)

    async def expire_then_release() -> None:
        await inner.gate.arrival()
        timeout.reschedule(asyncio.get_running_loop().time())
        await settle()
        assert timeout.expired()
        inner.gate.open()

    async with asyncio.TaskGroup() as group:
        group.create_task(expire_then_release())
        with pytest.raises(TimeoutError):
            async with timeout:
                await driver.stat("")
    assert inner.log == ["stat"]
