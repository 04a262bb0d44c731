"""Every crash of an operation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product

from regstore.testing.simulation.crashing.case import Case
from regstore.testing.simulation.crashing.trial import NEVER, Point, Trial
from regstore.testing.simulation.exploring.contest import Stage
from regstore.testing.simulation.knobs import Knobs
from regstore.testing.simulation.violations import Violation


@dataclass
class Enumeration:
    """What was seen.

    :ivar calls: requests of the operation.
    :ivar crashes: how many there were, each with what followed.
    :ivar failures: where something is wrong in the end; without a crash, too.
    """

    calls: int
    crashes: int = 0
    failures: list[tuple[Point, list[Violation]]] = field(default_factory=list)


def enumerate_crashes(
    case: Case,
    knobs: Knobs,
    *,
    thoroughly: bool = True,
    is_over: Callable[[], bool] = lambda: False,
) -> Enumeration:
    """Crash *case* at every one of its requests, in every way.

    :param thoroughly: a late request arrives between any two of those after the restart; else
        before all of them or after.
    :param is_over: is asked before each crash whether to leave it at what was seen until then.
    """
    stage = Stage(case.prepare, knobs)
    whole = Trial(case, stage, knobs, Point(NEVER))
    seen = Enumeration(whole.calls)
    for trial in _trials(case, stage, knobs, whole, thoroughly=thoroughly):
        if is_over():
            break
        seen.crashes += trial is not whole
        if trial.violations:
            seen.failures.append((trial.point, trial.violations))
    return seen


def _trials(
    case: Case, stage: Stage, knobs: Knobs, whole: Trial, *, thoroughly: bool
) -> Iterator[Trial]:
    yield whole
    both = (False, True)
    for call, is_reversed, is_abandoned in product(range(1, whole.calls + 1), both, both):

        def crash(point: Point) -> Trial:
            return Trial(case, stage, knobs, point)

        first = crash(Point(call, "before", 1, is_reversed, is_abandoned))
        yield first
        if first.last is None or not first.last.changes:
            continue  # whether it arrives does not matter
        yield crash(Point(call, "after", 1, is_reversed, is_abandoned))
        moments = range(1, first.recovering + 2)
        for moment in moments if thoroughly else {moments[0], moments[-1]}:
            yield crash(Point(call, "late", moment, is_reversed, is_abandoned))
            yield crash(Point(call, "twice", moment, is_reversed, is_abandoned))
