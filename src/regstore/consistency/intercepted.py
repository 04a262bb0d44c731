"""Forwarding through one place, for wrappers whose worry is the same for every call."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

from typing_extensions import override

from regstore.consistency.wrapper import WrapperDriver, WrapperReader, WrapperWriter
from regstore.driver import ANY, Condition, Content, FileInfo, FileReader, FileWriter

T = TypeVar("T")

Effect = Callable[[], Awaitable[T]]
"""Makes a call of the inner driver, or a step of a reader or writer that it has opened."""


class Intercepted(WrapperDriver):
    """Forwards each call, and each step of readers and writers, through :meth:`make`.

    To close a driver or a reader is no call.
    """

    @abstractmethod
    async def make(self, method: str, path: str, effect: Effect[T]) -> T:
        """Make a call, whose effect is *effect*.

        :param method: its name; steps of readers and writers as ``reader.read``, ``writer.write``,
            ``writer.park``, ``writer.commit``, ``writer.cancel``.
        :param path: what it is about; of copies and moves the source, of writers their own path.
        """

    @abstractmethod
    def follow(
        self, method: str, path: str, items: AsyncGenerator[T, None]
    ) -> AsyncGenerator[T, None]:
        """Yield *items*, which the listing *method* of *path* gives."""

    def reading(self, inner: FileReader) -> FileReader:
        """Return what callers read from, where *inner* was opened."""
        return InterceptedReader(inner, self)

    def writing(self, inner: FileWriter, path: str) -> FileWriter:
        """Return what callers write to, where *inner* was opened for *path*."""
        return InterceptedWriter(inner, self, path)

    @override
    async def stat(self, path: str, *, must_exist: bool = False) -> FileInfo:
        effect = partial(self._inner.stat, path, must_exist=must_exist)
        return await self.make("stat", path, effect)

    @override
    async def get_content(self, path: str, *, must_exist: bool = False) -> Content:
        effect = partial(self._inner.get_content, path, must_exist=must_exist)
        return await self.make("get_content", path, effect)

    @override
    async def reader(
        self, path: str, offset: int = 0, length: int | None = None, *, must_exist: bool = False
    ) -> FileReader:
        effect = partial(self._inner.reader, path, offset, length, must_exist=must_exist)
        return self.reading(await self.make("reader", path, effect))

    @override
    async def put_content(self, path: str, data: bytes, condition: Condition = ANY) -> str | None:
        effect = partial(self._inner.put_content, path, data, condition)
        return await self.make("put_content", path, effect)

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
        effect = partial(
            self._inner.writer,
            path,
            append=append,
            begin=begin,
            at_least=at_least,
            destination=destination,
        )
        return self.writing(await self.make("writer", path, effect), path)

    @override
    async def parked_at(self, path: str) -> datetime | None:
        return await self.make("parked_at", path, partial(self._inner.parked_at, path))

    @override
    async def move(self, source: str, destination: str) -> None:
        await self.make("move", source, partial(self._inner.move, source, destination))

    @override
    async def copy(
        self,
        source: str,
        destination: str,
        condition: Condition = ANY,
        source_version: str | None = None,
    ) -> str | None:
        effect = partial(self._inner.copy, source, destination, condition, source_version)
        return await self.make("copy", source, effect)

    @override
    async def delete(self, path: str) -> None:
        await self.make("delete", path, partial(self._inner.delete, path))

    @override
    async def delete_file(
        self, path: str, condition: Condition = ANY, *, missing_ok: bool = False
    ) -> None:
        effect = partial(self._inner.delete_file, path, condition, missing_ok=missing_ok)
        await self.make("delete_file", path, effect)

    @override
    def list(
        self, path: str, start_after: str | None = None, limit: int | None = None
    ) -> AsyncGenerator[str, None]:
        return self.follow("list", path, self._inner.list(path, start_after, limit))

    @override
    def walk(self, path: str) -> AsyncGenerator[FileInfo, None]:
        return self.follow("walk", path, self._inner.walk(path))

    @override
    async def redirect_url(
        self,
        path: str,
        method: Literal["GET", "HEAD"] = "GET",
        expires: timedelta = timedelta(minutes=20),
        filename: str | None = None,
    ) -> str | None:
        effect = partial(self._inner.redirect_url, path, method, expires, filename)
        return await self.make("redirect_url", path, effect)

    @override
    async def local_file(self, path: str) -> Path | None:
        return await self.make("local_file", path, partial(self._inner.local_file, path))


class InterceptedReader(WrapperReader):
    """Makes each step of a reader a call of *driver*."""

    def __init__(self, inner: FileReader, driver: Intercepted) -> None:
        super().__init__(inner)
        self._driver = driver

    @override
    async def read(self) -> bytes:
        return await self._driver.make("reader.read", self.info.path, self._inner.read)


class InterceptedWriter(WrapperWriter):
    """Makes each step of a writer a call of *driver*.

    :param path: the writer's own.
    """

    def __init__(self, inner: FileWriter, driver: Intercepted, path: str) -> None:
        super().__init__(inner)
        self._driver = driver
        self._path = path

    @override
    async def write(self, data: bytes | bytearray | memoryview, offset: int | None = None) -> None:
        await self._driver.make(
            "writer.write", self._path, partial(self._inner.write, data, offset)
        )

    @override
    async def park(self, note: bytes = b"") -> None:
        await self._driver.make("writer.park", self._path, partial(self._inner.park, note))

    @override
    async def commit(
        self, to: str | None = None, condition: Condition = ANY, *, keep_parked: bool = False
    ) -> str | None:
        effect = partial(self._inner.commit, to, condition, keep_parked=keep_parked)
        return await self._driver.make("writer.commit", self._path, effect)

    @override
    async def cancel(self) -> None:
        await self._driver.make("writer.cancel", self._path, self._inner.cancel)
