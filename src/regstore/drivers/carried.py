"""A driver whose every call is carried to where another one runs; ``carrier`` is the way."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Generic, Literal, ParamSpec, TypeVar

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
from regstore.drivers.carrier import Carrier

P = ParamSpec("P")
T = TypeVar("T")

_BATCH = 256
"""Names or descriptions fetched at a time: a hop costs as much as reading some tens of them."""


class CarriedDriver(StorageDriver):
    """Offers a driver that cannot be awaited here to any asyncio or trio loop.

    Name, capabilities, clock and randomness are those of *inner*.

    :param inner: what runs over there; closing this one closes it.
    :param carrier: the way there.
    """

    def __init__(self, inner: StorageDriver, carrier: Carrier) -> None:
        self._inner = inner
        self._carrier = carrier
        self.runtime: Runtime = LoopRuntime(_ClockOf(inner.runtime), inner.runtime.random)

    @property
    def inner(self) -> StorageDriver:
        """The driver that calls are carried to."""
        return self._inner

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
        return await self._call(self._inner.stat, path, must_exist=must_exist)

    @override
    async def get_content(self, path: str, *, must_exist: bool = False) -> Content:
        return await self._call(self._inner.get_content, path, must_exist=must_exist)

    @override
    async def reader(
        self, path: str, offset: int = 0, length: int | None = None, *, must_exist: bool = False
    ) -> FileReader:
        open_reader = partial(self._inner.reader, path, offset, length, must_exist=must_exist)
        reader = await self._carrier.carry(open_reader, undo=_close_reader)
        return CarriedReader(reader, self._carrier)

    @override
    async def put_content(self, path: str, data: bytes, condition: Condition = ANY) -> str | None:
        return await self._call(self._inner.put_content, path, data, condition)

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
        open_writer = partial(
            self._inner.writer,
            path,
            append=append,
            begin=begin,
            at_least=at_least,
            destination=destination,
        )
        # What was parked by others stays for others.
        undo = _park_writer if append else _cancel_writer
        writer = await self._carrier.carry(open_writer, undo=undo)
        return CarriedWriter(writer, self._carrier)

    @override
    async def parked_at(self, path: str) -> datetime | None:
        return await self._call(self._inner.parked_at, path)

    @override
    async def move(self, source: str, destination: str) -> None:
        await self._call(self._inner.move, source, destination)

    @override
    async def copy(
        self,
        source: str,
        destination: str,
        condition: Condition = ANY,
        source_version: str | None = None,
    ) -> str | None:
        return await self._call(self._inner.copy, source, destination, condition, source_version)

    @override
    async def delete(self, path: str) -> None:
        await self._call(self._inner.delete, path)

    @override
    async def delete_file(
        self, path: str, condition: Condition = ANY, *, missing_ok: bool = False
    ) -> None:
        await self._call(self._inner.delete_file, path, condition, missing_ok=missing_ok)

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
        return await self._call(self._inner.redirect_url, path, method, expires, filename)

    @override
    async def local_file(self, path: str) -> Path | None:
        return await self._call(self._inner.local_file, path)

    @override
    def expect_lag(self, seconds: float | None) -> None:
        self._inner.expect_lag(seconds)

    @override
    async def aclose(self) -> None:
        await self._carrier.surely(self._inner.aclose)

    async def _call(
        self, method: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **named: P.kwargs
    ) -> T:
        return await self._carrier.carry(partial(method, *args, **named))

    async def _stream(self, items: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
        source = _Source(items)
        try:
            while not source.is_over:
                for item in await self._carrier.carry(source.some):
                    yield item
        finally:
            if not source.is_over:
                await self._carrier.surely(source.aclose)


class CarriedReader(FileReader):
    """A reader over there, one call for each chunk; a cancelled caller loses none that came."""

    def __init__(self, inner: FileReader, carrier: Carrier) -> None:
        self.info: FileInfo = inner.info
        self._inner = inner
        self._carrier = carrier
        self._kept = b""

    @override
    async def read(self) -> bytes:
        if self._kept:
            chunk, self._kept = self._kept, b""
            return chunk
        return await self._carrier.carry(self._inner.read, undo=self._keep)

    @override
    async def aclose(self) -> None:
        await self._carrier.surely(self._inner.aclose)

    async def _keep(self, chunk: bytes) -> None:
        self._kept = chunk


class CarriedWriter(FileWriter):
    """A writer over there, one call for each step."""

    def __init__(self, inner: FileWriter, carrier: Carrier) -> None:
        self._inner = inner
        self._carrier = carrier

    @property
    @override
    def size(self) -> int:
        return self._inner.size

    @property
    @override
    def note(self) -> bytes:
        return self._inner.note

    @override
    async def write(self, data: bytes | bytearray | memoryview, offset: int | None = None) -> None:
        await self._carrier.carry(partial(self._inner.write, data, offset))

    @override
    async def park(self, note: bytes = b"") -> None:
        await self._carrier.carry(partial(self._inner.park, note))

    @override
    async def commit(
        self, to: str | None = None, condition: Condition = ANY, *, keep_parked: bool = False
    ) -> str | None:
        commit = partial(self._inner.commit, to, condition, keep_parked=keep_parked)
        return await self._carrier.carry(commit)

    @override
    async def cancel(self) -> None:
        await self._carrier.surely(self._inner.cancel)


class _Source(Generic[T]):
    """A listing over there, and whether it is over."""

    def __init__(self, items: AsyncGenerator[T, None]) -> None:
        self.is_over = False
        self._items = items

    async def some(self) -> list[T]:
        """Return the next items; fewer than a batch are the last."""
        found: list[T] = []
        try:
            async for item in self._items:
                found.append(item)
                if len(found) == _BATCH:
                    return found
        except Exception:
            self.is_over = True
            raise
        self.is_over = True
        return found

    async def aclose(self) -> None:
        await self._items.aclose()


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


async def _close_reader(reader: FileReader) -> None:
    await reader.aclose()


async def _park_writer(writer: FileWriter) -> None:
    await writer.park()


async def _cancel_writer(writer: FileWriter) -> None:
    await writer.cancel()
