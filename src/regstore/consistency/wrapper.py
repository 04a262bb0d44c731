"""Forwarding, written once: a wrapper overrides only what its one worry is about."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from typing_extensions import override

from regstore._run import Runtime
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


class WrapperDriver(StorageDriver):
    """A driver that forwards everything to another one.

    Name, capabilities and runtime are the inner driver's, asked for each time, since a probe may
    lower what a driver promises while it is in use.

    :param inner: the driver to forward to; closing the wrapper closes it.
    """

    def __init__(self, inner: StorageDriver) -> None:
        self._inner = inner

    @property
    def inner(self) -> StorageDriver:
        """The driver that calls are forwarded to."""
        return self._inner

    @property
    def name(self) -> str:  # type: ignore[override] # read-only: it is the inner driver's
        """The inner driver's name."""
        return self._inner.name

    @property
    def capabilities(self) -> Capabilities:  # type: ignore[override] # likewise
        """The inner driver's capabilities."""
        return self._inner.capabilities

    @property
    def runtime(self) -> Runtime:  # type: ignore[override] # likewise
        """The inner driver's runtime."""
        return self._inner.runtime

    @override
    async def stat(self, path: str, *, must_exist: bool = False) -> FileInfo:
        return await self._inner.stat(path, must_exist=must_exist)

    @override
    async def get_content(self, path: str, *, must_exist: bool = False) -> Content:
        return await self._inner.get_content(path, must_exist=must_exist)

    @override
    async def reader(
        self, path: str, offset: int = 0, length: int | None = None, *, must_exist: bool = False
    ) -> FileReader:
        return await self._inner.reader(path, offset, length, must_exist=must_exist)

    @override
    async def put_content(self, path: str, data: bytes, condition: Condition = ANY) -> str | None:
        return await self._inner.put_content(path, data, condition)

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
        return await self._inner.writer(
            path, append=append, begin=begin, at_least=at_least, destination=destination
        )

    @override
    async def parked_at(self, path: str) -> datetime | None:
        return await self._inner.parked_at(path)

    @override
    async def move(self, source: str, destination: str) -> None:
        await self._inner.move(source, destination)

    @override
    async def copy(
        self,
        source: str,
        destination: str,
        condition: Condition = ANY,
        source_version: str | None = None,
    ) -> str | None:
        return await self._inner.copy(source, destination, condition, source_version)

    @override
    async def delete(self, path: str) -> None:
        await self._inner.delete(path)

    @override
    async def delete_file(
        self, path: str, condition: Condition = ANY, *, missing_ok: bool = False
    ) -> None:
        await self._inner.delete_file(path, condition, missing_ok=missing_ok)

    @override
    def list(
        self, path: str, start_after: str | None = None, limit: int | None = None
    ) -> AsyncGenerator[str, None]:
        return self._inner.list(path, start_after, limit)

    @override
    def walk(self, path: str) -> AsyncGenerator[FileInfo, None]:
        return self._inner.walk(path)

    @override
    async def redirect_url(
        self,
        path: str,
        method: Literal["GET", "HEAD"] = "GET",
        expires: timedelta = timedelta(minutes=20),
        filename: str | None = None,
    ) -> str | None:
        return await self._inner.redirect_url(path, method, expires, filename)

    @override
    async def local_file(self, path: str) -> Path | None:
        return await self._inner.local_file(path)

    @override
    def expect_lag(self, seconds: float | None) -> None:
        self._inner.expect_lag(seconds)

    @override
    async def aclose(self) -> None:
        await self._inner.aclose()


class WrapperReader(FileReader):
    """A reader that forwards everything to another one.

    :param inner: the reader to forward to; closing the wrapper closes it.
    """

    def __init__(self, inner: FileReader) -> None:
        self._inner = inner
        self.info: FileInfo = inner.info

    @override
    async def read(self) -> bytes:
        return await self._inner.read()

    @override
    async def aclose(self) -> None:
        await self._inner.aclose()


class WrapperWriter(FileWriter):
    """A writer that forwards everything to another one.

    :param inner: the writer to forward to.
    """

    def __init__(self, inner: FileWriter) -> None:
        self._inner = inner

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
        await self._inner.write(data, offset)

    @override
    async def park(self, note: bytes = b"") -> None:
        await self._inner.park(note)

    @override
    async def commit(
        self, to: str | None = None, condition: Condition = ANY, *, keep_parked: bool = False
    ) -> str | None:
        return await self._inner.commit(to, condition, keep_parked=keep_parked)

    @override
    async def cancel(self) -> None:
        await self._inner.cancel()
