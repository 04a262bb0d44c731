"""Each protection is missed: without it the damage is found, and with it there is none."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from regstore.testing.simulation.running import Run, draw, simulate
from tests.simulation.protections import PLANTED, PROTECTIONS, STAGED, Protection, broken_in


def run_of(protection: Protection, seed: int) -> Run:
    run = draw(seed, protection.store, kinds=protection.kinds)
    is_founded = protection.is_founded or run.scenario.is_founded
    return replace(
        run,
        knobs=replace(run.knobs, **protection.faults),
        scenario=replace(run.scenario, is_founded=is_founded),
    )


def broken_by(run: Run) -> set[str]:
    return {violation.invariant for violation in simulate(run).violations}


@pytest.mark.parametrize("name", PROTECTIONS)
def test_a_missing_protection_is_seen(name: str) -> None:
    protection = PROTECTIONS[name]
    runs = [run_of(protection, seed) for seed in range(1, protection.runs + 1)]
    with protection.leave_out():
        found = next((run for run in runs if broken_by(run) & protection.breaks), None)
    assert found is not None, f"{protection.runs} runs saw nothing"
    assert not broken_by(found)


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_bug_is_found(name: str) -> None:
    bug = PLANTED[name]
    assert not broken_in(bug.seen_in)
    with bug.plant():
        assert bug.breaks in broken_in(bug.seen_in)


@pytest.mark.parametrize("name", STAGED)
def test_a_protection_is_missed_in_its_scene(name: str) -> None:
    staged = STAGED[name]
    seeds = range(1, staged.seeds + 1)
    assert not any(staged.play(seed) for seed in seeds)
    with staged.leave_out():
        assert any(staged.play(seed) for seed in seeds)


def test_the_page_tells_within_how_many_runs() -> None:
    page = (Path(__file__).parents[2] / "docs/simulator.md").read_text("utf-8")
    runs = [each.runs for each in PROTECTIONS.values()]
    seeds = [each.seeds for each in STAGED.values()]
    assert f"| {min(runs)} to {max(runs)} runs, as stated for each |" in page
    assert f"| {min(seeds)} to {max(seeds)} seeds, as stated for each |" in page


def test_two_bugs_are_found_in_each_store_of_the_registry_and_in_what_settles_them() -> None:
    found: Counter[str] = Counter(each.of for each in PROTECTIONS.values())
    found.update(each.of for each in PLANTED.values())
    parts = ("blobs", "uploads", "manifests", "tags", "referrers", "Settled")
    assert all(found[part] >= 2 for part in parts), found
