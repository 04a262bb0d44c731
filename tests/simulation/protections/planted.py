"""Steps whose place in an operation matters: out of place, few requests are enough to see it."""

from __future__ import annotations

from dataclasses import dataclass

from regstore.testing.simulation import Knobs
from regstore.testing.simulation.crashing import CASES, Case, enumerate_crashes
from regstore.testing.simulation.exploring import PAIRS, Contest, explore
from tests.simulation.protections.protection import LeaveOut, Part


@dataclass(frozen=True, slots=True)
class Planted:
    """A bug, and where it is found: in some order of all requests, or after some crash.

    :ivar of: what it is in.
    :ivar seen_in: the contest that is explored, or the operation that is cut short.
    :ivar breaks: what is broken by it.
    :ivar plant: makes a context in which it is there.
    """

    of: Part
    seen_in: Contest | Case
    breaks: str
    plant: LeaveOut


def contest(name: str) -> Contest:
    """Return the contest of two that has this name."""
    (found,) = (each for each in PAIRS if each.name == name)
    return found


def case(name: str) -> Case:
    """Return the operation to be cut short that has this name."""
    (found,) = (each for each in CASES if each.name == name)
    return found


def broken_in(place: Contest | Case) -> set[str]:
    """Return the invariants that are broken in the simplest schedule, or after any crash."""
    if isinstance(place, Contest):
        failure = explore(place).simplest
        return {each.invariant for each in failure.violations} if failure else set()
    failures = enumerate_crashes(place, Knobs(), thoroughly=False).failures
    return {each.invariant for _, violations in failures for each in violations}
