"""Runs in which collectors are at work, while others push, delete and pull."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from random import Random  # noqa: TID251 - seeded, so that a run can be repeated
from typing import Final

from regstore.testing.simulation.keyspace import IMAGES, REPOSITORIES
from regstore.testing.simulation.knobs import Knobs
from regstore.testing.simulation.pace import Pace
from regstore.testing.simulation.scenario import (
    Plan,
    Scenario,
    Step,
    Verb,
    draw_crash,
    draw_step,
)

_KINDS: Final[dict[str, dict[Verb, int]]] = {
    "pusher": {"push": 4, "push manifest": 2, "pull": 1},
    "mounter": {"mount": 3, "push manifest": 2, "push": 1},
    "tagger": {"tag": 2, "swap tag": 1, "untag": 1, "push manifest": 1},
    "uploader": {"begin upload": 2, "append": 2, "commit upload": 3, "push manifest": 1},
    "deleter": {"delete manifest": 4, "delete blob": 1, "push": 1},
    "puller": {"pull": 3, "pull tag": 2},
}
_PUSHING: Final = ("pusher", "mounter", "uploader")
_STOCK: Final[dict[str, dict[Verb, int]]] = {"stock": {"push stock": 1}}
_RUNS: Final = 20


def draw_collected(
    random: Random, knobs: Knobs, actors: int = 4, steps: int = 6, *, with_stock: bool = False
) -> Scenario:
    """Return a scenario of so many actors and one or two collectors.

    What was pushed first grows old; then the actors go on, most of them at the very moment at which
    a collector takes a step.

    :param with_stock: some actors push as software does that knows nothing of collectors.
    """
    collectors = random.choice((1, 1, 2))
    pace = Pace.on(knobs, is_alone=collectors == 1)
    variant = random.randrange(10)
    kinds = [random.choice(_PUSHING if number % 2 else sorted(_KINDS)) for number in range(actors)]
    cast = [
        _draw_actor(random, pace, kind, number, steps, variant)
        for number, kind in enumerate(kinds, 1)
    ]
    if with_stock:
        stock = _draw_actor(random, pace, "stock", 1, steps, variant)
        cast[:2] = [stock, Plan("puller-2", tuple(_pulling(random, stock)))]
    cast.append(Plan("forgetter-0", tuple(_forgetting(random))))
    runs = [_draw_collector(random, pace, number) for number in range(1, collectors + 1)]
    crashes = [draw_crash(random, plan) for plan in cast if random.random() < 1 / 4]
    crashes += [draw_crash(random, plan) for plan in runs if random.random() < 1 / 3]
    return Scenario((*cast, *runs), tuple(crashes), pace=pace)


def _draw_actor(
    random: Random, pace: Pace, kind: str, number: int, steps: int, variant: int
) -> Plan:
    """Return an actor that pushes, and goes on when a collector does what *variant* chooses."""
    verbs, weights = zip(*(_KINDS | _STOCK)[kind].items(), strict=True)
    first = [draw_step(random, "push", 1.0) for _ in range(random.randrange(2))]
    verb, *others = random.choices(verbs, weights, k=random.randint(min(2, steps), steps))
    pause = round(pace.grace * (0.3 + 0.7 * random.random()), 3)
    begin = replace(_await(random, 4 * pace.wait), pause=pause, variant=variant)
    then = [begin, _soon(random, verb), *_meeting(random, pace, others)]
    return Plan(f"{kind}-{number}", (*first, *then))


def _forgetting(random: Random) -> Iterator[Step]:
    """Yield steps that push, and delete all of it, or nearly all, and what others have pushed."""
    for repository, item in ((0, 2), (0, 1), (1, random.randrange(len(IMAGES)))):
        yield Step("push", 0.0, repository, item, variant=2)
    pause = 20.0
    for repository, item in product(range(len(REPOSITORIES)), range(len(IMAGES))):
        if random.random() < 7 / 8:
            yield Step("delete manifest", pause, repository, item)
            pause = 0.0


def _meeting(random: Random, pace: Pace, verbs: list[Verb]) -> Iterator[Step]:
    """Yield steps, many of which begin as a collector takes one."""
    for verb in verbs:
        if random.random() < 2 / 3:
            yield _await(random, pace.wait)
        yield _soon(random, verb)


def _await(random: Random, limit: float) -> Step:
    return Step("await collector", variant=random.randrange(10), limit=round(limit, 3))


def _soon(random: Random, verb: Verb) -> Step:
    return draw_step(random, verb, random.choice((0.1, 1.0, 4.0, 20.0)))


def _pulling(random: Random, plan: Plan) -> Iterator[Step]:
    """Yield steps that pull what *plan* pushes, soon after, and again."""
    for step in plan.steps:
        if step.verb == "await collector":
            yield step
        elif step.verb == "push stock":
            for pause in (step.pause, 0.0):
                yield replace(step, verb="pull", pause=round(pause + 15 * random.random(), 3))


def _draw_collector(random: Random, pace: Pace, number: int) -> Plan:
    begin = pace.grace * (0.6 + 0.3 * random.random())
    pauses = [begin, *(random.uniform(pace.request, pace.wait) for _ in range(_RUNS))]
    steps = tuple(Step("collect", pause=round(pause, 3)) for pause in pauses)
    return Plan(f"collector-{number}", steps)
