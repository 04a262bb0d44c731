"""One run: a seed, a class of stores, what happened, and what of it must not happen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from random import Random  # noqa: TID251 - seeded, so that a run can be repeated
from typing import Final

from regstore._protections import waiting
from regstore.consistency import Layers
from regstore.consistency import Violation as Broken
from regstore.drivers.objects.driver import ObjectDriver
from regstore.testing.simulation.actors import VERBS, Actor, Board
from regstore.testing.simulation.collecting import draw_collected
from regstore.testing.simulation.invariants import Facts, check
from regstore.testing.simulation.keyspace import IMAGES, TAGS
from regstore.testing.simulation.knobs import Knobs
from regstore.testing.simulation.loop import Ended
from regstore.testing.simulation.mishaps import Mishaps
from regstore.testing.simulation.network import CrashPoint
from regstore.testing.simulation.operations import Ledger
from regstore.testing.simulation.pace import Pace
from regstore.testing.simulation.process import Process
from regstore.testing.simulation.scenario import Plan, Scenario, Step, draw_scenario
from regstore.testing.simulation.stores import draw_knobs
from regstore.testing.simulation.trace import Request, Trace
from regstore.testing.simulation.violations import Violation
from regstore.testing.simulation.world import World

_RESTART_SECONDS: Final = 1.0
_LAST_ROUNDS: Final = 10
"""Runs of each collector after all else: some fail, as requests do."""
_FIRST_STEPS: Final = 20_000
_STEPS_OF_EACH: Final = 2_000
"""Of the loop, for each step of an actor: more than ten times what the longest runs take."""


@dataclass(frozen=True, slots=True)
class Run:
    """All that a run depends on.

    :ivar seed: of everything that is drawn while it goes on.
    """

    seed: int
    knobs: Knobs
    scenario: Scenario


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a run.

    :ivar violations: what must not happen; empty where all is well.
    :ivar errors: what was raised and no caller can be prepared for, with the tracebacks.
    """

    run: Run
    violations: tuple[Violation, ...]
    trace: Trace
    ledger: Ledger
    errors: tuple[Exception, ...] = ()


def draw(seed: int, store: str, actors: int = 4, steps: int = 6, kinds: Sequence[str] = ()) -> Run:
    """Return the run that *seed* stands for on a store of the class *store*.

    In one of twenty there are collectors, and somebody who knows nothing of them in a quarter of
    those.

    :param store: one of :data:`~regstore.testing.simulation.stores.CLASSES`.
    :param actors: how many.
    :param steps: of each of them, about.
    :param kinds: what the actors are, of :data:`~regstore.testing.simulation.scenario.KINDS`.
    :raises ValueError: there is no such class, or no such kind.
    """
    lot = Random(f"collectors {store} {seed}").random()  # noqa: S311 - no secret
    if lot < 1 / 20 and not kinds:
        return draw_with_collectors(seed, store, actors, steps, with_stock=lot < 1 / 80)
    random = Random(f"{store} {seed}")  # noqa: S311 - no secret
    return Run(seed, draw_knobs(random, store), draw_scenario(random, actors, steps, kinds))


def draw_with_collectors(
    seed: int, store: str, actors: int = 4, steps: int = 6, *, with_stock: bool = False
) -> Run:
    """Do what :func:`draw` does, for a run with collectors.

    :param with_stock: one of the actors pushes as software does that knows nothing of them.
    """
    random = Random(f"collected {store} {seed}")  # noqa: S311 - no secret
    knobs = draw_knobs(random, store)
    return Run(seed, knobs, draw_collected(random, knobs, actors, steps, with_stock=with_stock))


def simulate(run: Run) -> Result:
    """Let *run* happen, to the end, and look at all of it."""
    pace = run.scenario.pace
    with waiting(pace.writers) if pace else nullcontext():
        return _Stage(run).play()


class _Stage:
    def __init__(self, run: Run) -> None:
        self._run = run
        self._sent: Counter[str] = Counter()
        self._crashes = {(crash.actor, crash.request): crash for crash in run.scenario.crashes}
        self._world = World(run.seed, run.knobs, self._crashing)
        self._ledger = Ledger(self._world.loop, self._world.trace)
        self._board = Board(self._world.loop, run.scenario.pace)
        self._accused: list[Violation] = []
        self._mishaps = Mishaps(self._world.loop)
        steps = sum(len(plan.steps) for plan in run.scenario.actors)
        self._world.loop.most_steps = _FIRST_STEPS + steps * _STEPS_OF_EACH

    def play(self) -> Result:
        with self._mishaps.ended():
            self._let_happen()
        end = self._world.loop.time
        self._world.loop.close()
        found = [*self._accused, *self._mishaps.violations]
        if self._mishaps.is_over:
            found += check(self._facts(end))
        errors = tuple(self._mishaps.errors)
        return Result(self._run, tuple(found), self._world.trace, self._ledger, errors)

    def _let_happen(self) -> None:
        loop, scenario = self._world.loop, self._run.scenario
        director = self._world.process("director")
        if scenario.is_founded:
            loop.run(loop.spawn(self._found(), director, "founder"))
        living = [loop.spawn(self._live(plan), director, plan.name) for plan in scenario.actors]
        for task in living:
            loop.run(task)
        loop.drain()
        if scenario.pace is not None:
            loop.run(loop.spawn(self._tidy(scenario.pace), director, "the collectors"))
        loop.run(loop.spawn(loop.sleep(self._run.knobs.bound), director, "the end"))

    def _facts(self, end: float) -> Facts:
        world, run = self._world, self._run
        return Facts(run.knobs, world.bucket, self._ledger, world.trace, end, run.scenario)

    async def _found(self) -> None:
        """Put the images there, at once, and wait until everybody sees them."""
        driver = ObjectDriver(self._world.bucket)
        founder = Actor(self._world.process("founder"), driver, driver, self._ledger, self._board)
        for item in range(len(IMAGES)):
            with self._mishaps.outlived("founder"):
                await VERBS["push"](founder, Step("push", item=item, tag=item % len(TAGS)))
        await self._world.loop.sleep(self._run.knobs.bound)

    async def _live(self, plan: Plan) -> None:
        """Begin a process, and another one each time that it has crashed, where it stood."""
        steps = iter(plan.steps)
        step = next(steps, None)
        name = plan.name
        while step is not None:
            actor = self._begin(name)

            async def act(actor: Actor = actor) -> None:
                nonlocal step
                while step is not None:
                    await self._world.loop.sleep(step.pause)
                    with self._mishaps.outlived(actor.process.name):
                        await VERBS[step.verb](actor, step)
                    step = next(steps, None)

            task = self._world.loop.spawn(act(), actor.process, name)
            await Ended(self._world.loop, task)
            if not actor.process.is_crashed:
                task.ended.get()
                return
            name += "'"
            self._world.trace.note(self._world.loop.time, name, "restarted")
            await self._world.loop.sleep(_RESTART_SECONDS)

    async def _tidy(self, pace: Pace) -> None:
        """Let all that is left grow old, and the collectors come to an end with it."""
        self._crashes.clear()
        actors = [self._begin(name) for name in self._run.scenario.collectors]
        pause = pace.grace
        for _ in range(_LAST_ROUNDS):
            await self._world.loop.sleep(pause)
            pause = pace.wait + pace.error
            for actor in actors:
                with self._mishaps.outlived(actor.process.name):
                    await VERBS["collect"](actor, Step("collect"))

    def _begin(self, name: str) -> Actor:
        process = self._world.process(name)
        store = self._world.driver(process)
        layers = Layers.needed_by(store, self._run.knobs.consistency, remote=True)
        driver = layers.around(self._world.driver(process), partial(self._accuse, name))
        return Actor(process, driver, store, self._ledger, self._board)

    def _accuse(self, name: str, broken: Broken) -> None:
        """Take down that somebody has seen the store break its word, which none here does."""
        text = f"{name} accuses an honest store: {broken.promise}, by {broken.seconds:.3f} s"
        self._accused.append(Violation("I6", text, broken.path, self._world.loop.time))

    def _crashing(self, process: Process, request: Request) -> CrashPoint | None:
        del request
        name = process.name.rstrip("'")
        self._sent[name] += 1
        crash = self._crashes.get((name, self._sent[name]))
        return None if crash is None else crash.point
