"""The state machine of :class:`~regstore.driver.FileWriter`, for drivers to fill in."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Literal

from typing_extensions import override

from regstore.driver import ANY, Condition, FileWriter
from regstore.errors import InvalidOffsetError, UnsupportedMethodError, WriterClosedError

_ZEROS = bytes(1 << 20)

State = Literal["open", "parked", "committed", "cancelled"]
Step = Literal["write", "park", "commit", "cancel"]
Buffer = bytes | bytearray | memoryview

_ALLOWED: dict[Step, tuple[State, ...]] = {
    "write": ("open",),
    "park": ("open", "parked"),
    "commit": ("open",),
    "cancel": ("open", "parked", "cancelled"),
}


def check_step(
    path: str, state: State, step: Step, driver: str = "", *, keeps: bool = False
) -> None:
    """Hold a writer to its table of states (A6); a repeated commit is the caller's to know.

    :param keeps: whether it was committed with *keep_parked*, so that a cancel may follow.
    :raises WriterClosedError: *step* is illegal after *state*.
    """
    if keeps and (state, step) == ("committed", "cancel"):
        return
    if state not in _ALLOWED[step]:
        raise WriterClosedError(path, state, step, driver)


class StatefulWriter(FileWriter):
    """A writer that keeps the table of states (A6) and fills gaps with zeros (A8).

    A driver gives the four steps; each is called only in a state that allows it. When ``_append``
    raises it must have taken nothing, or have set :attr:`_size` to what it did take.

    :param size: bytes that it goes on from.
    :param note: what was parked beside them.
    :cvar keeps_notes: whether ``_park`` keeps notes; where not, it is never given one.
    """

    keeps_notes: ClassVar[bool] = False

    def __init__(self, path: str, driver: str, size: int = 0, note: bytes = b"") -> None:
        self._path = path
        self._driver = driver
        self._size = size
        self._note = note
        self._state: State = "open"
        self._committed: tuple[str | None, Condition] | None = None
        self._keeps = False
        self._is_swept = False
        self._version: str | None = None

    @abstractmethod
    async def _append(self, data: Buffer) -> None:
        """Take *data*, never empty, at the end."""

    @abstractmethod
    async def _park(self, note: bytes) -> None: ...

    @abstractmethod
    async def _commit(
        self, to: str | None, condition: Condition, *, keep_parked: bool
    ) -> str | None: ...

    @abstractmethod
    async def _cancel(self) -> None: ...

    async def _sweep(self) -> None:
        """Take away what the commit kept, for *keep_parked*; by default it kept nothing."""

    @property
    @override
    def size(self) -> int:
        return self._size

    @property
    @override
    def note(self) -> bytes:
        return self._note

    @override
    async def write(self, data: Buffer, offset: int | None = None) -> None:
        self._check("write")
        if offset is not None:
            await self._fill(offset)
        if len(data):
            await self._append(data)
            self._size += len(data)

    @override
    async def park(self, note: bytes = b"") -> None:
        self._check("park")
        if note and not self.keeps_notes:
            detail = "this writer keeps no notes: park without one"
            raise UnsupportedMethodError(self._path, self._driver, detail)
        if self._state == "open":
            await self._park(note)
            self._state = "parked"

    @override
    async def commit(
        self, to: str | None = None, condition: Condition = ANY, *, keep_parked: bool = False
    ) -> str | None:
        if self._state == "committed" and self._committed == (to, condition):
            return self._version
        self._check("commit")
        self._version = await self._commit(to, condition, keep_parked=keep_parked)
        self._state, self._committed, self._keeps = "committed", (to, condition), keep_parked
        return self._version

    @override
    async def cancel(self) -> None:
        self._check("cancel")
        if self._state == "committed":
            await self._sweep_once()
        elif self._state != "cancelled":
            await self._cancel()
            self._state = "cancelled"

    async def _sweep_once(self) -> None:
        if not self._is_swept:
            await self._sweep()
            self._is_swept = True

    def _check(self, step: Step) -> None:
        check_step(self._path, self._state, step, self._driver, keeps=self._keeps)

    async def _fill(self, offset: int) -> None:
        if offset < self._size:
            raise InvalidOffsetError(
                self._path, offset, self._driver, f"the writer stands at {self._size}"
            )
        while self._size < offset:
            zeros = memoryview(_ZEROS)[: offset - self._size]
            await self._append(zeros)
            self._size += len(zeros)
