"""Somebody pushes what a collector is about to take."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from regstore.layout import Stage
from regstore.testing.simulation import Knobs
from regstore.testing.simulation.pace import Pace
from regstore.testing.simulation.running import Run
from regstore.testing.simulation.scenario import Plan, Scenario, Step, Verb

UNCONDITIONAL: Final = Knobs(conditions="absent")
IGNORING: Final = Knobs(conditions="ignored")
LAGGING: Final = Knobs(conditions="absent", stale_get=3.0, stale_head=3.0, stale_list=3.0)

_VARIANT_OF: Final[dict[Stage, int]] = {"deleting": 0, "condemned": 1}
"""Of a step that waits for a collector."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """An image is pushed, deleted, and long afterwards pushed again: its links are old by then.

    :ivar verb: how it is pushed again.
    :ivar knobs: of the store.
    :ivar stage: what a collector is about to say of it at that moment.
    :ivar pulls: how often it is pulled after that.
    :ivar repository: into which it is pushed again: 0 is where it was.
    """

    verb: Verb
    knobs: Knobs = field(default_factory=Knobs)
    stage: Stage = "deleting"
    pulls: int = 0
    repository: int = 0

    def run(self, seed: int, *, is_hasty: bool = False) -> Run:
        """Return that, beside a collector that waits as it must, or for nobody."""
        pace = Pace.on(self.knobs, is_alone=True)
        variant = _VARIANT_OF[self.stage]
        meet = Step("await collector", pace.grace, variant=variant, limit=2 * pace.grace)
        again = Step("collect", 2.0 if is_hasty else pace.wait + 1)
        actors = (
            Plan("forgetter-1", (Step("push", variant=7), Step("delete manifest", 1.0))),
            Plan("pusher-1", (meet, Step(self.verb, repository=self.repository, variant=7))),
            Plan("puller-1", (meet, *[Step("pull", 5.0)] * self.pulls)),
            Plan("collector-1", (Step("collect", pace.grace + 5), *[again] * 6)),
        )
        return Run(seed, self.knobs, Scenario(actors, pace=pace.hasty() if is_hasty else pace))
