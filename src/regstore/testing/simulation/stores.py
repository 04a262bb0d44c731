"""Classes of stores, each with knobs that are drawn for every run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random  # noqa: TID251 - seeded, so that a run can be repeated
from typing import Final

from regstore.testing.faults.arguments import require_known
from regstore.testing.simulation.knobs import Knobs

DrawKnobs = Callable[[Random], Knobs]


def _faults(random: Random) -> Knobs:
    """Draw what any store may do to its clients; each run has some of it (swarm testing)."""
    beside = _beside(random, "late requests")

    def maybe(value: float, random: Random = random) -> float:
        return value * random.random() if random.random() < 1 / 2 else 0.0

    return Knobs(
        latency=random.choice((0.01, 0.05, 0.3)),
        slow=maybe(0.1),
        slow_latency=random.choice((1.0, 3.0)),
        lost_requests=maybe(0.05),
        lost_answers=maybe(0.05),
        timeout=random.choice((1.0, 10.0)),
        throttled=maybe(0.05),
        cut_bodies=maybe(0.05),
        repeated=maybe(0.05) if random.random() < 1 / 3 else 0.0,
        unique_versions=random.random() < 1 / 2,
        list_page=random.choice((2, 5, 1000)),
        clock_resolution=random.choice((1e-6, 1.0)),
        clock_skew=maybe(2.0),
        process_skew=maybe(30.0),
        late_requests=maybe(0.05, beside) if beside.random() < 1 / 3 else 0.0,
        late_after=beside.choice((1.0, 5.0)),
        dated=beside.random() < 1 / 2,
    )


def _beside(random: Random, what: str) -> Random:
    """Return another one to draw *what* from: all else is what the seed stood for without it."""
    return Random(f"{what} {random.getstate()}")  # noqa: S311 - no secret


def _conditional(random: Random) -> Knobs:
    beside = _beside(random, "of S3")
    return replace(
        _faults(random),
        conflicts=beside.choice((0.0, beside.random())),
        dated_from_begin=beside.random() < 1 / 2,
    )


def _strong(random: Random) -> Knobs:
    beside = _beside(random, "of S3")
    return replace(_faults(random), conditions="absent", dated_from_begin=beside.random() < 1 / 2)


def _ignoring(random: Random) -> Knobs:
    return replace(_faults(random), conditions="ignored")


def _read_after_new_write(random: Random) -> Knobs:
    beside = _beside(random, "stale copies")
    lag = 3 * random.random()
    return replace(
        _faults(random),
        stale_get=lag,
        stale_head=lag,
        stale_list=random.choice((0.0, lag)),
        new_is_seen=True,
        front_ends=random.choice((1, 3)),
        conditions=random.choice(("enforced", "absent")),
        claims_strong=random.random() < 1 / 3,
        stale_copies=beside.random() < 1 / 2,
    )


def _eventual(random: Random) -> Knobs:
    beside = _beside(random, "stale copies")
    lags = [3 * random.random() if random.random() < 2 / 3 else 0.0 for _ in range(3)]
    return replace(
        _faults(random),
        stale_get=lags[0],
        stale_head=lags[1],
        stale_list=lags[2],
        front_ends=random.choice((1, 3)),
        negative=random.choice((0.0, random.random())),
        conditions=random.choice(("enforced", "absent")),
        claims_strong=random.random() < 1 / 3,
        stale_copies=beside.random() < 1 / 2,
    )


CLASSES: Final[Mapping[str, DrawKnobs]] = {
    "conditional": _conditional,
    "strong": _strong,
    "read-after-new-write": _read_after_new_write,
    "eventual": _eventual,
    "ignoring": _ignoring,
}
"""How to draw the knobs of each class.

``conditional``: strong, with conditional writes; ``strong``: without them;
``read-after-new-write``: replacements, deletions and lists lag; ``eventual``: everything lags,
within a known bound; ``ignoring``: takes conditions and does not look at them.
"""


def draw_knobs(random: Random, store: str) -> Knobs:
    """Return knobs of the class *store*.

    :raises ValueError: there is no such class.
    """
    require_known("store", store, CLASSES)
    return CLASSES[store](random)
