"""Every schedule of a contest, as far as schedules differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    Step,
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
            failure = Failure(tuple(map(str, execution.done)), tuple(violations))
            if self.simplest is None or failure.switches < self.simplest.switches:
                self.simplest = failure


def explore(
    contest: Contest,
    knobs: Knobs | None = None,
    *,
    lost: int = 0,
    is_over: Callable[[], bool] = lambda: False,
) -> Exploration:
    """Run every schedule of *contest*, of those that are alike only one.

    :param lost: how many answers to changing requests get lost in a schedule, at most; each such
        request is repeated once by :class:`~regstore.consistency.Retrying`.
    :param is_over: is asked before each schedule whether to leave it at what was seen until then.
    """
    knobs = knobs or Knobs()
    stage, privacy = Stage(contest.prepare, knobs), Privacy()
    while True:
        privacy.is_broken = False
        search = _Search(privacy, lost)
        while search.begin() and not privacy.is_broken:
            if is_over():
                return search.seen
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
    most_lost: int
    seen: Exploration = field(default_factory=Exploration)
    _begin: tuple[Step, ...] = ()
    _todo: list[tuple[Step, ...]] = field(default_factory=lambda: [()])
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
        self.seen.add(execution, [*execution.mishaps.violations, *found])

    @override
    def loses(self, execution: Execution, lineage: Lineage, request: Request) -> bool:
        self.privacy.sent(lineage, request)
        at = len(execution.done)
        if at < len(self._begin):
            return self._begin[at].is_lost
        self._may_lose(execution, lineage, request)
        return False

    def _may_lose(self, execution: Execution, lineage: Lineage, request: object) -> None:
        """Leave for later what follows where the answer to *request* is lost."""
        lost = sum(step.is_lost for step in execution.done)
        if isinstance(request, Request) and request.changes and lost < self.most_lost:
            self._todo.append((*execution.done, Step(lineage, is_lost=True)))

    @override
    def choose(self, execution: Execution, waiting: Sequence[Task[Any]]) -> Task[Any]:
        step = len(execution.done)
        self.privacy.beside(waiting)
        if self.privacy.is_broken:
            raise Cut
        if step < len(self._begin):
            return _named(waiting, self._begin[step].lineage)
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
        last = execution.done[-1].lineage[0] if execution.done else 0
        chosen, *others = sorted(waiting, key=lambda task: task.lineage[0] != last)
        for task in reversed(others):
            self._may_lose(execution, task.lineage, task.label)
            self._todo.append((*execution.done, Step(task.lineage)))
        return chosen


class _Replay(Director):
    def __init__(self, schedule: Sequence[str]) -> None:
        self._schedule = [Step.parse(text) for text in schedule]

    @override
    def loses(self, execution: Execution, lineage: Lineage, request: Request) -> bool:
        return self._schedule[len(execution.done)].is_lost

    @override
    def choose(self, execution: Execution, waiting: Sequence[Task[Any]]) -> Task[Any]:
        return _named(waiting, self._schedule[len(execution.done)].lineage)


def _named(waiting: Sequence[Task[Any]], lineage: Lineage) -> Task[Any]:
    return next(task for task in waiting if task.lineage == lineage)
