"""I25: every call ends by its deadline, or with the last request by which it cleans up.

Cleaning up is not held to the deadline, since nobody else would do it. It is told by its requests:
where a condition was tried out, they are about the keys of a probe; where content was written,
about what is parked, or a session of the store. A read does neither. What a call does beside that
ends to the instant, and cleaning, too, within 120 s. Calls that one process makes at a time are not
told apart: one may be late where another one cleans up. What a crash has ended is not judged.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from regstore import layout
from regstore.consistency.deadline import MOMENT
from regstore.testing.simulation.invariants.facts import APPENDS, ENDINGS, Facts
from regstore.testing.simulation.operations import Kind, Operation
from regstore.testing.simulation.process import Crashed
from regstore.testing.simulation.trace import Request
from regstore.testing.simulation.violations import Violation

_READS: Final[frozenset[Kind]] = frozenset({"get blob", "get manifest", "get tag", "get by tag"})
_WRITERS: Final[frozenset[Kind]] = frozenset({"put blob", *APPENDS, *ENDINGS})
_PROBES: Final = f"{layout.ProbesRoot().path}/"
_OF_SESSIONS: Final = frozenset({"begin", "put_part", "complete", "sessions", "abort"})
_CLEANING_SECONDS: Final = 120.0


def overdue(facts: Facts) -> Iterator[Violation]:
    """Yield the calls that took longer than they were given."""
    for each in facts.ledger.operations:
        if each.limit is None or isinstance(each.error, Crashed):
            continue
        deadline = each.invoked + each.limit
        if each.returned <= deadline + MOMENT:
            continue
        latest = min(_cleaned(facts, each, deadline), deadline + _CLEANING_SECONDS)
        if each.returned > latest + MOMENT:
            text = f"{each} took {each.returned - each.invoked:.3f} s of {each.limit}"
            yield Violation("I25", text, each.subject)


def _cleaned(facts: Facts, operation: Operation, deadline: float) -> float:
    """Return when the last request ended by which *operation* cleaned up, *deadline* at least."""
    given_up = {
        event.subject.number: event.time
        for event in facts.trace.events
        if event.kind == "given up" and isinstance(event.subject, Request)
    }
    ends = [
        given_up.get(request.number, 0.0) if request.answered is None else request.answered
        for request in facts.requests_of(operation)
        if _may_clean(operation.kind, request)
    ]
    return max([deadline, *(end for end in ends if end <= operation.returned + MOMENT)])


def _may_clean(kind: Kind, request: Request) -> bool:
    if kind in _READS:
        return False
    if request.key.startswith(_PROBES):
        return True
    is_parked = "/_uploads/" in request.key or request.name in _OF_SESSIONS
    return kind in _WRITERS and is_parked
