"""One schedule of a contest, run from its beginning: stateless, so that nothing must be undone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from typing_extensions import override

from regstore.drivers.objects.port import ObjectBody
from regstore.errors import RegstoreError
from regstore.testing.simulation.exploring.contest import Contest, Stage
from regstore.testing.simulation.exploring.operation import Ending
from regstore.testing.simulation.knobs import Knobs
from regstore.testing.simulation.loop import Loop, Task
from regstore.testing.simulation.network import StepwiseNetwork
from regstore.testing.simulation.process import Process
from regstore.testing.simulation.trace import Request, Trace
from regstore.testing.simulation.world import World

T = TypeVar("T")

Lineage = tuple[int, ...]
"""Which task it is, in every schedule that begins alike (:attr:`Task.lineage`)."""
State = tuple[object, ...]


class Cut(Exception):  # noqa: N818 - no error
    """There is no use in going on."""


class Director(ABC):
    """Decides whose request is next."""

    @abstractmethod
    def choose(self, execution: Execution, waiting: Sequence[Task[Any]]) -> Task[Any]:
        """Return one of *waiting*, which are at least two, in the order of their lineage.

        :raises Cut: there is no use in going on.
        """

    @abstractmethod
    def sent(self, lineage: Lineage, request: Request) -> None:
        """Take note of a request that arrives."""


class Execution:
    """A run of *contest* in which *director* decides.

    :ivar done: whose requests have arrived, in order.
    :ivar ending: what has come of it; ``None`` if it was cut short.
    """

    def __init__(self, contest: Contest, stage: Stage, knobs: Knobs, director: Director) -> None:
        self.done: list[Lineage] = []
        self.ending: Ending | None = None
        self._director = director
        self._answers: dict[Lineage, int] = {}
        self._is_over = False
        self.world: World = World(1, knobs, choose=self._next)
        self.world.network = _Telling(self.world.loop, self.world.trace, self._answered)
        stage.set(self.world)
        try:
            self.ending = self._run(contest, stage.told)
        except Cut:
            pass
        finally:
            self._is_over = True
            self.world.loop.close()

    @property
    def state(self) -> State:
        """What decides about all that follows: the store, and what each task was answered.

        A task does what it does because of the answers that it got, and of nothing else.
        """
        bucket = self.world.bucket
        contents = frozenset(
            (key, each.data, each.version) for key, each in bucket.contents.items()
        )
        sessions = frozenset(
            (token, frozenset(parts.items())) for token, (_, parts) in bucket.open_sessions.items()
        )
        answers = frozenset(self._answers.items())
        return hash(contents), hash(sessions), hash(answers), self.world.loop.time

    def _run(self, contest: Contest, told: str) -> Ending:
        loop = self.world.loop
        tasks = []
        for index, operation in enumerate(contest.operations):
            process = self.world.process(chr(ord("a") + index))
            tasks.append(
                loop.spawn(operation.perform(self.world, process, told), process, process.name)
            )
        results = tuple([loop.run(task) for task in tasks])
        loop.drain()
        return Ending(results, self.world.bucket, told)

    def _next(self, ready: Sequence[Task[Any]]) -> int:
        if self._is_over:
            return 0
        own = [task for task in ready if not isinstance(task.label, Request)]
        if own:  # nobody else sees what a process does between two requests
            return ready.index(min(own, key=_lineage))
        return ready.index(self._director.choose(self, sorted(ready, key=_lineage)))

    def _answered(self, request: Request, answer: object) -> None:
        lineage = self.world.loop.current.lineage
        self.done.append(lineage)
        self._director.sent(lineage, request)
        known = (self._answers.get(lineage), request.name, request.key, answer)
        self._answers[lineage] = hash(known)


class _Telling(StepwiseNetwork):
    """Tells what each request was answered."""

    def __init__(self, loop: Loop, trace: Trace, tell: Callable[[Request, object], None]) -> None:
        super().__init__(loop, trace)
        self._tell = tell

    @override
    async def carry(self, process: Process, request: Request, effect: Callable[[], T]) -> T:
        def told() -> T:
            try:
                result = effect()
            except RegstoreError as error:
                self._tell(request, type(error).__name__)
                raise
            self._tell(request, _hashable(result))
            return result

        return await super().carry(process, request, told)


def _hashable(answer: object) -> object:
    if isinstance(answer, ObjectBody):
        return answer.info
    return tuple(answer) if isinstance(answer, list) else answer


def _lineage(task: Task[Any]) -> Lineage:
    return task.lineage


def name_of(lineage: Lineage) -> str:
    """Return how a schedule calls a task: ``a`` is the first process, ``a.2`` its second child."""
    first, *rest = lineage
    return ".".join([chr(ord("a") + first), *map(str, rest)])


def lineage_of(name: str) -> Lineage:
    """Return the task that *name* calls."""
    first, *rest = name.split(".")
    return (ord(first) - ord("a"), *map(int, rest))
