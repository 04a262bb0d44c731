"""What a run does, as data: drawn from a seed, and cut down when it has found something."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random  # noqa: TID251 - seeded, so that a run can be repeated
from typing import Final, Literal

from regstore.testing.faults.arguments import require_known
from regstore.testing.simulation.keyspace import BLOBS, IMAGES, REPOSITORIES, TAGS
from regstore.testing.simulation.network import CrashPoint
from regstore.testing.simulation.pace import Pace

Verb = Literal[
    "push",
    "push manifest",
    "push stock",
    "pull",
    "pull tag",
    "tag",
    "create tag",
    "swap tag",
    "untag",
    "untag if",
    "mount",
    "begin upload",
    "append",
    "append other",
    "append again",
    "commit upload",
    "cancel upload",
    "purge upload",
    "list tags",
    "list manifests",
    "list repositories",
    "list referrers",
    "reindex",
    "delete manifest",
    "delete blob",
    "collect",
    "await collector",
]

KINDS: Final[dict[str, dict[Verb, int]]] = {
    "pusher": {"push": 6, "push manifest": 1, "pull": 1, "pull tag": 1},
    "puller": {"pull tag": 4, "pull": 2},
    "tagger": {
        "tag": 3, "create tag": 2, "swap tag": 4, "untag": 1, "untag if": 1, "pull tag": 2
    },
    "retagger": {"tag": 3, "swap tag": 1, "untag": 3, "untag if": 1},
    "mounter": {"mount": 3, "push manifest": 1, "pull": 1, "push": 1},
    "uploader": {"begin upload": 3, "append": 4, "commit upload": 3, "append other": 1},
    "deleter": {"delete manifest": 4, "delete blob": 1, "push": 2},
    "purger": {"cancel upload": 1, "purge upload": 3, "begin upload": 2, "append": 3},
    "resender": {
        "begin upload": 3, "append": 3, "append other": 2, "append again": 5, "commit upload": 1
    },
    "attacher": {"push": 3, "list referrers": 4, "reindex": 2, "delete manifest": 2},
    "lister": {
        "push": 2, "tag": 2, "untag": 3, "delete manifest": 2,
        "list tags": 4, "list manifests": 3, "list repositories": 1,
    },
    "stock": {"push stock": 1},
}  # fmt: skip
"""What each kind of actor does, and how often."""

_NEED_IMAGES: Final = frozenset(
    {"puller", "tagger", "retagger", "mounter", "deleter", "attacher", "lister"}
)
"""Kinds that have nothing to do where nothing was pushed: they begin with that, as a rule."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that an actor does.

    :ivar pause: seconds before it.
    :ivar repository: an index into the key space, as are *item* (an image or blob) and *tag*.
    :ivar variant: chooses among the ways to do it.
    :ivar limit: seconds after which each of its calls must have ended, if any.
    """

    verb: Verb
    pause: float = 0.0
    repository: int = 0
    item: int = 0
    tag: int = 0
    variant: int = 0
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Somebody who takes steps, one after the other; restarted where it crashes."""

    name: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Crash:
    """An actor's process ends as it sends its *request*-th request, counted from 1."""

    actor: str
    request: int
    point: CrashPoint


@dataclass(frozen=True, slots=True)
class Scenario:
    """Who does what, and who crashes where.

    :ivar is_founded: the images are in the first repository already, one of them under each tag.
    :ivar pace: of the collectors; ``None`` where there are none.
    """

    actors: tuple[Plan, ...]
    crashes: tuple[Crash, ...] = ()
    is_founded: bool = False
    pace: Pace | None = None

    @property
    def collectors(self) -> list[str]:
        """The names of the collectors."""
        return self._who("collect")

    @property
    def stock(self) -> list[str]:
        """The names of those that push and know nothing of this library."""
        return self._who("push stock")

    @property
    def has_stock(self) -> bool:
        """Whether there are any."""
        return bool(self.stock)

    def _who(self, verb: Verb) -> list[str]:
        verbs = {plan.name: {step.verb for step in plan.steps} for plan in self.actors}
        return [name for name, its in verbs.items() if verb in its]


def draw_scenario(
    random: Random, actors: int = 4, steps: int = 6, kinds: Sequence[str] = ()
) -> Scenario:
    """Return a scenario of so many actors with about so many steps each.

    Each run has but a few kinds of actors, and so more of what only these do to each other.

    :param kinds: which of :data:`KINDS`; drawn, too, where there are none.
    :raises ValueError: one is not among them.
    """
    for kind in kinds:
        require_known("kind", kind, KINDS)
    kinds = kinds or random.sample(sorted(KINDS), random.randint(1, 4))
    is_founded, is_narrow = random.random() < 1 / 2, random.random() < 1 / 2
    cast = [
        _draw_plan(random, random.choice(kinds), number, steps) for number in range(1, actors + 1)
    ]
    if is_narrow:
        cast = [_narrowed(plan) for plan in cast]
    crashes = [draw_crash(random, actor) for actor in cast if random.random() < 1 / 3]
    return Scenario(tuple(cast), tuple(crashes), is_founded)


def _draw_plan(random: Random, kind: str, number: int, steps: int) -> Plan:
    verbs, weights = zip(*KINDS[kind].items(), strict=True)
    count = random.randint(max(1, steps - 2), steps + 2)
    quick = random.choice((0.1, 1.0, 4.0))
    chosen: list[Verb] = random.choices(verbs, weights, k=count)
    if kind in _NEED_IMAGES and random.random() < 3 / 4:
        chosen.insert(0, "push")
    return Plan(f"{kind}-{number}", tuple(draw_step(random, verb, quick) for verb in chosen))


def _narrowed(plan: Plan) -> Plan:
    """Return *plan* about one tag of one repository: there is more to meet."""
    return replace(plan, steps=tuple(replace(step, repository=0, tag=0) for step in plan.steps))


def draw_step(random: Random, verb: Verb, quick: float) -> Step:
    """Return a step that does *verb* to anything, up to *quick* seconds after the one before."""
    return Step(
        verb,
        pause=round(random.random() * quick, 3),
        repository=int(random.random() ** 2 * len(REPOSITORIES)),
        item=random.randrange(max(len(IMAGES), len(BLOBS))),
        tag=int(random.random() ** 2 * len(TAGS)),
        variant=random.randrange(12),
        limit=random.choice((2.0, 20.0)) if random.random() < 1 / 8 else None,
    )


def draw_crash(random: Random, actor: Plan) -> Crash:
    """Return a crash of *actor*, anywhere."""
    points: tuple[CrashPoint, ...] = ("before", "after", "late")
    return Crash(actor.name, random.randint(1, 8 * len(actor.steps)), random.choice(points))
