"""The state machine of :class:`~regstore.driver.FileWriter`, for drivers to fill in."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

from typing_extensions import override

from regstore.driver import ANY, Condition, FileWriter
from regstore.errors import InvalidOffsetError, WriterClosedError

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


def check_step(path: str, state: State, step: Step, driver: str = "") -> None:
    """Hold a writer to its table of states (A6); a repeated commit is the caller's to know.

    :raises WriterClosedError: *step* is illegal after *state*.
    """
    if state not in _ALLOWED[step]:
        raise WriterClosedError(path, state, step, driver)


class StatefulWriter(FileWriter):
    """A writer that keeps the table of states (A6) and fills gaps with zeros (A8).

    A driver gives the four steps; each is called only in a state that allows it. When ``_append``
    raises it must have taken nothing, or have set :attr:`_size` to what it did take.
    """

    def __init__(self, path: str, driver: str, size: int = 0) -> None:
        self._path = path
        self._driver = driver
        self._size = size
        self._state: State = "open"
        self._committed: tuple[str | None, Condition] | None = None
        self._version: str | None = None

    @abstractmethod
    async def _append(self, data: Buffer) -> None:
        """Take *data*, never empty, at the end."""

    @abstractmethod
    async def _park(self) -> None: ...

    @abstractmethod
    async def _commit(self, to: str | None, condition: Condition) -> str | None: ...

    @abstractmethod
    async def _cancel(self) -> None: ...

    @property
    @override
    def size(self) -> int:
        return self._size

    @override
    async def write(self, data: Buffer, offset: int | None = None) -> None:
        self._check("write")
        if offset is not None:
            await self._fill(offset)
        if len(data):
            await self._append(data)
            self._size += len(data)

    @override
    async def park(self) -> None:
        self._check("park")
        if self._state == "open":
            await self._park()
            self._state = "parked"

    @override
    async def commit(self, to: str | None = None, condition: Condition = ANY) -> str | None:
        if self._state == "committed" and self._committed == (to, condition):
            return self._version
        self._check("commit")
        self._version = await self._commit(to, condition)
        self._state, self._committed = "committed", (to, condition)
        return self._version

    @override
    async def cancel(self) -> None:
        self._check("cancel")
        if self._state != "cancelled":
            await self._cancel()
            self._state = "cancelled"

    def _check(self, step: Step) -> None:
        check_step(self._path, self._state, step, self._driver)

    async def _fill(self, offset: int) -> None:
        if offset < self._size:
            raise InvalidOffsetError(
                self._path, offset, self._driver, f"the writer stands at {self._size}"
            )
        while self._size < offset:
            zeros = memoryview(_ZEROS)[: offset - self._size]
            await self._append(zeros)
            self._size += len(zeros)
