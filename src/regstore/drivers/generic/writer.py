"""Writers that park immutable parts and put them together at the commit."""

from __future__ import annotations

from collections.abc import Iterator

from typing_extensions import override

from regstore.driver import Condition, check_path
from regstore.drivers.generic.publish import PART_SIZE, Publisher
from regstore.drivers.generic.session import Part, Record, Session
from regstore.drivers.generic.store import Store
from regstore.drivers.writer import Buffer, StatefulWriter
from regstore.errors import UnsupportedMethodError


class GenericWriter(StatefulWriter):
    """Holds at most one part in memory, and looks before each step whether it may go on (A7).

    :param writer: its id in the session.
    :param base: what it continues, if it does.
    """

    def __init__(
        self,
        store: Store,
        publisher: Publisher,
        session: Session,
        writer: str,
        base: Record | None = None,
    ) -> None:
        super().__init__(session.path, store.name, base.size if base else 0)
        self._store = store
        self._publisher = publisher
        self._session = session
        self._writer = writer
        self._base = base
        self._parts: list[Part] = list(base.parts) if base else []
        self._buffer = bytearray()

    @override
    async def _append(self, data: Buffer) -> None:
        self._session.check(self._writer)
        rest = memoryview(data).cast("B")
        taken = 0
        try:
            while taken < len(rest):
                if len(self._buffer) >= PART_SIZE:
                    self._flush()
                piece = rest[taken : taken + PART_SIZE - len(self._buffer)]
                self._buffer += piece
                taken += len(piece)
        except BaseException:
            self._size += taken
            raise

    @override
    async def _park(self, note: bytes) -> None:
        self._session.check(self._writer)
        self._flush()
        self._session.park(Record(self._writer, tuple(self._parts)))
        if self._base is not None:
            self._session.drop({f"record.{self._base.writer}"})

    @override
    async def _commit(self, to: str | None, condition: Condition, *, keep_parked: bool) -> None:
        target = self._path if to is None else check_path(to, self._driver)
        if condition.kind != "any":
            raise UnsupportedMethodError(target, self._driver, f"a commit if {condition.kind}")
        self._session.check(self._writer)
        self._publisher.write(target, self._content(), self._size, self._session.scratch())
        if target != self._path:
            self._store.remove(self._path)
        if self._base is None or not keep_parked:
            self._session.finish()

    @override
    async def _cancel(self) -> None:
        inherited = len(self._base.parts) if self._base else 0
        self._session.cancel(self._writer, self._parts[inherited:])

    @override
    async def _sweep(self) -> None:
        if self._base is not None:
            await self._cancel()

    def _flush(self) -> None:
        if self._buffer:
            self._parts.append(self._session.add_part(bytes(self._buffer)))
            self._buffer.clear()

    def _content(self) -> Iterator[bytes]:
        """Yield the whole content, and see that it may still be committed."""
        for part in self._parts:
            yield self._session.read_part(part)
        yield bytes(self._buffer)
        self._session.check(self._writer)
