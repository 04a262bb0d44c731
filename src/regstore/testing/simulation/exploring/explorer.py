"""Every schedule of a contest, as far as schedules differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from typing_extensions import override

from regstore.testing.simulation.audit import audit
from regstore.testing.simulation.exploring.contest import Contest, Stage
from regstore.testing.simulation.exploring.privacy import Privacy
from regstore.testing.simulation.exploring.schedule import (
    Cut,
    Director,
    Execution,
    Lineage,
    State,
    lineage_of,
    name_of,
)
from regstore.testing.simulation.knobs import Knobs
from regstore.testing.simulation.loop import Task
from regstore.testing.simulation.trace import Request
from regstore.testing.simulation.violations import Violation


@dataclass(frozen=True)
class Failure:
    """A schedule with which something goes wrong.

    :ivar schedule: whose request is next, one after the other; see :func:`replay`.
    """

    schedule: tuple[str, ...]
    violations: tuple[Violation, ...]

    @property
    def switches(self) -> int:
        """How often another process goes on."""
        return sum(one[0] != other[0] for one, other in pairwise(self.schedule))


@dataclass
class Exploration:
    """What was seen.

    :ivar schedules: run to their end.
    :ivar cut: begun, and given up where they came to a state that was explored already.
    :ivar calls: requests of the longest schedule.
    :ivar failing: schedules with which something went wrong.
    :ivar simplest: one of those, with the fewest switches.
    """

    schedules: int = 0
    cut: int = 0
    calls: int = 0
    failing: int = 0
    simplest: Failure | None = None

    def add(self, execution: Execution, violations: Sequence[Violation]) -> None:
        """Count one."""
        if execution.ending is None:
            self.cut += 1
        else:
            self.schedules += 1
        self.calls = max(self.calls, len(execution.done))
        if violations:
            self.failing += 1
            failure = Failure(tuple(map(name_of, execution.done)), tuple(violations))
            if self.simplest is None or failure.switches < self.simplest.switches:
                self.simplest = failure


def explore(contest: Contest, knobs: Knobs | None = None) -> Exploration:
    """Run every schedule of *contest*, of those that are alike only one."""
    knobs = knobs or Knobs()
    stage, privacy = Stage(contest.prepare, knobs), Privacy()
    while True:
        privacy.is_broken = False
        search = _Search(privacy)
        while search.begin() and not privacy.is_broken:
            search.run(contest, stage, knobs)
        if not privacy.is_broken:
            return search.seen


def replay(contest: Contest, schedule: Sequence[str], knobs: Knobs | None = None) -> Execution:
    """Run one *schedule* again, and return what comes of it."""
    knobs = knobs or Knobs()
    return Execution(contest, Stage(contest.prepare, knobs), knobs, _Replay(schedule))


@dataclass
class _Search(Director):
    """Depth first: one schedule after the other, each different from those before."""

    privacy: Privacy
    seen: Exploration = field(default_factory=Exploration)
    _begin: tuple[Lineage, ...] = ()
    _todo: list[tuple[Lineage, ...]] = field(default_factory=lambda: [()])
    _explored: set[State] = field(default_factory=set)

    def begin(self) -> bool:
        """Take up what is next, if anything is."""
        if self._todo:
            self._begin = self._todo.pop()
            return True
        return False

    def run(self, contest: Contest, stage: Stage, knobs: Knobs) -> None:
        """Follow the branch to an end, and leave what goes off it for later."""
        execution = Execution(contest, stage, knobs, self)
        if execution.ending is None:
            found = audit(execution.world.bucket, at_rest=False)
        else:
            found = contest.violations(execution.ending, knobs)
        self.seen.add(execution, found)

    @override
    def sent(self, lineage: Lineage, request: Request) -> None:
        self.privacy.sent(lineage, request)

    @override
    def choose(self, execution: Execution, waiting: Sequence[Task[Any]]) -> Task[Any]:
        step = len(execution.done)
        self.privacy.beside(waiting)
        if self.privacy.is_broken:
            raise Cut
        if step < len(self._begin):
            return _named(waiting, self._begin[step])
        for task in waiting:
            if self.privacy.covers(task):
                return task
        return self._fork(execution, waiting)

    def _fork(self, execution: Execution, waiting: Sequence[Task[Any]]) -> Task[Any]:
        """Go on with whoever went on before, and leave the others for later."""
        state = execution.state
        if state in self._explored:
            raise Cut
        self._explored.add(state)
        last = execution.done[-1][0] if execution.done else 0
        chosen, *others = sorted(waiting, key=lambda task: task.lineage[0] != last)
        self._todo += [(*execution.done, task.lineage) for task in reversed(others)]
        return chosen


class _Replay(Director):
    def __init__(self, schedule: Sequence[str]) -> None:
        self._schedule = [lineage_of(name) for name in schedule]

    @override
    def sent(self, lineage: Lineage, request: Request) -> None:
        """Do nothing: the schedule says it all."""

    @override
    def choose(self, execution: Execution, waiting: Sequence[Task[Any]]) -> Task[Any]:
        return _named(waiting, self._schedule[len(execution.done)])


def _named(waiting: Sequence[Task[Any]], lineage: Lineage) -> Task[Any]:
    return next(task for task in waiting if task.lineage == lineage)
