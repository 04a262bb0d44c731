"""Layouts in directories, through the driver for local disks: its care is theirs."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Self

from typing_extensions import override

from regstore._run import BlockingRuntime, Runtime
from regstore.digest import Digest
from regstore.driver import IF_ABSENT, Condition, FileReader, StorageDriver, if_version
from regstore.drivers.local import LocalDriver
from regstore.drivers.local.naming import SCRATCH
from regstore.drivers.threaded import ThreadedDriver
from regstore.errors import (
    ConfigurationError,
    CorruptContentError,
    NoSpaceError,
    PathExistsError,
    PathNotFoundError,
    PermissionDeniedError,
    PreconditionFailedError,
)
from regstore.oci import Descriptor, Json
from regstore.ocilayout.index import (
    BLOBS_DIRECTORY,
    INDEX_FILE,
    LAYOUT_FILE,
    MARKER,
    blob_at,
    check_marker,
    merge_index,
)
from regstore.ocilayout.sink import Sink
from regstore.ocilayout.source import KIND, Source
from regstore.ocilayout.transfer import PARALLEL, verified


def _driver_of(path: Path, runtime: Runtime) -> StorageDriver:
    """Return a driver of the directory *path* for coroutines that *runtime* runs."""
    driver = LocalDriver(path)
    return driver if isinstance(runtime, BlockingRuntime) else ThreadedDriver(driver)


@contextmanager
def _of_layout(path: Path) -> Iterator[None]:
    """Say of what is refused that it is the layout's at *path*: the repository may be as local."""
    try:
        yield
    except (PermissionDeniedError, NoSpaceError) as error:
        raise type(error)(str(path / error.path), KIND, error.detail) from error


class DirectorySource(Source):
    """A layout in a directory. Symbolic links that lead out of it are refused."""

    def __init__(self, driver: StorageDriver, path: Path) -> None:
        super().__init__(str(path))
        self._driver = driver
        self._path = path

    @classmethod
    def open(cls, path: Path, runtime: Runtime) -> Self:
        """Open the directory *path*; no I/O is done."""
        return cls(_driver_of(path, runtime), path)

    @override
    async def size(self, path: str) -> int | None:
        try:
            with _of_layout(self._path):
                info = await self._driver.stat(path)
        except PathNotFoundError:
            return None
        return None if info.is_dir else info.size

    @override
    async def read(self, path: str) -> AsyncGenerator[bytes, None]:
        with _of_layout(self._path):
            async with await self._driver.reader(path, must_exist=True) as reader:
                async for chunk in reader:
                    yield chunk

    @override
    async def blobs(self) -> AsyncGenerator[tuple[Digest, int], None]:
        try:
            with _of_layout(self._path):
                async with aclosing(self._driver.walk(BLOBS_DIRECTORY)) as files:
                    async for info in files:
                        digest = blob_at(info.path)
                        if digest is not None:
                            yield digest, info.size
        except PathNotFoundError:
            return


class DirectorySink(Sink):
    """A layout in a directory; each file appears whole and durable. Others may write beside."""

    parallel = PARALLEL

    def __init__(self, driver: StorageDriver, runtime: Runtime, path: Path) -> None:
        self._driver = driver
        self._runtime = runtime
        self._path = path

    @classmethod
    async def create(cls, path: Path, runtime: Runtime) -> Self:
        """Make the directory *path* a layout, unless it is one.

        :raises ConfigurationError: it holds other things.
        """
        driver = _driver_of(path, runtime)
        with _of_layout(path):
            await _mark(driver, path)
        return cls(driver, runtime, path)

    @override
    async def holds(self, path: str, descriptor: Descriptor) -> bool:
        try:
            with _of_layout(self._path):
                reader = await self._driver.reader(path)
        except PathNotFoundError:
            return False
        async with reader:
            found = verified(self._runtime, _chunks(reader), descriptor, str(self._path))
            try:
                async with aclosing(found) as chunks:
                    async for _ in chunks:
                        pass
            except CorruptContentError:
                return False
        return True

    @override
    async def write(self, path: str, size: int, chunks: AsyncGenerator[bytes, None]) -> None:
        with _of_layout(self._path):
            writer = await self._driver.writer(path)
        try:
            async for chunk in chunks:
                with _of_layout(self._path):
                    await writer.write(chunk)
            with _of_layout(self._path):
                await writer.commit()
        except BaseException:
            await self._runtime.shield(writer.cancel())
            raise

    @override
    async def finish(self, entries: Sequence[Json]) -> None:
        while True:
            with _of_layout(self._path):
                body, condition = await self._index()
            merged = merge_index(body, entries, str(self._path))
            with (
                suppress(PathExistsError, PreconditionFailedError),  # somebody was faster
                _of_layout(self._path),
            ):
                await self._driver.put_content(INDEX_FILE, merged, condition)
                return

    @override
    async def aclose(self) -> None:
        await self._driver.aclose()
        with suppress(OSError):  # it is not ours while other writers use it
            await self._runtime.offload(partial(os.rmdir, self._path / SCRATCH))

    async def _index(self) -> tuple[bytes | None, Condition]:
        try:
            content = await self._driver.get_content(INDEX_FILE)
        except PathNotFoundError:
            return None, IF_ABSENT
        return content.data, if_version(content.version)


async def _mark(driver: StorageDriver, path: Path) -> None:
    """Make the directory *path* a layout, unless it is one."""
    if await _is_marked(driver, path):
        return
    if await _is_empty(driver):
        await driver.put_content(LAYOUT_FILE, MARKER)
    elif not await _is_marked(driver, path):  # nobody has marked it between the two looks
        msg = f"{path} is not empty and no OCI image layout: name another directory"
        raise ConfigurationError(msg)


async def _is_marked(driver: StorageDriver, path: Path) -> bool:
    try:
        marker = await driver.get_content(LAYOUT_FILE)
    except PathNotFoundError:
        return False
    check_marker(marker.data, str(path))
    return True


async def _is_empty(driver: StorageDriver) -> bool:
    async with aclosing(driver.list("", limit=1)) as names:
        return not [name async for name in names]


async def _chunks(reader: FileReader) -> AsyncGenerator[bytes, None]:
    async for chunk in reader:
        yield chunk
