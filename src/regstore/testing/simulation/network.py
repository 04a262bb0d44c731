"""How requests travel: late, lost, twice, unheard; or one step at a time, for exhaustive search."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from random import Random  # noqa: TID251 - seeded, so that a run can be repeated
from typing import Final, Literal, TypeVar

from typing_extensions import override

from regstore.errors import RegstoreError, ThrottledError, TransientError
from regstore.testing.simulation.knobs import Knobs
from regstore.testing.simulation.loop import Loop, Promise
from regstore.testing.simulation.process import Process
from regstore.testing.simulation.trace import Request, Trace

T = TypeVar("T")

DRIVER: Final = "simulated"

CrashPoint = Literal["before", "after", "late"]
"""How a process crashes as it sends a request.

``"before"``: the request never arrives; ``"after"``: it takes effect unheard; ``"late"``: it takes
effect some time after the crash.
"""

Crashing = Callable[[Process, Request], CrashPoint | None]
"""Says whether, and how, a process crashes as it sends a request."""


def no_crashes(process: Process, request: Request) -> None:
    """Let everybody live."""
    del process, request


class Network(ABC):
    """Carries the requests of all processes to the store, and its answers back."""

    def __init__(self, loop: Loop, trace: Trace, crashing: Crashing = no_crashes) -> None:
        self.crashing: Crashing = crashing
        self._loop = loop
        self._trace = trace

    @abstractmethod
    async def carry(self, process: Process, request: Request, effect: Callable[[], T]) -> T:
        """Let *request* arrive, if it does, and return or raise what comes back.

        :param effect: has it take effect, at the instant of its arrival.
        """

    def _sent(self, request: Request) -> None:
        self._trace.record(self._loop.time, "sent", request)

    def _arrived(self, request: Request) -> None:
        request.arrived = self._loop.time
        self._trace.record(self._loop.time, "arrived", request)

    def _answered(self, request: Request, failure: RegstoreError | None) -> None:
        request.answered = self._loop.time
        request.outcome = "ok" if failure is None else type(failure).__name__
        self._trace.record(self._loop.time, "answered", request)

    def _crash(self, process: Process) -> None:
        self._trace.crash(self._loop.time, process.name)
        process.crash()

    def _late(self, request: Request, effect: Callable[[], object]) -> None:
        """Let it take effect once nobody waits for it any more."""
        self._arrived(request)
        with suppress(RegstoreError):
            effect()

    def _repeat(self, request: Request, effect: Callable[[], object]) -> None:
        """Let it take effect once more; nobody learns of it, and it may be refused by now."""
        shown, request.repeated = request.shown, self._loop.time
        self._trace.record(self._loop.time, "repeated", request)
        with suppress(RegstoreError):
            effect()
        request.shown = shown


class RandomNetwork(Network):
    """Draws the fate of each request as *knobs* say."""

    def __init__(
        self,
        loop: Loop,
        trace: Trace,
        knobs: Knobs,
        random: Random,
        crashing: Crashing = no_crashes,
    ) -> None:
        super().__init__(loop, trace, crashing)
        self._knobs = knobs
        self._random = random.random

    @override
    async def carry(self, process: Process, request: Request, effect: Callable[[], T]) -> T:
        answer: Promise[T] = Promise(self._loop)
        self._sent(request)
        crash = self.crashing(process, request)
        if crash == "before" or self._happens(self._knobs.lost_requests):
            self._give_up(request, answer)
        elif self._happens(self._knobs.late_requests):
            self._send(request, effect, answer, self._too_late())
        elif self._happens(self._knobs.throttled):
            refused = ThrottledError(request.key, DRIVER, retry_after=1.0)
            self._tell(request, answer, partial(answer.fail, refused), refused)
        else:
            self._send(
                request, effect, answer, self._knobs.repeat_after if crash == "late" else 0.0
            )
        if crash is not None:
            self._crash(process)
        return await answer

    def _send(
        self, request: Request, effect: Callable[[], T], answer: Promise[T], late: float
    ) -> None:
        time = self._loop.time + self._delay() + late
        if self._is_in_time(request, time):
            self._loop.call_at(time, partial(self._arrive, request, effect, answer))
        else:
            self._give_up(request, answer)
            self._loop.call_at(time, partial(self._late, request, effect))
        if request.changes and self._happens(self._knobs.repeated):
            time += self._knobs.repeat_after * self._random()
            self._loop.call_at(time, partial(self._repeat, request, effect))

    def _arrive(self, request: Request, effect: Callable[[], T], answer: Promise[T]) -> None:
        self._arrived(request)
        tell: Callable[[], None]
        failure: RegstoreError | None = None
        try:
            tell = partial(answer.settle, effect())
        except RegstoreError as error:
            failure = error
            tell = partial(answer.fail, error)
        if self._happens(self._knobs.lost_answers):
            self._give_up(request, answer)
        else:
            self._tell(request, answer, tell, failure)

    def _tell(
        self,
        request: Request,
        answer: Promise[T],
        tell: Callable[[], None],
        failure: RegstoreError | None,
    ) -> None:
        def arrive() -> None:
            self._answered(request, failure)
            tell()

        time = self._loop.time + self._delay()
        if self._is_in_time(request, time):
            self._loop.call_at(time, arrive)
        else:
            self._give_up(request, answer)

    def _give_up(self, request: Request, answer: Promise[T]) -> None:
        detail = "no answer came in time"
        error = TransientError(request.key, DRIVER, detail, outcome_unknown=request.changes)

        def give_up() -> None:
            self._trace.record(self._loop.time, "given up", request)
            answer.fail(error)

        self._loop.call_at(request.sent + self._knobs.timeout, give_up)

    def _is_in_time(self, request: Request, time: float) -> bool:
        return time <= request.sent + self._knobs.timeout

    def _too_late(self) -> float:
        """Return how much later than others a request arrives that nobody waits for any more."""
        return self._knobs.timeout + self._knobs.late_after * self._random()

    def _happens(self, rate: float) -> bool:
        return rate > 0 and self._random() < rate

    def _delay(self) -> float:
        most = self._knobs.latency
        if self._happens(self._knobs.slow):
            most = self._knobs.slow_latency
        return most * (0.1 + 0.9 * self._random())


class StepwiseNetwork(Network):
    """Carries each request at once, when its task is chosen: one request is one step.

    A task that is about to send one waits in :meth:`Loop.pause` with the request as its label.
    """

    @override
    async def carry(self, process: Process, request: Request, effect: Callable[[], T]) -> T:
        await self._loop.pause(request)
        self._sent(request)
        crash = self.crashing(process, request)
        if crash == "late":
            self._loop.call_at(self._loop.time + 1.0, partial(self._late, request, effect))
        if crash in {"before", "late"}:
            self._crash(process)
        process.raise_if_crashed()
        self._arrived(request)
        try:
            result = effect()
        except RegstoreError as error:
            self._answered(request, error)
            raise
        finally:
            if crash == "after":
                self._crash(process)
        process.raise_if_crashed()
        self._answered(request, None)
        return result
