"""One run's store, its network, and the processes that use it."""

from __future__ import annotations

from random import Random  # noqa: TID251 - seeded, so that a run can be repeated

from regstore.drivers.objects.driver import ObjectDriver
from regstore.testing.simulation.bucket import Bucket
from regstore.testing.simulation.knobs import Knobs
from regstore.testing.simulation.loop import Choose, Loop
from regstore.testing.simulation.network import (
    Crashing,
    Network,
    RandomNetwork,
    StepwiseNetwork,
    no_crashes,
)
from regstore.testing.simulation.process import Process
from regstore.testing.simulation.runtime import SimulatedRuntime
from regstore.testing.simulation.staleness import Staleness
from regstore.testing.simulation.store import SimulatedStore
from regstore.testing.simulation.trace import Trace


class World:
    """A store and the loop in which everything about it happens.

    :param seed: the same seed gives the same run.
    :param knobs: how the store behaves.
    :param crashing: at which requests processes crash.
    :param choose: who goes on where several could; then nothing is left to chance, and each request
        is one step. By default the seed chooses.
    :ivar bucket: the truth.
    :ivar trace: what has happened.
    """

    def __init__(
        self,
        seed: int,
        knobs: Knobs | None = None,
        crashing: Crashing = no_crashes,
        choose: Choose | None = None,
    ) -> None:
        self.seed: int = seed
        self.knobs: Knobs = knobs or Knobs()
        self.trace: Trace = Trace()
        self._random = Random(seed)  # noqa: S311 - no secret
        draw = self._random.random
        self.loop: Loop = Loop(choose or (lambda ready: int(draw() * len(ready))))
        self.bucket: Bucket = Bucket(self.knobs, self.runtime(self.process("store")), self.trace)
        self._staleness = Staleness(self.bucket, self.knobs, self._random)
        self.network: Network = (
            RandomNetwork(self.loop, self.trace, self.knobs, self._random, crashing)
            if choose is None
            else StepwiseNetwork(self.loop, self.trace, crashing)
        )

    def process(self, name: str) -> Process:
        """Return a new process; a restarted one is new, too."""
        skew = self.knobs.process_skew
        random = Random(self._random.getrandbits(64))  # noqa: S311 - no secret
        return Process(name, random, self._random.uniform(-skew, skew) if skew else 0.0)

    def runtime(self, process: Process) -> SimulatedRuntime:
        """Return what runs production code as *process*."""
        return SimulatedRuntime(self.loop, process)

    def driver(self, process: Process) -> ObjectDriver:
        """Return the production driver, on this store, with nothing around it."""
        return ObjectDriver(
            SimulatedStore(
                self.bucket,
                self.knobs,
                self.network,
                self._staleness,
                self.runtime(process),
                self.trace,
            )
        )
