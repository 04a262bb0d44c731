"""Which part of a run a diagram shows, and how far down each event of it stands."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Final

from regstore.testing.simulation.diagram.names import version_name
from regstore.testing.simulation.trace import Change, Event, Kind, Note, Request, Trace
from regstore.testing.simulation.violations import Violation

_ABOVE: Final[dict[Kind, float]] = {"sent": 18, "noted": 18, "crashed": 18}
_BELOW: Final[dict[Kind, float]] = {"repeated": 13, "given up": 13, "crashed": 4, "noted": 6}
_STEP: Final = 10.0
_LINE: Final = 14.0
_PAUSE: Final = 18.0
LONG_PAUSE: Final = 1.0
"""Seconds in which nothing happens that are shown as a gap."""
_OF_MANY: Final = frozenset({"list", "sessions"})
_WORDS: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Row:
    """An event, and its distance from the top; a violation has no event, but lines of text."""

    y: float
    event: Event | None
    lines: Sequence[str] = ()


class Story:
    """The part of *trace* that is about *keys*; everything, where that is ``None``.

    What a process noted belongs to it where it is the last note before such a request, or the
    first one after.

    :ivar events: in order.
    :ivar processes: who takes part, in order of appearance.
    :ivar left_out: requests that are not shown.
    """

    def __init__(self, trace: Trace, keys: Collection[str] | None) -> None:
        self._keys = keys
        self.events: list[Event] = self._chosen(list(_without_the_dead(trace.events)))
        self.requests: dict[int, Request] = {
            subject.number: subject for subject in self._subjects() if isinstance(subject, Request)
        }
        self.changes: dict[str, dict[int, Change]] = {}
        for subject in self._subjects():
            if isinstance(subject, Change):
                self.changes.setdefault(subject.key, {})[subject.count] = subject
        actors = (s.process for s in self._subjects() if isinstance(s, Request | Note))
        self.processes: list[str] = list(dict.fromkeys(actors))
        self._order = {
            (event.kind, event.subject.number): index
            for index, event in enumerate(self.events)
            if isinstance(event.subject, Request)
        }
        self._crashes: dict[str, list[int]] = {}
        for index, event in enumerate(self.events):
            if event.kind == "crashed" and isinstance(event.subject, Note):
                self._crashes.setdefault(event.subject.process, []).append(index)
        self.left_out: int = len(trace.requests) - len(self.requests)

    def rows(self, violations: Iterable[Violation], top: float, columns: int) -> list[Row]:
        """Return where everything stands; text of violations is wrapped to *columns*.

        A violation stands at its time; else after the last event about its key; else at the end.
        """
        broken: dict[int, list[Violation]] = {}
        for violation in violations:
            broken.setdefault(self._moment(violation), []).append(violation)
        rows: list[Row] = []
        y, time = top, 0.0
        for index, event in enumerate(self.events):
            y += self._above(index) + (_PAUSE if event.time - time > LONG_PAUSE else 0)
            time = event.time
            rows.append(Row(y, event))
            y += self._below(index)
            for violation in broken.get(index, ()):
                lines = wrap(str(violation), columns)
                y += _LINE
                rows.append(Row(y, None, lines))
                y += _LINE * len(lines)
        return rows

    def about(self, request: Request) -> str:
        """Return the key by which *request* is to be called."""
        about = request.key if self._keys is None else self._about(request, self._keys)
        return about or request.key

    def answer(self, event: Event) -> str:
        """Return what there is to say of an answer, if *event* is one."""
        request = event.subject
        if event.kind != "answered" or not isinstance(request, Request):
            return ""
        if request.is_stale:
            return f"stale: {self._shown(request)}"
        if request.outcome != "ok":
            return _WORDS.sub(" ", request.outcome.removesuffix("Error")).lower()
        return "" if request.changes or request.name in _OF_MANY else self._shown(request)

    def is_unheard(self, request: Request) -> bool:
        """Whether the sender of *request* has crashed before an answer came."""
        sent = self._order["sent", request.number]
        end = self._order.get(("answered", request.number), len(self.events))
        return any(sent < crash < end for crash in self._crashes.get(request.process, ()))

    def original(self, change: Change) -> int:
        """Return the first count at which the key was what it is with *change*."""
        versions = self.changes[change.key].items()
        data = change.content and change.content.data
        return min(n for n, each in versions if (each.content and each.content.data) == data)

    def _shown(self, request: Request) -> str:
        if request.name in _OF_MANY:
            return "what was before"
        if not request.shown:
            return "nothing"
        change = self.changes.get(request.key, {}).get(request.shown)
        return f"v{request.shown}" if change is None else version_name(change)

    def _chosen(self, events: Sequence[Event]) -> list[Event]:
        """Return what is shown, and of notes what stands right before or after it."""
        chosen = {index for index, event in enumerate(events) if self._is_shown(event)}
        before: dict[str, int] = {}
        heard: set[str] = set()
        for index, event in enumerate(events):
            subject = event.subject
            if isinstance(subject, Request) and index in chosen:
                chosen.add(before.pop(subject.process, index))
                heard.add(subject.process)
            elif isinstance(subject, Note):
                before[subject.process] = index
                if subject.process in heard:
                    chosen.add(index)
                    heard.discard(subject.process)
        return [events[index] for index in sorted(chosen)]

    def _subjects(self) -> Iterator[Request | Change | Note]:
        return (event.subject for event in self.events)

    def _is_shown(self, event: Event) -> bool:
        if self._keys is None:
            return True
        if isinstance(event.subject, Request):
            return self._about(event.subject, self._keys) is not None
        return isinstance(event.subject, Change) and event.subject.key in self._keys

    @staticmethod
    def _about(request: Request, keys: Collection[str]) -> str | None:
        """Return which of *keys* the request is about, the first of them."""
        if request.name in _OF_MANY:
            is_met = any(key.startswith(request.key) for key in keys)
            return request.key if is_met else None
        return next((key for key in (request.key, *request.others) if key in keys), None)

    def _above(self, index: int) -> float:
        if self._is_effect(index):
            return 0
        return _LINE if self._has_effect(index) else _ABOVE.get(self.events[index].kind, _STEP)

    def _below(self, index: int) -> float:
        if self._has_effect(index):
            return 0
        event = self.events[index - 1 if self._is_effect(index) else index]
        return _BELOW.get(event.kind, 13 if self.answer(event) else 0)

    def _is_effect(self, index: int) -> bool:
        """Whether it is a change that the event before it makes."""
        return index > 0 and self._has_effect(index - 1)

    def _has_effect(self, index: int) -> bool:
        if index + 1 == len(self.events):
            return False
        event, following = self.events[index], self.events[index + 1]
        return (
            event.kind in {"arrived", "repeated", "changed"}
            and following.kind == "changed"
            and following.time == event.time
        )

    def _moment(self, violation: Violation) -> int:
        """Return after which event *violation* stands."""
        found = len(self.events) - 1
        for index, event in enumerate(self.events):
            if violation.time is not None:
                if event.time <= violation.time:
                    found = index
            elif not isinstance(event.subject, Note) and event.subject.key == violation.key:
                found = index
        return found


def _without_the_dead(events: Iterable[Event]) -> Iterator[Event]:
    """Yield *events*, but not that somebody gives up on an answer who has crashed meanwhile."""
    waiting: dict[str, set[int]] = {}
    for event in events:
        subject = event.subject
        if isinstance(subject, Note) and event.kind == "crashed":
            waiting.pop(subject.process, None)
        elif isinstance(subject, Request):
            if event.kind == "sent":
                waiting.setdefault(subject.process, set()).add(subject.number)
            elif event.kind == "given up" and subject.number not in waiting.get(
                subject.process, ()
            ):
                continue
        yield event
