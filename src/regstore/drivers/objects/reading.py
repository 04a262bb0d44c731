"""Reading objects: one ranged request, or several ahead of the reader, in order."""

from __future__ import annotations

from collections import deque

from typing_extensions import override

from regstore._tasks import Started
from regstore.driver import FileInfo, FileReader
from regstore.drivers.objects.port import ObjectBody, ObjectStore
from regstore.errors import IncompleteReadError, InvalidOffsetError

RANGE_SIZE = 8 << 20
"""Bytes that one request fetches where several are under way."""


class ObjectReader(FileReader):
    """Streams the body of one request."""

    def __init__(self, body: ObjectBody) -> None:
        self.info: FileInfo = body.info
        self._body = body

    @override
    async def read(self) -> bytes:
        return await self._body.read()

    @override
    async def aclose(self) -> None:
        await self._body.aclose()


class EmptyReader(FileReader):
    """Gives nothing: the range is empty."""

    def __init__(self, info: FileInfo) -> None:
        self.info = info

    @override
    async def read(self) -> bytes:
        return b""

    @override
    async def aclose(self) -> None:
        """Do nothing: nothing is open."""


class PrefetchingReader(FileReader):
    """Keeps several ranges of one version under way, and gives their bytes in order.

    :param first: the open body of the first range.
    :param start: where the second range begins.
    :param end: where the last one ends.
    :param ahead: how many ranges are fetched beside the one being given.
    """

    def __init__(
        self, store: ObjectStore, first: ObjectBody, start: int, end: int, ahead: int
    ) -> None:
        self.info: FileInfo = first.info
        self._store = store
        self._first: ObjectBody | None = first
        self._next = start
        self._end = end
        self._ahead = ahead
        self._ranges: deque[Started[list[bytes]]] = deque()
        self._given: deque[bytes] = deque()

    @override
    async def read(self) -> bytes:
        await self._look_ahead()
        if self._first is not None:
            if chunk := await self._first.read():
                return chunk
            await self._first.aclose()
            self._first = None
        while not self._given and self._ranges:
            self._given.extend(await self._ranges[0].result())
            self._ranges.popleft()
            await self._look_ahead()
        return self._given.popleft() if self._given else b""

    @override
    async def aclose(self) -> None:
        if self._first is not None:
            await self._first.aclose()
        while self._ranges:
            await self._ranges.popleft().cancel()
        self._given.clear()
        self._next = self._end

    async def _look_ahead(self) -> None:
        while self._next < self._end and len(self._ranges) < self._ahead:
            length = min(RANGE_SIZE, self._end - self._next)
            fetching = self._fetch(self._next, length)
            self._ranges.append(await self._store.runtime.start(fetching))
            self._next += length

    async def _fetch(self, start: int, length: int) -> list[bytes]:
        info = self.info
        body = await self._store.open(info.path, start, length, info.version)
        chunks = []
        try:
            while chunk := await body.read():
                chunks.append(chunk)
        finally:
            await self._store.runtime.shield(body.aclose())
        if sum(map(len, chunks)) != length:
            raise IncompleteReadError(info.path, self._store.name, f"a range from {start}")
        return chunks


async def open_reader(
    store: ObjectStore, path: str, offset: int, length: int | None, ahead: int
) -> FileReader:
    """Open a range as :meth:`StorageDriver.reader` says, in one request where it is not empty."""
    if length == 0:
        return _empty(await store.head(path), offset, store.name)
    wanted = length
    if ahead:
        wanted = RANGE_SIZE if length is None else min(length, RANGE_SIZE)
    try:
        body = await store.open(path, offset, wanted)
    except InvalidOffsetError:
        return _empty(await store.head(path), offset, store.name)
    size = body.info.size
    end = size if length is None else min(offset + length, size)
    if wanted == length or offset + RANGE_SIZE >= end:
        return ObjectReader(body)
    return PrefetchingReader(store, body, offset + RANGE_SIZE, end, ahead)


def _empty(info: FileInfo, offset: int, driver: str) -> FileReader:
    if offset > info.size:
        raise InvalidOffsetError(info.path, offset, driver, f"the object ends at {info.size}")
    return EmptyReader(info)
