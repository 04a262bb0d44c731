"""A simulator: production code on a simulated store, in virtual time, from a seed.

A :class:`World` is a store, the network before it, and a seeded loop that runs processes::

    world = World(seed=7, knobs=Knobs(stale_get=2.0, lost_answers=0.05))
    process = world.process("pusher")
    registry = AsyncRegistry(Checked(Settled(Retrying(world.driver(process)))))
    task = world.loop.spawn(registry.repository("app").blobs.put(b"hello"), process, "push")
    world.loop.run(task)
    world.loop.close()

Drivers, wrappers and stores run unmodified: all that they know of time, chance and parallelism is
the :class:`SimulatedRuntime` of their process. The same seed gives the same run, request by
request (:meth:`Trace.digest`).
"""

from regstore.testing.simulation.bucket import Bucket
from regstore.testing.simulation.knobs import Knobs
from regstore.testing.simulation.loop import Loop, StuckError, Task
from regstore.testing.simulation.network import Crashing, CrashPoint
from regstore.testing.simulation.process import Cancelled, Crashed, Process
from regstore.testing.simulation.runtime import START, SimulatedRuntime
from regstore.testing.simulation.store import SimulatedStore
from regstore.testing.simulation.trace import Change, Event, Note, Request, Trace
from regstore.testing.simulation.world import World

__all__ = [
    "START",
    "Bucket",
    "Cancelled",
    "Change",
    "CrashPoint",
    "Crashed",
    "Crashing",
    "Event",
    "Knobs",
    "Loop",
    "Note",
    "Process",
    "Request",
    "SimulatedRuntime",
    "SimulatedStore",
    "StuckError",
    "Task",
    "Trace",
    "World",
]
