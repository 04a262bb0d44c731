"""Layouts into tar archives: the same content gives the same bytes."""

from __future__ import annotations

import os
import tarfile
from collections.abc import AsyncGenerator, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO, Self, TypeVar

from typing_extensions import override

from regstore._run import Runtime
from regstore.drivers._oserrors import writing
from regstore.drivers.local.directory import DIRECTORY, sync
from regstore.errors import ConfigurationError
from regstore.oci import Descriptor, Json
from regstore.ocilayout.index import INDEX_FILE, LAYOUT_FILE, MARKER, merge_index
from regstore.ocilayout.sink import Sink
from regstore.ocilayout.source import KIND

T = TypeVar("T")

_ZEROS = bytes(tarfile.RECORDSIZE)


class TarSink(Sink):
    """A layout in a tar archive, which appears whole, durable, and in the place of any other.

    Members are in the order in which they are written, with no time and no owner.
    """

    parallel = 1

    def __init__(self, path: Path, temporary: Path, file: BinaryIO, runtime: Runtime) -> None:
        self._path = path
        self._temporary = temporary
        self._file = file
        self._runtime = runtime

    @classmethod
    async def create(cls, path: Path, runtime: Runtime) -> Self:
        """Begin the archive *path*, under another name beside it.

        :raises ConfigurationError: *path* is a directory.
        """
        temporary = path.with_name(f".{path.name}.{runtime.random.getrandbits(64):016x}")

        def begin() -> BinaryIO:
            with writing(str(path), KIND):
                if path.is_dir():
                    msg = f"{path} is a directory: give the archive another name"
                    raise ConfigurationError(msg)
                return temporary.open("xb", buffering=1 << 20)

        return cls(path, temporary, await runtime.offload(begin), runtime)

    @override
    async def holds(self, path: str, descriptor: Descriptor) -> bool:
        return False

    @override
    async def write(self, path: str, size: int, chunks: AsyncGenerator[bytes, None]) -> None:
        await self._put(_header(path, size))
        async for chunk in chunks:
            await self._put(chunk)
        await self._put(_ZEROS[: -size % tarfile.BLOCKSIZE])

    @override
    async def finish(self, entries: Sequence[Json]) -> None:
        index = merge_index(None, entries, str(self._path))
        for path, body in ((INDEX_FILE, index), (LAYOUT_FILE, MARKER)):
            await self._put(_header(path, len(body)) + body + _ZEROS[: -len(body) % 512])
        await self._offload(self._publish)

    @override
    async def aclose(self) -> None:
        if not self._file.closed:
            await self._offload(self._discard)

    async def _put(self, data: bytes) -> None:
        await self._offload(partial(self._file.write, data))

    async def _offload(self, act: Callable[[], T]) -> T:
        def guarded() -> T:
            with writing(str(self._path), KIND):
                return act()

        return await self._runtime.offload(guarded)

    def _publish(self) -> None:
        self._file.write(_ZEROS[: 2 * tarfile.BLOCKSIZE])
        self._file.write(_ZEROS[: -self._file.tell() % tarfile.RECORDSIZE])
        self._file.flush()
        sync(self._file.fileno())
        self._temporary.replace(self._path)
        self._file.close()
        parent = os.open(self._path.parent, DIRECTORY)
        try:
            sync(parent)
        finally:
            os.close(parent)

    def _discard(self) -> None:
        self._temporary.unlink(missing_ok=True)
        self._file.close()


def _header(path: str, size: int) -> bytes:
    member = tarfile.TarInfo(path)
    member.size = size
    return member.tobuf(tarfile.PAX_FORMAT)
