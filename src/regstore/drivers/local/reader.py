"""Reading files."""

from __future__ import annotations

import os

from typing_extensions import override

from regstore.driver import CHUNK_SIZE, Content, FileInfo, FileReader
from regstore.drivers._oserrors import reading
from regstore.drivers.local.naming import NAME
from regstore.drivers.local.stamps import modified, version
from regstore.errors import IncompleteReadError, TransientError

_ATTEMPTS = 8


class LocalReader(FileReader):
    """Reads one open file: when its name is given to another, the read goes on."""

    def __init__(self, info: FileInfo, fd: int, start: int, stop: int) -> None:
        self.info = info
        self._fd = fd
        self._next = start
        self._stop = stop

    @override
    async def read(self) -> bytes:
        length = min(CHUNK_SIZE, self._stop - self._next)
        if length <= 0:
            return b""
        if self._fd < 0:
            raise IncompleteReadError(self.info.path, NAME, "the reader was closed")
        with reading(self.info.path, NAME):
            chunk = os.pread(self._fd, length, self._next)
        if not chunk:
            detail = f"the file ends at {self._next}; it had {self.info.size} bytes"
            raise IncompleteReadError(self.info.path, NAME, detail)
        self._next += len(chunk)
        return chunk

    @override
    async def aclose(self) -> None:
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)

    def __del__(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)


def read_whole(fd: int, path: str) -> Content:
    """Read the file *fd* as one version, also beside software that writes in place."""
    for _ in range(_ATTEMPTS):
        before = os.fstat(fd)
        data = _read(fd, before.st_size)
        if version(os.fstat(fd)) == version(before) and len(data) == before.st_size:
            return Content(data, version(before), modified(before))
    raise TransientError(path, NAME, "it is being written in place; read it again")


def _read(fd: int, size: int) -> bytes:
    data = os.pread(fd, size, 0)
    while len(data) < size and (more := os.pread(fd, size - len(data), len(data))):
        data += more
    return data
