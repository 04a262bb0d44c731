"""A blocking driver for asynchronous callers: its calls run in worker threads."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar

from typing_extensions import override

from regstore._clock import Clock
from regstore._run import LoopRuntime, Runtime
from regstore.driver import (
    ANY,
    Capabilities,
    Condition,
    Content,
    FileInfo,
    FileReader,
    FileWriter,
    StorageDriver,
)
from regstore.drivers.threads import in_thread, surely_in_thread

P = ParamSpec("P")
T = TypeVar("T")

_BATCH = 256
"""Names or descriptions fetched at a time: a hop costs as much as reading some tens of them."""


class ThreadedDriver(StorageDriver):
    """Offers a blocking driver to any asyncio or trio loop; one of it serves many loops.

    One call is one worker thread's work, of which anyio runs 40 at a time for a loop
    (:func:`anyio.to_thread.current_default_thread_limiter` changes that); a listing is fetched in
    batches. Cancelled callers wait for their thread, so that nothing stays open and no writer ever
    runs two steps at a time. Wrappers stand outside of this one: in its threads only *inner* runs.

    :param inner: a driver whose coroutines never suspend; closing this one closes it.
    """

    def __init__(self, inner: StorageDriver) -> None:
        self._inner = inner
        self.runtime: Runtime = LoopRuntime(_ClockOf(inner.runtime), inner.runtime.random)

    @property
    def name(self) -> str:  # type: ignore[override] # read-only: it is the inner driver's
        """The inner driver's name."""
        return self._inner.name

    @property
    def capabilities(self) -> Capabilities:  # type: ignore[override] # likewise
        """The inner driver's capabilities."""
        return self._inner.capabilities

    @override
    async def stat(self, path: str, *, must_exist: bool = False) -> FileInfo:
        return await self._hop(self._inner.stat, path, must_exist=must_exist)

    @override
    async def get_content(self, path: str, *, must_exist: bool = False) -> Content:
        return await self._hop(self._inner.get_content, path, must_exist=must_exist)

    @override
    async def reader(
        self, path: str, offset: int = 0, length: int | None = None, *, must_exist: bool = False
    ) -> FileReader:
        run = self._inner.runtime.run

        def open_reader() -> FileReader:
            return run(self._inner.reader(path, offset, length, must_exist=must_exist))

        reader = await in_thread(open_reader, undo=lambda reader: run(reader.aclose()))
        return ThreadedReader(reader, self._inner.runtime)

    @override
    async def put_content(self, path: str, data: bytes, condition: Condition = ANY) -> str | None:
        return await self._hop(self._inner.put_content, path, data, condition)

    @override
    async def writer(self, path: str, *, append: bool = False, at_least: int = 0) -> FileWriter:
        run = self._inner.runtime.run

        def open_writer() -> FileWriter:
            return run(self._inner.writer(path, append=append, at_least=at_least))

        def let_go(writer: FileWriter) -> None:
            # What was parked by others stays for others.
            run(writer.park() if append else writer.cancel())

        writer = await in_thread(open_writer, undo=let_go)
        return ThreadedWriter(writer, self._inner.runtime)

    @override
    async def move(self, source: str, destination: str) -> None:
        await self._hop(self._inner.move, source, destination)

    @override
    async def copy(
        self,
        source: str,
        destination: str,
        condition: Condition = ANY,
        source_version: str | None = None,
    ) -> str | None:
        return await self._hop(self._inner.copy, source, destination, condition, source_version)

    @override
    async def delete(self, path: str) -> None:
        await self._hop(self._inner.delete, path)

    @override
    async def delete_file(self, path: str, condition: Condition = ANY) -> None:
        await self._hop(self._inner.delete_file, path, condition)

    @override
    def list(
        self, path: str, start_after: str | None = None, limit: int | None = None
    ) -> AsyncGenerator[str, None]:
        return self._stream(self._inner.list(path, start_after, limit))

    @override
    def walk(self, path: str) -> AsyncGenerator[FileInfo, None]:
        return self._stream(self._inner.walk(path))

    @override
    async def redirect_url(
        self,
        path: str,
        method: Literal["GET", "HEAD"] = "GET",
        expires: timedelta = timedelta(minutes=20),
        filename: str | None = None,
    ) -> str | None:
        return await self._hop(self._inner.redirect_url, path, method, expires, filename)

    @override
    async def local_file(self, path: str) -> Path | None:
        return await self._hop(self._inner.local_file, path)

    @override
    async def aclose(self) -> None:
        run = self._inner.runtime.run
        await surely_in_thread(lambda: run(self._inner.aclose()))

    async def _hop(
        self, method: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **named: P.kwargs
    ) -> T:
        run = self._inner.runtime.run
        return await in_thread(lambda: run(method(*args, **named)))

    async def _stream(self, items: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
        source = self._inner.runtime.iterate(items)
        try:
            while _is_open(source):
                for item in await in_thread(lambda: [*islice(source, _BATCH)]):
                    yield item
        finally:
            if _is_open(source):
                await surely_in_thread(source.close)


class ThreadedReader(FileReader):
    """A blocking reader, one hop for each chunk; a cancelled read loses none."""

    def __init__(self, inner: FileReader, runtime: Runtime) -> None:
        self.info: FileInfo = inner.info
        self._inner = inner
        self._run = runtime.run
        self._kept = b""

    @override
    async def read(self) -> bytes:
        if self._kept:
            chunk, self._kept = self._kept, b""
            return chunk
        return await in_thread(lambda: self._run(self._inner.read()), undo=self._keep)

    @override
    async def aclose(self) -> None:
        await surely_in_thread(lambda: self._run(self._inner.aclose()))

    def _keep(self, chunk: bytes) -> None:
        self._kept = chunk


class ThreadedWriter(FileWriter):
    """A blocking writer, one hop for each step."""

    def __init__(self, inner: FileWriter, runtime: Runtime) -> None:
        self._inner = inner
        self._run = runtime.run

    @property
    @override
    def size(self) -> int:
        return self._inner.size

    @override
    async def write(self, data: bytes | bytearray | memoryview, offset: int | None = None) -> None:
        await in_thread(lambda: self._run(self._inner.write(data, offset)))

    @override
    async def park(self) -> None:
        await in_thread(lambda: self._run(self._inner.park()))

    @override
    async def commit(self, to: str | None = None, condition: Condition = ANY) -> str | None:
        return await in_thread(lambda: self._run(self._inner.commit(to, condition)))

    @override
    async def cancel(self) -> None:
        await surely_in_thread(lambda: self._run(self._inner.cancel()))


class _ClockOf(Clock):
    """The clock of a runtime."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @override
    def now(self) -> datetime:
        return self._runtime.now()

    @override
    def monotonic(self) -> float:
        return self._runtime.monotonic()


def _is_open(generator: Generator[T, None, None]) -> bool:
    return inspect.getgeneratorstate(generator) != inspect.GEN_CLOSED
