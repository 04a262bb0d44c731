"""Tell an embedder of every storage call: for metrics, traces and logs."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, TypeVar

from typing_extensions import override

from regstore.consistency.outcomes import Unknown, outcome_of
from regstore.consistency.wrapper import WrapperDriver, WrapperReader, WrapperWriter
from regstore.driver import (
    ANY,
    Condition,
    Content,
    FileInfo,
    FileReader,
    FileWriter,
    StorageDriver,
)
from regstore.errors import DriverError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """A storage call that has ended.

    :ivar driver: the name of the driver.
    :ivar method: that of :class:`~regstore.driver.StorageDriver`; or ``read`` of a reader, or
        ``write``, ``park``, ``commit``, ``cancel`` of a writer. A whole listing is one call.
    :ivar path: what it was about; of a move or copy, the source.
    :ivar seconds: how long it took; of a listing without the time that its items were looked at.
    :ivar error: what it raised, whoever cancels it included.
    """

    driver: str
    method: str
    path: str
    seconds: float
    error: BaseException | None = None

    @property
    def outcome(self) -> Literal["ok", "failed", "unknown"]:
        """``unknown`` where it may have taken effect: the answer was lost, or nobody waited."""
        if self.error is None:
            return "ok"
        if not isinstance(self.error, DriverError):
            return "unknown"
        return "unknown" if isinstance(outcome_of(self.error), Unknown) else "failed"


Hook = Callable[[Call], None]
"""Called when a call has ended, where the call was made. It should be quick, and never raise: what
it raises, the caller of the driver gets."""


class Observed(WrapperDriver):
    """Tells a hook of every call that ends. Adds no request.

    Outside of :class:`~regstore.consistency.Retrying` it sees what callers see, inside every
    attempt. Paths name repositories and tags, and never hold credentials.

    :param inner: the driver to forward to; closing the wrapper closes it.
    :param hook: who is told.
    """

    def __init__(self, inner: StorageDriver, hook: Hook) -> None:
        super().__init__(inner)
        self._watch = _Watch(inner, hook)

    @override
    async def stat(self, path: str, *, must_exist: bool = False) -> FileInfo:
        return await self._watch.see("stat", path, self._inner.stat(path, must_exist=must_exist))

    @override
    async def get_content(self, path: str, *, must_exist: bool = False) -> Content:
        call = self._inner.get_content(path, must_exist=must_exist)
        return await self._watch.see("get_content", path, call)

    @override
    async def reader(
        self, path: str, offset: int = 0, length: int | None = None, *, must_exist: bool = False
    ) -> FileReader:
        call = self._inner.reader(path, offset, length, must_exist=must_exist)
        return _Reader(await self._watch.see("reader", path, call), self._watch)

    @override
    async def put_content(self, path: str, data: bytes, condition: Condition = ANY) -> str | None:
        call = self._inner.put_content(path, data, condition)
        return await self._watch.see("put_content", path, call)

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
        call = self._inner.writer(
            path, append=append, begin=begin, at_least=at_least, destination=destination
        )
        return _Writer(await self._watch.see("writer", path, call), self._watch, path)

    @override
    async def parked_at(self, path: str) -> datetime | None:
        return await self._watch.see("parked_at", path, self._inner.parked_at(path))

    @override
    async def move(self, source: str, destination: str) -> None:
        await self._watch.see("move", source, self._inner.move(source, destination))

    @override
    async def copy(
        self,
        source: str,
        destination: str,
        condition: Condition = ANY,
        source_version: str | None = None,
    ) -> str | None:
        call = self._inner.copy(source, destination, condition, source_version)
        return await self._watch.see("copy", source, call)

    @override
    async def delete(self, path: str) -> None:
        await self._watch.see("delete", path, self._inner.delete(path))

    @override
    async def delete_file(
        self, path: str, condition: Condition = ANY, *, missing_ok: bool = False
    ) -> None:
        call = self._inner.delete_file(path, condition, missing_ok=missing_ok)
        await self._watch.see("delete_file", path, call)

    @override
    def list(
        self, path: str, start_after: str | None = None, limit: int | None = None
    ) -> AsyncGenerator[str, None]:
        return self._watch.follow("list", path, self._inner.list(path, start_after, limit))

    @override
    def walk(self, path: str) -> AsyncGenerator[FileInfo, None]:
        return self._watch.follow("walk", path, self._inner.walk(path))

    @override
    async def redirect_url(
        self,
        path: str,
        method: Literal["GET", "HEAD"] = "GET",
        expires: timedelta = timedelta(minutes=20),
        filename: str | None = None,
    ) -> str | None:
        call = self._inner.redirect_url(path, method, expires, filename)
        return await self._watch.see("redirect_url", path, call)

    @override
    async def local_file(self, path: str) -> Path | None:
        return await self._watch.see("local_file", path, self._inner.local_file(path))


class _Watch:
    """Takes the time of calls and tells the hook."""

    def __init__(self, driver: StorageDriver, hook: Hook) -> None:
        self._driver = driver
        self._hook = hook

    async def see(self, method: str, path: str, call: Awaitable[T]) -> T:
        monotonic = self._driver.runtime.monotonic
        began = monotonic()
        try:
            value = await call
        except BaseException as error:
            self._hook(Call(self._driver.name, method, path, monotonic() - began, error))
            raise
        self._hook(Call(self._driver.name, method, path, monotonic() - began))
        return value

    async def follow(
        self, method: str, path: str, items: AsyncGenerator[T, None]
    ) -> AsyncGenerator[T, None]:
        monotonic = self._driver.runtime.monotonic
        seconds, failure = 0.0, None
        try:
            async with aclosing(items):
                while True:
                    began = monotonic()
                    try:
                        item = await anext(items, None)
                    except BaseException as error:
                        failure = error
                        raise
                    finally:
                        seconds += monotonic() - began
                    if item is None:
                        return
                    yield item
        finally:
            self._hook(Call(self._driver.name, method, path, seconds, failure))


class _Reader(WrapperReader):
    def __init__(self, inner: FileReader, watch: _Watch) -> None:
        super().__init__(inner)
        self._watch = watch

    @override
    async def read(self) -> bytes:
        return await self._watch.see("read", self.info.path, self._inner.read())


class _Writer(WrapperWriter):
    def __init__(self, inner: FileWriter, watch: _Watch, path: str) -> None:
        super().__init__(inner)
        self._watch = watch
        self._path = path

    @override
    async def write(self, data: bytes | bytearray | memoryview, offset: int | None = None) -> None:
        await self._watch.see("write", self._path, self._inner.write(data, offset))

    @override
    async def park(self, note: bytes = b"") -> None:
        await self._watch.see("park", self._path, self._inner.park(note))

    @override
    async def commit(
        self, to: str | None = None, condition: Condition = ANY, *, keep_parked: bool = False
    ) -> str | None:
        call = self._inner.commit(to, condition, keep_parked=keep_parked)
        return await self._watch.see("commit", self._path, call)

    @override
    async def cancel(self) -> None:
        await self._watch.see("cancel", self._path, self._inner.cancel())
