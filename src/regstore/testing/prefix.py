"""A driver that sees one directory of another one as its root."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Literal

from typing_extensions import override

from regstore.consistency import WrapperDriver, WrapperReader, WrapperWriter
from regstore.driver import (
    ANY,
    Condition,
    Content,
    FileInfo,
    FileReader,
    FileWriter,
    StorageDriver,
    check_path,
)
from regstore.errors import DriverError, PathNotFoundError


class PrefixDriver(WrapperDriver):
    """The directory *prefix* of *inner*, as a store of its own.

    Paths may be as long as *inner* allows, less the prefix. What writes or deletes is checked here
    first, so that a driver that takes ``..`` does no harm; what reads is left to *inner* to check.

    :param inner: the driver to forward to; closing this one closes it.
    :param prefix: a path that keeps P1.
    """

    def __init__(self, inner: StorageDriver, prefix: str) -> None:
        super().__init__(inner)
        self.prefix: str = check_path(prefix, inner.name)

    def outer(self, path: str) -> str:
        """Return *path* as the inner driver names it; of the root, a path that nobody may name."""
        return f"{self.prefix}/{path}"

    def inside(self, path: str) -> str:
        """Return *path* as the inner driver names it, where it keeps P1 and P2."""
        return self.outer(check_path(path, self.name))

    def directory(self, path: str) -> str:
        """Return *path*, which may be the root, as the inner driver names it."""
        return self.outer(path) if path else self.prefix

    @contextmanager
    def naming(self) -> Iterator[None]:
        """Let errors name paths as the caller does."""
        try:
            yield
        except DriverError as error:
            error.path = self._own(error.path)
            raise

    def _own(self, path: str) -> str:
        return "" if path == self.prefix else path.removeprefix(f"{self.prefix}/")

    def named(self, info: FileInfo) -> FileInfo:
        """Return *info* with the path that the caller knows."""
        return replace(info, path=self._own(info.path))

    @override
    async def stat(self, path: str, *, must_exist: bool = False) -> FileInfo:
        with self.naming():
            path = self.directory(path)
            return self.named(await super().stat(path, must_exist=must_exist))

    @override
    async def get_content(self, path: str, *, must_exist: bool = False) -> Content:
        with self.naming():
            return await super().get_content(self.outer(path), must_exist=must_exist)

    @override
    async def reader(
        self, path: str, offset: int = 0, length: int | None = None, *, must_exist: bool = False
    ) -> FileReader:
        with self.naming():
            path = self.outer(path)
            return _Reader(await super().reader(path, offset, length, must_exist=must_exist), self)

    @override
    async def put_content(self, path: str, data: bytes, condition: Condition = ANY) -> str | None:
        with self.naming():
            return await super().put_content(self.inside(path), data, condition)

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
        with self.naming():
            path = self.inside(path)
            destination = None if destination is None else self.inside(destination)
            writer = await super().writer(
                path, append=append, begin=begin, at_least=at_least, destination=destination
            )
            return _Writer(writer, self)

    @override
    async def move(self, source: str, destination: str) -> None:
        with self.naming():
            await super().move(self.inside(source), self.inside(destination))

    @override
    async def copy(
        self,
        source: str,
        destination: str,
        condition: Condition = ANY,
        source_version: str | None = None,
    ) -> str | None:
        with self.naming():
            source, destination = self.inside(source), self.inside(destination)
            return await super().copy(source, destination, condition, source_version)

    @override
    async def delete(self, path: str) -> None:
        with self.naming():
            await super().delete(self.inside(path))

    @override
    async def delete_file(
        self, path: str, condition: Condition = ANY, *, missing_ok: bool = False
    ) -> None:
        with self.naming():
            await super().delete_file(self.inside(path), condition, missing_ok=missing_ok)

    @override
    async def list(
        self, path: str, start_after: str | None = None, limit: int | None = None
    ) -> AsyncGenerator[str, None]:
        inner = super().list(self.directory(path), start_after, limit)
        with self._empty_root(path), self.naming():
            async with aclosing(inner) as names:
                async for name in names:
                    yield name

    @override
    async def walk(self, path: str) -> AsyncGenerator[FileInfo, None]:
        inner = super().walk(self.directory(path))
        with self._empty_root(path), self.naming():
            async with aclosing(inner) as files:
                async for info in files:
                    yield self.named(info)

    @contextmanager
    def _empty_root(self, path: str) -> Iterator[None]:
        """Let the root be empty where the inner driver finds a directory missing."""
        try:
            yield
        except PathNotFoundError:
            if path:
                raise

    @override
    async def redirect_url(
        self,
        path: str,
        method: Literal["GET", "HEAD"] = "GET",
        expires: timedelta = timedelta(minutes=20),
        filename: str | None = None,
    ) -> str | None:
        with self.naming():
            return await super().redirect_url(self.outer(path), method, expires, filename)

    @override
    async def local_file(self, path: str) -> Path | None:
        with self.naming():
            return await super().local_file(self.outer(path))


class _Reader(WrapperReader):
    def __init__(self, inner: FileReader, driver: PrefixDriver) -> None:
        super().__init__(inner)
        self.info = driver.named(inner.info)
        self._driver = driver

    @override
    async def read(self) -> bytes:
        with self._driver.naming():
            return await super().read()


class _Writer(WrapperWriter):
    def __init__(self, inner: FileWriter, driver: PrefixDriver) -> None:
        super().__init__(inner)
        self._driver = driver

    @override
    async def write(self, data: bytes | bytearray | memoryview, offset: int | None = None) -> None:
        with self._driver.naming():
            await super().write(data, offset)

    @override
    async def park(self, note: bytes = b"") -> None:
        with self._driver.naming():
            await super().park(note)

    @override
    async def commit(
        self, to: str | None = None, condition: Condition = ANY, *, keep_parked: bool = False
    ) -> str | None:
        with self._driver.naming():
            to = None if to is None else self._driver.inside(to)
            return await super().commit(to, condition, keep_parked=keep_parked)

    @override
    async def cancel(self) -> None:
        with self._driver.naming():
            await super().cancel()
