"""One crash, and all that follows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final, Literal, TypeVar

from typing_extensions import override

from regstore import layout
from regstore.errors import RegstoreError
from regstore.testing.simulation.audit import audit, litter
from regstore.testing.simulation.crashing.case import Case
from regstore.testing.simulation.exploring.contest import MOST_STEPS, Stage
from regstore.testing.simulation.exploring.on_uploads import purge
from regstore.testing.simulation.exploring.operation import Ending, Operation, failure, is_done
from regstore.testing.simulation.knobs import Knobs
from regstore.testing.simulation.loop import Loop, Task
from regstore.testing.simulation.mishaps import Mishaps
from regstore.testing.simulation.network import Crashing, CrashPoint, StepwiseNetwork
from regstore.testing.simulation.process import Crashed, Process
from regstore.testing.simulation.trace import Request, Trace
from regstore.testing.simulation.violations import Violation
from regstore.testing.simulation.world import World

T = TypeVar("T")

Fate = Literal["before", "after", "late", "twice"]
"""What becomes of the request at which a process crashes: it never arrives; it arrives unheard; it
arrives some time after the restart; it arrives, and once more after the restart."""


@dataclass(frozen=True)
class Point:
    """A crash.

    :ivar call: at which request of the process, from 1 on; beyond its last: at none.
    :ivar fate: what becomes of that.
    :ivar moment: before which request after the restart it arrives late, from 1 on; beyond the last
        of them: when all is done.
    :ivar is_reversed: requests that are sent at the same time arrive in the opposite order.
    :ivar is_abandoned: nobody repeats the operation.
    """

    call: int
    fate: Fate = "before"
    moment: int = 1
    is_reversed: bool = False
    is_abandoned: bool = False


NEVER: Final = 1 << 30
"""More requests than any operation needs."""


class Trial:
    """A run of *case* that crashes at *point*, and the recovery.

    :ivar point: the crash.
    :ivar calls: requests of the process that has crashed.
    :ivar recovering: requests after the restart, until all is done.
    :ivar last: the request at which it has crashed.
    :ivar violations: what is wrong.
    """

    def __init__(self, case: Case, stage: Stage, knobs: Knobs, point: Point) -> None:
        self.calls: int = 0
        self.recovering: int = 0
        self.last: Request | None = None
        self.violations: list[Violation] = []
        self._case = case
        self._told = stage.told
        self.point: Point = point
        self._late: Callable[[], object] | None = None
        self.world: World = World(1, knobs, choose=self._choose)
        self._network = _Network(self.world.loop, self.world.trace, self._crash)
        self.world.network = self._network
        stage.set(self.world)
        case.meanwhile(self.world)
        self._doomed = self.world.process("doomed")
        self.world.loop.most_steps = MOST_STEPS
        mishaps = Mishaps(self.world.loop)
        with mishaps.ended():
            self._run()
        self.violations += mishaps.violations
        self.world.loop.close()

    def _run(self) -> None:
        operation, then = self._case.operation, self._case.then
        try:
            self._check("doomed", self._perform(operation, self._doomed))
        except Crashed:
            self.world.loop.drain()
            self._look()
        if not self.point.is_abandoned:
            self._perform_again(operation)
            if then is not None:
                self._check("then", self._perform(then, self.world.process("then")))
            self._judge(then or operation)
        self._arrive_late()
        if not self.point.is_abandoned:
            self._judge(then or operation)
        self._purge()
        self._look_after_purge()

    def _perform_again(self, operation: Operation) -> None:
        """Repeat it as a client does: once more, where a late request of the dead interferes."""
        result = self._perform(operation, self.world.process("again"))
        if isinstance(result, operation.overtaken):
            result = self._perform(operation, self.world.process("again"))
        if not isinstance(result, operation.repeated):
            self._check("again", result)

    def _perform(self, operation: Operation, process: Process, told: str | None = None) -> object:
        performing = operation.perform(self.world, process, self._told if told is None else told)
        return self.world.loop.run(self.world.loop.spawn(performing, process, process.name))

    def _check(self, when: str, result: object) -> None:
        if not is_done(result):
            self.violations.append(Violation("recovery", failure(f"{when}: it", result), ""))

    def _judge(self, operation: Operation) -> None:
        ending = Ending((), self.world.bucket, self._told)
        self.violations += [*operation.holds(ending), *self._case.ends(ending)]

    def _look(self) -> None:
        """Audit what the crash has left; uploads that have ended may have left something, too."""
        self._tell("at once", self._audit())

    def _look_after_purge(self) -> None:
        bucket = self.world.bucket
        self._tell("in the end", self._audit())
        self._tell("in the end", [Violation("I20", "not purged", key) for key in litter(bucket)])

    def _audit(self) -> list[Violation]:
        return [each for each in audit(self.world.bucket) if not self._case.allows(each)]

    def _tell(self, when: str, found: list[Violation]) -> None:
        self.violations += [replace(each, text=f"{when}: {each.text}") for each in found]

    def _purge(self) -> None:
        """End every upload of which anything is left, sessions included."""
        bucket = self.world.bucket
        started = [layout.parse(key) for key in bucket.contents if key.endswith("/startedat")]
        live = [spec for spec in started if isinstance(spec, layout.UploadStartedAt)]
        ids = {each.upload_id for each in (*live, *litter(bucket).values())}
        for upload_id in sorted(ids):
            result = self._perform(purge(timedelta(0)), self.world.process("purge"), upload_id)
            if not isinstance(result, RegstoreError):
                self._check("purge", result)

    def _choose(self, ready: Sequence[Task[Any]]) -> int:
        stopped = [task for task in ready if task.is_stopped]
        if stopped:  # who waits for others sees them end first, as on every runtime
            return ready.index(max(stopped, key=lambda task: task.lineage))
        own = [task for task in ready if not isinstance(task.label, Request)]
        best = max if self.point.is_reversed and not own else min
        return ready.index(best(own or ready, key=lambda task: task.lineage))

    def _crash(self, process: Process, request: Request) -> CrashPoint | None:
        if process is not self._doomed:
            self.recovering += process.name != "purge"
            if self.recovering == self.point.moment:
                self._arrive_late()
            return None
        self.calls += 1
        if self.calls != self.point.call:
            return None
        self.last = request
        if self.point.fate in {"late", "twice"}:
            self._late = self._network.effects[request.number]
        return "after" if self.point.fate in {"after", "twice"} else "before"

    def _arrive_late(self) -> None:
        late, self._late = self._late, None
        if late is not None:
            with suppress(RegstoreError):
                late()


class _Network(StepwiseNetwork):
    """Keeps what each request does, for it may arrive once more.

    :ivar effects: by the number of the request.
    """

    def __init__(self, loop: Loop, trace: Trace, crashing: Crashing) -> None:
        super().__init__(loop, trace, crashing)
        self.effects: dict[int, Callable[[], object]] = {}

    @override
    async def carry(self, process: Process, request: Request, effect: Callable[[], T]) -> T:
        self.effects[request.number] = effect
        return await super().carry(process, request, effect)
