"""Beside collectors nothing is lost; without what prevents that, the simulator sees it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from regstore import layout
from regstore._protections import without
from regstore.testing.simulation.running import Run, draw_with_collectors, simulate
from regstore.testing.simulation.scenario import Plan
from regstore.testing.simulation.stores import CLASSES
from regstore.testing.simulation.trace import Change


def broken_by(run: Run) -> set[str]:
    return {violation.invariant for violation in simulate(run).violations}


@pytest.mark.parametrize("store", CLASSES)
@pytest.mark.parametrize("with_stock", [False, True])
def test_nothing_is_lost_beside_collectors(store: str, *, with_stock: bool) -> None:
    for seed in range(1, 5):
        run = draw_with_collectors(seed, store, with_stock=with_stock)
        assert not simulate(run).violations, run


def test_a_run_with_collectors_is_repeated_by_its_seed() -> None:
    run = draw_with_collectors(7, "conditional")
    assert simulate(run).trace.digest() == simulate(run).trace.digest()


def verdicts(run: Run) -> Iterator[str]:
    for event in simulate(run).trace.events:
        change = event.subject
        if not isinstance(change, Change) or change.content is None:
            continue
        if isinstance(layout.parse(change.key), layout.Tombstone):
            yield layout.Verdict.parse(change.content.data).stage


def test_collectors_go_all_the_way_and_writers_stop_them() -> None:
    stages = {
        stage for seed in range(1, 5) for stage in verdicts(draw_with_collectors(seed, "strong"))
    }
    assert stages == {"condemned", "rescued", "deleting", "quarantined", "purging"}


@pytest.mark.parametrize(
    ("missing", "store", "with_stock", "runs"),
    [
        ("tombstone_check", "conditional", False, 12),
        ("tombstone_check", "eventual", False, 12),
        ("saved_claim", "strong", False, 12),
        ("stale_link_touch child_check", "conditional", False, 12),
        ("stale_link_touch child_check", "strong", False, 12),
        ("quarantine_read", "strong", True, 16),
    ],
)
def test_missing_protections_are_seen(
    missing: str, store: str, runs: int, *, with_stock: bool
) -> None:
    for seed in range(1, runs + 1):
        run = draw_with_collectors(seed, store, with_stock=with_stock)
        with without(*missing.split()):
            found = broken_by(run)
        if found & {"I1", "I2"}:
            assert not broken_by(run)
            return
    pytest.fail(f"{runs} runs saw nothing")


def hurried(plan: Plan) -> Plan:
    """Let a collector go on at once, once it has begun."""
    first, *others = plan.steps
    return replace(plan, steps=(first, *(replace(step, pause=5.0) for step in others)))


def test_a_collector_that_waits_for_nobody_loses_what_others_push() -> None:
    for seed in range(1, 13):
        run = draw_with_collectors(seed, "strong", with_stock=True)
        scenario, pace = run.scenario, run.scenario.pace
        assert pace is not None
        actors = tuple(
            hurried(plan) if plan.name in scenario.collectors else plan for plan in scenario.actors
        )
        hasty = replace(run, scenario=replace(scenario, actors=actors, pace=pace.hasty()))
        if "I1" in broken_by(hasty):
            return
    pytest.fail("twelve runs saw nothing")
