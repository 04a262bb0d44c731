"""One schedule of a contest, run from its beginning: stateless, so that nothing must be undone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from typing_extensions import override

from regstore.drivers.objects.port import ObjectBody
from regstore.errors import RegstoreError, TransientError
from regstore.testing.simulation.exploring.contest import MOST_STEPS, Contest, Stage
from regstore.testing.simulation.exploring.operation import Ending
from regstore.testing.simulation.knobs import Knobs
from regstore.testing.simulation.loop import Loop, Task
from regstore.testing.simulation.mishaps import Mishaps
from regstore.testing.simulation.network import DRIVER, StepwiseNetwork
from regstore.testing.simulation.process import Process
from regstore.testing.simulation.trace import Request, Trace
from regstore.testing.simulation.world import World

T = TypeVar("T")

Lineage = tuple[int, ...]
"""Which task it is, in every schedule that begins alike (:attr:`Task.lineage`)."""
State = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """Whose request arrives, and whether its answer is lost.

    In a schedule, ``a`` is the first process, ``a.2`` its second child, ``a!`` lost.
    """

    lineage: Lineage
    is_lost: bool = False

    def __str__(self) -> str:
        first, *rest = self.lineage
        name = ".".join([chr(ord("a") + first), *map(str, rest)])
        return f"{name}!" if self.is_lost else name

    @classmethod
    def parse(cls, text: str) -> Step:
        """Return the step that a schedule calls *text*."""
        first, *rest = text.removesuffix("!").split(".")
        return cls((ord(first) - ord("a"), *map(int, rest)), text.endswith("!"))


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
    def loses(self, execution: Execution, lineage: Lineage, request: Request) -> bool:
        """Return whether nobody hears the answer to *request*, which arrives now."""


class Execution:
    """A run of *contest* in which *director* decides.

    :ivar done: the requests that have arrived, in order.
    :ivar ending: what has come of it; ``None`` if it was cut short, or never ends.
    :ivar mishaps: tells in which way it does not.
    """

    def __init__(self, contest: Contest, stage: Stage, knobs: Knobs, director: Director) -> None:
        self.done: list[Step] = []
        self.ending: Ending | None = None
        self._director = director
        self._answers: dict[Lineage, int] = {}
        self._is_over = False
        self.world: World = World(1, knobs, choose=self._next)
        self.world.loop.jumps = True
        self.world.loop.most_steps = MOST_STEPS
        self.mishaps: Mishaps = Mishaps(self.world.loop)
        self.world.network = _Telling(self.world.loop, self.world.trace, self._answer)
        stage.set(self.world)
        try:
            with self.mishaps.ended():
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
        has_lost = any(step.is_lost for step in self.done)
        return Ending(results, self.world.bucket, told, has_lost)

    def _next(self, ready: Sequence[Task[Any]]) -> int:
        if self._is_over:
            return 0
        own = [task for task in ready if task.is_stopped or not isinstance(task.label, Request)]
        if own:  # nobody else sees what a process does between two requests
            return ready.index(min(own, key=_lineage))
        return ready.index(self._director.choose(self, sorted(ready, key=_lineage)))

    def _answer(self, request: Request, effect: Callable[[], T]) -> T:
        """Let *request* take effect, and its sender hear of that or not."""
        lineage = self.world.loop.current.lineage
        is_lost = self._director.loses(self, lineage, request)
        self.done.append(Step(lineage, is_lost))
        try:
            result = effect()
            if is_lost:
                raise TransientError(request.key, DRIVER, "unheard", outcome_unknown=True)
        except RegstoreError as error:
            self._remember(lineage, request, type(error).__name__)
            raise
        self._remember(lineage, request, _hashable(result))
        return result

    def _remember(self, lineage: Lineage, request: Request, answer: object) -> None:
        known = (self._answers.get(lineage), request.name, request.key, answer)
        self._answers[lineage] = hash(known)


class Answer(Protocol):
    """Lets a request take effect, and says what is heard of it."""

    def __call__(self, request: Request, effect: Callable[[], T]) -> T:
        """Return or raise what the sender hears."""
        ...


class _Telling(StepwiseNetwork):
    """Has somebody else say what each request is answered."""

    def __init__(self, loop: Loop, trace: Trace, answer: Answer) -> None:
        super().__init__(loop, trace)
        self._answer = answer

    @override
    async def carry(self, process: Process, request: Request, effect: Callable[[], T]) -> T:
        return await super().carry(process, request, lambda: self._answer(request, effect))


def _hashable(answer: object) -> object:
    if isinstance(answer, ObjectBody):
        return answer.info
    return tuple(answer) if isinstance(answer, list) else answer


def _lineage(task: Task[Any]) -> Lineage:
    return task.lineage
