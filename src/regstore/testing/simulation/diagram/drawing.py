"""A space-time diagram of a run: who asked what when, what the store was, and what was heard."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from textwrap import wrap
from typing import Final

from regstore.testing.simulation.diagram.ink import CHARACTER, Picture
from regstore.testing.simulation.diagram.names import short_names, version_name
from regstore.testing.simulation.diagram.story import LONG_PAUSE, Row, Story
from regstore.testing.simulation.trace import Change, Event, Note, Request, Trace
from regstore.testing.simulation.violations import Violation

_LEFT: Final = 92.0
_BETWEEN: Final = 104.0
_BAND: Final = 84.0
_GAP: Final = 12.0
_HEADER: Final = 13.0
_AT_STORE: Final = frozenset({"arrived", "repeated", "answered", "changed"})


def draw(
    trace: Trace,
    *,
    violations: Sequence[Violation] = (),
    keys: Collection[str] | None = None,
    title: str | None = None,
) -> str:
    """Return an SVG image of *trace*.

    Time goes down, as far as things happen: pauses are cut short. Each process has a line, and so
    has the store; beside it is what each key was. Arrows are requests and their answers: one that
    got lost ends in a cross, one that nobody heard is dashed, and so is a request that arrives
    again. A stale answer says what it shows; a violation stands at its time, or where its key was
    last touched. The image follows the reader's choice of light or dark, and is the same for the
    same run.

    :param violations: what is wrong with the run.
    :param keys: draw only what is about these; by default what is about the keys of *violations*,
        and everything where they name none. What is left out is counted; of notes those stay that
        stand right before or after what is drawn of their process.
    :param title: what the run shows, in a few words.
    """
    if keys is None:
        touched = {change.key for change in _changes(trace)} | {r.key for r in trace.requests}
        keys = {violation.key for violation in violations} & touched or None
    return _Diagram(Story(trace, keys), violations, title or "A run of the simulator").drawn()


def _changes(trace: Trace) -> list[Change]:
    return [event.subject for event in trace.events if isinstance(event.subject, Change)]


class _Diagram:
    """Places what a story tells, and draws it."""

    def __init__(self, story: Story, violations: Sequence[Violation], title: str) -> None:
        self._story = story
        self._title = title
        self._broken = {violation.key for violation in violations}
        requested = (story.about(request) for request in story.requests.values())
        self._names = short_names(dict.fromkeys((*story.changes, *requested)))
        self._x = {name: _LEFT + _BETWEEN * i for i, name in enumerate(story.processes)}
        self._store = self._room_for_labels()
        self._bands = {
            key: self._store + 40 + (_BAND + _GAP) * i for i, key in enumerate(story.changes)
        }
        self._width = max(self._store + 40 + (_BAND + _GAP) * len(self._bands), 420.0)
        headers = [wrap(self._names[key], 13) for key in story.changes]
        self._headers = dict(zip(story.changes, headers, strict=True))
        self._top = 34 + _HEADER * max((1, *map(len, headers)))
        columns = int((self._width - _LEFT) / CHARACTER / 1.15)
        self._rows = story.rows(violations, self._top, columns)
        self._y = {_place(row): row.y for row in self._rows if row.event is not None}
        last = self._rows[-1] if self._rows else None
        self._end = self._top + 20 if last is None else last.y + 14 * len(last.lines) + 24
        self._picture = Picture(self._width, self._end + 24, title, self._description())

    def drawn(self) -> str:
        self._picture.text(8, 18, self._title, "strong")
        self._draw_bands()
        self._draw_lives()
        self._draw_times()
        for request in self._story.requests.values():
            self._draw_request(request)
        for row in self._rows:
            if row.event is None:
                self._draw_violation(row)
            elif isinstance(row.event.subject, Note):
                self._draw_note(row.y, row.event.subject, row.event.kind)
        if self._story.left_out:
            self._picture.text(8, self._end + 12, self._left_out(), "soft")
        return self._picture.svg()

    def _room_for_labels(self) -> float:
        """Return where the store's line is: to the right of what is written beside the others."""
        written = [(request.process, self._label(request)) for request in self._asked()]
        notes = [e.subject for e in self._story.events if isinstance(e.subject, Note)]
        written += [(note.process, note.text) for note in notes]
        ends = [self._x[process] + CHARACTER * len(text) + 36 for process, text in written]
        return max((_LEFT + _BETWEEN * len(self._x) + 40, *ends))

    def _label(self, request: Request) -> str:
        return f"{request.name} {self._names[self._story.about(request)]}"

    def _asked(self) -> Collection[Request]:
        return self._story.requests.values()

    def _description(self) -> str:
        processes = ", ".join(self._story.processes)
        told = f"{self._title}. Processes: {processes}. {len(self._asked())} requests to the store"
        stale = sum(request.is_stale for request in self._asked())
        lines = [line for row in self._rows if row.event is None for line in row.lines]
        return " ".join([f"{told}, {stale} of them answered with what was before.", *lines])

    def _left_out(self) -> str:
        count = self._story.left_out
        return f"{count} request{'s' * (count > 1)} about other keys left out"

    def _draw_lives(self) -> None:
        for name, x in (*self._x.items(), ("store", self._store)):
            self._picture.text(x, self._top - 8, name, "strong", "middle")
            self._picture.line((x, self._top - 2), (x, self._life_end(name)), "life")

    def _life_end(self, name: str) -> float:
        """Return how far down the line of *name* goes: to its crash, if it does nothing after."""
        own = [place for place in self._y if place[1] == name and place[0] not in _AT_STORE]
        return self._y[own[-1]] if own and own[-1][0] == "crashed" else self._end

    def _draw_times(self) -> None:
        written, lowest, time = "", 0.0, 0.0
        for row in self._rows:
            if row.event is None:
                continue
            if row.event.time - time > LONG_PAUSE:
                self._picture.text(54, row.y - 13, "\u22ee", "soft", "middle")
            time = row.event.time
            text = f"{row.event.time:.2f} s"
            if text != written and row.y > lowest + 12:
                self._picture.text(68, row.y + 4, text, "soft", "end")
                written, lowest = text, row.y

    def _draw_bands(self) -> None:
        for key, x in self._bands.items():
            lines = self._headers[key]
            for number, line in enumerate(lines):
                y = self._top - 8 - _HEADER * (len(lines) - 1 - number)
                self._picture.text(x + _BAND / 2, y, line, "strong", "middle")
            changes = list(self._story.changes[key].values())
            starts = [self._y["changed", key, change.count] for change in changes]
            for change, y, end in zip(changes, starts, [*starts[1:], self._end], strict=True):
                self._draw_version(change, x, y, end)

    def _draw_version(self, change: Change, x: float, y: float, end: float) -> None:
        original = self._story.original(change)
        is_gone = change.content is None
        self._picture.line((self._store, y), (x, y), "life faint")
        self._picture.band(x, y, _BAND, end - y, None if is_gone else original - 1)
        label = version_name(change)
        if label == f"v{change.count}" and original != change.count:
            label += f" = v{original}"
        self._picture.text(x + _BAND / 2, y + 11, label, "on-band", "middle")

    def _draw_request(self, request: Request) -> None:
        whole = f"{request.name} {request.key}"
        self._picture.group(f"request {request.number} of {request.process}: {whole}")
        x, y = self._x[request.process], self._at("sent", request)
        assert y is not None
        self._picture.text(x + 7, y - 5, self._label(request))
        arrived, answered = self._at("arrived", request), self._at("answered", request)
        if arrived is None and answered is not None:
            arrived = (y + answered) / 2  # refused at the door
        if arrived is None:
            end = x + 0.6 * (self._store - x), y + 8
            self._picture.line((x, y), end, "ask")
            self._picture.cross(*end)
        else:
            self._picture.arrow((x, y), (self._store, arrived), "ask")
            self._draw_answer(request, x, arrived, answered)
        self._draw_repeat(request, x, y)
        if (given_up := self._at("given up", request)) is not None:
            self._picture.dot(x, given_up, "bad")
            self._picture.text(x + 7, given_up + 11, "no answer", "wrong")

    def _draw_answer(
        self, request: Request, x: float, arrived: float, answered: float | None
    ) -> None:
        start = self._store, arrived
        is_unheard = self._story.is_unheard(request)
        if answered is None and not is_unheard:
            end = self._store - 0.35 * (self._store - x), arrived + 6
            self._picture.line(start, end, "answer")
            self._picture.cross(*end)
            return
        answered = arrived + 12 if answered is None else answered
        kind = "answer"
        if request.is_stale or request.outcome not in {"", "ok"}:
            kind = "stale" if request.is_stale else "bad"
        self._picture.arrow(start, (x, answered), kind + " dashed" * is_unheard)
        if answer := self._story.answer(Event(0, "answered", request)):
            colour = {"stale": "late", "bad": "wrong"}.get(kind, "soft")
            self._picture.text(x + 7, answered + 11, answer, colour)

    def _draw_repeat(self, request: Request, x: float, y: float) -> None:
        repeated = self._at("repeated", request)
        if repeated is not None:
            self._picture.arrow((x, y), (self._store, repeated), "bad dashed")
            label = f"{self._label(request)}, again"
            self._picture.text(self._store - 8, repeated + 12, label, "wrong", "end")

    def _draw_note(self, y: float, note: Note, kind: str) -> None:
        x = self._x[note.process]
        if kind == "crashed":
            self._picture.cross(x, y, 6)
        else:
            self._picture.dot(x, y, "answer")
        self._picture.text(x + 10, y + 4, note.text, "wrong" if kind == "crashed" else "")

    def _draw_violation(self, row: Row) -> None:
        self._picture.line((8, row.y - 4), (self._width - 8, row.y - 4), "bad")
        for number, line in enumerate(row.lines):
            self._picture.text(_LEFT - 30, row.y + 10 + 14 * number, line, "wrong strong")

    def _at(self, kind: str, request: Request) -> float | None:
        return self._y.get((kind, request.process, request.number))


def _place(row: Row) -> tuple[str, str, int]:
    """Return what tells the event of *row* from all others."""
    assert row.event is not None
    subject = row.event.subject
    if isinstance(subject, Change):
        return row.event.kind, subject.key, subject.count
    number = subject.number if isinstance(subject, Request) else 0
    return row.event.kind, subject.process, number
