"""Collecting bytes until they are a part: what both writers over objects do alike."""

from __future__ import annotations

from abc import abstractmethod

from typing_extensions import override

from regstore._tasks import Limiter
from regstore.drivers.objects.feed import Feed, part_size
from regstore.drivers.objects.port import ObjectStore
from regstore.drivers.writer import Buffer, StatefulWriter


class BufferedWriter(StatefulWriter):
    """Keeps what may be all there is in memory, and sends a part once more has come than that.

    :param slots: bounds the parts in flight, of all writers together.
    """

    def __init__(
        self, store: ObjectStore, path: str, slots: Limiter, size: int = 0, note: bytes = b""
    ) -> None:
        super().__init__(path, store.name, size, note)
        self._store = store
        self._slots = slots
        self._buffer = bytearray()
        self._feed: Feed | None = None

    @abstractmethod
    async def _send(self) -> None:
        """Send what was collected as a part, since more is coming."""

    @override
    async def _append(self, data: Buffer) -> None:
        rest = memoryview(data).cast("B")
        taken = 0
        try:
            while taken < len(rest):
                room = self._next_size() - len(self._buffer)
                if not room:
                    await self._send()
                    continue
                piece = rest[taken : taken + room]
                self._buffer += piece
                taken += len(piece)
        except BaseException:
            self._size += taken
            raise

    def _next_size(self) -> int:
        return self._feed.next_size if self._feed else part_size(self._store, 1)
