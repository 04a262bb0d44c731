"""Parts on their way to a store: several at a time, in memory that all writers share."""

from __future__ import annotations

from dataclasses import dataclass

from regstore._tasks import Limiter, Started
from regstore.drivers.objects.port import ObjectStore, Part, Session
from regstore.errors import (
    PathNotFoundError,
    PreconditionFailedError,
    RegstoreError,
    TransientError,
    UnsupportedMethodError,
)

_GROWTH = 1000
"""Parts after which parts double, so that fewer are enough for large objects."""
_PAUSE_SECONDS = 0.2


def part_size(store: ObjectStore, number: int) -> int:
    """Return how many bytes part *number* has."""
    return store.limits.part_size * (1 if number <= _GROWTH else 2)


class _Slot:
    """A place among the parts in flight; given back once, however often it is released."""

    def __init__(self, slots: Limiter) -> None:
        self._slots: Limiter | None = slots

    def release(self) -> None:
        slots, self._slots = self._slots, None
        if slots is not None:
            slots.release()


@dataclass(slots=True, eq=False)
class _Flight:
    """A part until the store has it; its bytes are kept so that it can be sent again."""

    number: int
    data: bytes
    part: Part | None = None
    error: RegstoreError | None = None
    started: Started[None] | None = None
    slot: _Slot | None = None


class Feed:
    """Sends the parts of one session, in the background.

    A part is sent a second time where the first failed for the moment: the same bytes under the
    same number are the same part. What failed for good is told by the next call, and sent again
    by the call after that, so a caller may repeat what raised.

    :param slots: bounds the parts in flight, of all writers together.
    """

    def __init__(self, store: ObjectStore, session: Session, slots: Limiter) -> None:
        self.session = session
        self._store = store
        self._slots = slots
        self._flights: list[_Flight] = []

    @property
    def next_size(self) -> int:
        """Bytes that the next part should have."""
        return part_size(self._store, len(self._flights) + 1)

    @property
    def parts_left(self) -> int:
        """How many parts more the session takes."""
        return self._store.limits.max_parts - len(self._flights)

    async def send(self, data: bytes) -> None:
        """Begin to send the next part, when one of the slots is free.

        :raises RegstoreError: an earlier part could not be sent; *data* was not taken.
        :raises UnsupportedMethodError: the store takes no more parts of one object.
        """
        self._tell_failures()
        if not self.parts_left:
            detail = f"more than {len(self._flights)} parts: send it in several requests"
            raise UnsupportedMethodError(self.session.key, self._store.name, detail)
        flight = _Flight(len(self._flights) + 1, data)
        await self._launch(flight)
        self._flights.append(flight)

    async def parts(self) -> list[Part]:
        """Wait for all parts.

        :raises RegstoreError: one of them could not be sent.
        :raises PreconditionFailedError: somebody else has ended the session.
        """
        for flight in self._flights:
            if flight.started is None:
                await self._launch(flight)
        for flight in self._flights:
            if flight.started is not None:
                await flight.started.result()
        self._tell_failures()
        return [flight.part for flight in self._flights if flight.part is not None]

    async def drop(self) -> list[Part]:
        """Stop what is under way; return the parts that the store may have. May be repeated."""
        for flight in self._flights:
            if flight.started is not None:
                await flight.started.cancel()
            if flight.slot is not None:
                flight.slot.release()  # what was cancelled before its first step has not
            if flight.part is None:
                flight.started = None
        return [flight.part or Part(flight.number, 0, "") for flight in self._flights]

    async def _launch(self, flight: _Flight) -> None:
        await self._slots.acquire()
        slot = flight.slot = _Slot(self._slots)
        try:
            flight.started = await self._store.runtime.start(self._carry(flight, slot))
        except BaseException:
            slot.release()
            raise

    async def _carry(self, flight: _Flight, slot: _Slot) -> None:
        try:
            flight.part = await self._twice(flight)
            flight.data = b""
        except PathNotFoundError as error:
            flight.error = _ended(self._store, self.session, error)
        except RegstoreError as error:
            flight.error = error
        finally:
            slot.release()

    async def _twice(self, flight: _Flight) -> Part:
        try:
            return await self._store.put_part(self.session, flight.number, flight.data)
        except TransientError:
            await self._store.runtime.sleep(_PAUSE_SECONDS)
            return await self._store.put_part(self.session, flight.number, flight.data)

    def _tell_failures(self) -> None:
        for flight in self._flights:
            if isinstance(flight.error, PreconditionFailedError):
                raise flight.error  # the session is no more
            if flight.error is not None:
                error, flight.error, flight.started = flight.error, None, None
                raise error


def _ended(store: ObjectStore, session: Session, cause: Exception) -> PreconditionFailedError:
    detail = "what was sent has been discarded by a deletion or another writer: send it again"
    error = PreconditionFailedError(session.key, store.name, detail)
    error.__cause__ = cause
    return error
