"""Readers that fetch ranges and see after each that the object is still the one they began on."""

from __future__ import annotations

from typing_extensions import override

from regstore.driver import CHUNK_SIZE, FileInfo, FileReader
from regstore.drivers.generic.publish import PART_SIZE
from regstore.drivers.generic.store import Store
from regstore.drivers.generic.versions import find_file
from regstore.errors import IncompleteReadError, PathNotFoundError, PreconditionFailedError


class RangeReader(FileReader):
    """Reads with calls of their own, so that readers of one object share no cursor.

    (All that fsspec's memory filesystem opens for reading are one object with one cursor.)
    """

    def __init__(self, store: Store, info: FileInfo, start: int, stop: int) -> None:
        self.info = info
        self._store = store
        self._next = start
        self._stop = stop
        self._fetched = memoryview(b"")

    @override
    async def read(self) -> bytes:
        if not self._fetched and self._next < self._stop:
            self._fetched = memoryview(self._fetch(min(self._next + PART_SIZE, self._stop)))
        chunk, self._fetched = self._fetched[:CHUNK_SIZE], self._fetched[CHUNK_SIZE:]
        return bytes(chunk)

    @override
    async def aclose(self) -> None:
        self._fetched = memoryview(b"")
        self._stop = self._next

    def _fetch(self, stop: int) -> bytes:
        start, path, name = self._next, self.info.path, self._store.name
        try:
            data = self._store.read_range(path, start, stop)
            found = find_file(self._store, path).version
        except PathNotFoundError as error:
            raise PreconditionFailedError(path, name, "deleted while it was read") from error
        if found != self.info.version:
            raise PreconditionFailedError(path, name, "replaced while it was read")
        if len(data) != stop - start:
            detail = f"{len(data)} bytes came of {stop - start} from byte {start}"
            raise IncompleteReadError(path, name, detail)
        self._next = stop
        return data
