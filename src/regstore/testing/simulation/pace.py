"""How fast the collectors of a run go, and how long they wait."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Self

from regstore._protections import Waits
from regstore.testing.simulation.knobs import Knobs


@dataclass(frozen=True, slots=True)
class Pace:
    """What collectors wait for: far less than in earnest, in the same proportions. In seconds.

    :ivar wait: between two steps for one digest; until a store is known to be collected, too.
    :ivar grace: for which what is new, or newly linked, is left alone.
    :ivar mark: that may pass between a look at the store and a step.
    :ivar step: after which a step that has begun deletes nothing any more.
    :ivar request: for which a request may be under way, or come once more.
    :ivar lag: for which the store may show what was.
    :ivar error: by which two times of the store may be off, one against the other.
    :ivar is_alone: whether there is one collector. It alone may say that none is at work.
    :ivar writers: what writers must know of it.
    """

    wait: float
    grace: float
    mark: float
    step: float
    request: float
    lag: float
    error: float
    is_alone: bool
    writers: Waits = field(default_factory=lambda: Waits(state=10.0, reach=30.0))

    @classmethod
    def on(cls, knobs: Knobs, *, is_alone: bool) -> Self:
        """Return what is safe on a store that behaves so."""
        lag, request = knobs.bound, knobs.slow_latency + 2 * knobs.repeat_after + 1
        request += knobs.timeout + knobs.late_after if knobs.late_requests else 0.0
        error = 2 * (knobs.clock_skew + knobs.clock_resolution)
        writers = Waits(state=10.0, reach=30.0)
        wait = writers.reach + writers.state + 2 * lag + error + request
        return cls(
            wait=wait,
            grace=4 * wait + 2 * knobs.process_skew,
            mark=8.0,
            step=20.0 + 2 * lag,
            request=request,
            lag=lag,
            error=error,
            is_alone=is_alone,
            writers=writers,
        )

    def hasty(self) -> Self:
        """Return the pace of who waits for nothing."""
        return replace(self, wait=0.0, grace=0.0, request=0.0, mark=0.0)

    @property
    def lease(self) -> float:
        """After which nothing of a step that has begun is under way."""
        return self.step + self.request
