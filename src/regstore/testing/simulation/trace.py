"""What has happened in a run, request by request."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final, Literal

from regstore.driver import Content

_CHANGING: Final = frozenset(
    {"put", "delete", "delete_many", "copy", "begin", "put_part", "copy_part", "complete", "abort"}
)

Kind = Literal["sent", "arrived", "repeated", "answered", "given up", "changed", "crashed", "noted"]
"""What an event is; see :class:`Event`."""


@dataclass(slots=True)
class Request:
    """One request of a process to the store. Times are in seconds since the start.

    :ivar number: counted from 1 over the whole run.
    :ivar process: who sent it.
    :ivar name: the method of :class:`~regstore.drivers.objects.port.ObjectStore`.
    :ivar key: what it is about; of copies the destination, of batches the first, of lists the
        prefix.
    :ivar others: of copies the source, of batches all keys but the first.
    :ivar sent: when.
    :ivar arrived: when it took effect, for the first time; ``None`` where it never did.
    :ivar answered: when its sender learned of that; ``None`` where it never did.
    :ivar repeated: when it took effect once more, unheard; ``None`` where it did not.
    :ivar outcome: ``"ok"``, or the name of the error that was answered.
    :ivar shown: how often *key* had changed in what was shown, or by this change; 0: never.
    :ivar is_stale: whether something older than the truth was shown.
    """

    number: int
    process: str
    name: str
    key: str
    sent: float
    others: tuple[str, ...] = ()
    arrived: float | None = None
    answered: float | None = None
    repeated: float | None = None
    outcome: str = ""
    shown: int = 0
    is_stale: bool = False

    @property
    def changes(self) -> bool:
        """Whether it has an effect on the store."""
        return self.name in _CHANGING


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody did or saw: an operation's begin or end, a crash, a violation."""

    time: float
    process: str
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """What *key* became with its change number *count*; ``content`` is ``None``: deleted."""

    key: str
    count: int
    content: Content | None


@dataclass(frozen=True, slots=True)
class Event:
    """One moment of a run.

    :ivar kind: a request is sent, takes effect (``"arrived"``), takes effect a second time
        (``"repeated"``), is answered, or its sender gives up on the answer; a key has changed; a
        process has crashed, or has noted something.
    """

    time: float
    kind: Kind
    subject: Request | Change | Note


@dataclass(slots=True)
class Trace:
    """All of a run, in order.

    :ivar events: what happened when, in order also where that was at one time.
    """

    requests: list[Request] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def request(
        self, process: str, name: str, key: str, time: float, others: tuple[str, ...] = ()
    ) -> Request:
        """Record that a request is sent."""
        request = Request(len(self.requests) + 1, process, name, key, time, others)
        self.requests.append(request)
        return request

    def note(self, time: float, process: str, text: str) -> None:
        """Record what somebody did or saw."""
        self._note(time, "noted", Note(time, process, text))

    def crash(self, time: float, process: str) -> None:
        """Record that *process* crashes."""
        self._note(time, "crashed", Note(time, process, "crashes"))

    def record(self, time: float, kind: Kind, subject: Request | Change | Note) -> None:
        """Record one event."""
        self.events.append(Event(time, kind, subject))

    def digest(self) -> str:
        """Return what two runs have in common exactly where the same has happened in both."""
        hasher = hashlib.sha256()
        for event in (*self.requests, *self.notes):
            hasher.update(repr(event).encode())
        return hasher.hexdigest()

    def _note(self, time: float, kind: Kind, note: Note) -> None:
        self.notes.append(note)
        self.record(time, kind, note)
