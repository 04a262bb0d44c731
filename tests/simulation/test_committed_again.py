"""Somebody commits once more what was committed long ago, right before it would be condemned."""

from __future__ import annotations

from typing import Final

import pytest

from regstore import content
from regstore.testing.simulation import Knobs
from regstore.testing.simulation.pace import Pace
from regstore.testing.simulation.running import Run, simulate
from regstore.testing.simulation.scenario import Plan, Scenario, Step
from tests.simulation.meeting import LAGGING, UNCONDITIONAL
from tests.simulation.protections import replaced

SEEDS: Final = range(1, 5)


def committed_again(seed: int, knobs: Knobs) -> Run:
    """Return a run in which the collector condemns some seconds after that."""
    pace = Pace.on(knobs, is_alone=True)
    begun, again = pace.grace + 5, pace.wait + 1
    actors = (
        Plan(
            "uploader-1",
            (
                Step("begin upload", item=2),
                Step("commit upload", 1.0),
                Step("commit upload", begun + again - 10),
            ),
        ),
        Plan("collector-1", (Step("collect", begun), *[Step("collect", again)] * 6)),
    )
    return Run(seed, knobs, Scenario(actors, pace=pace))


def broken_by(knobs: Knobs) -> set[str]:
    results = [simulate(committed_again(seed, knobs)) for seed in SEEDS]
    return {each.invariant for result in results for each in result.violations}


@pytest.mark.parametrize("knobs", [Knobs(), UNCONDITIONAL, LAGGING])
def test_an_old_link_is_written_again(knobs: Knobs) -> None:
    assert not broken_by(knobs)
    with replaced(content, is_stale=lambda *_: False):
        assert {"I1", "I2"} <= broken_by(knobs)
