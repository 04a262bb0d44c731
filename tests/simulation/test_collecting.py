"""Beside collectors nothing is lost; without what prevents that, the simulator sees it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from regstore import layout
from regstore._protections import without
from regstore.digest import Digest
from regstore.driver import FileInfo, StorageDriver
from regstore.errors import DriverError, PathNotFoundError
from regstore.links import names_in
from regstore.testing.simulation.actors import collector, marking
from regstore.testing.simulation.actors.marking import Mark
from regstore.testing.simulation.running import Run, draw_with_collectors, simulate
from regstore.testing.simulation.stores import CLASSES
from regstore.testing.simulation.trace import Change
from regstore.tombstones import Claim, _Patience
from tests.simulation.meeting import IGNORING, LAGGING, UNCONDITIONAL, Meeting
from tests.simulation.protections import LeaveOut, replaced
from tests.simulation.protections.protection import nothing


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


@pytest.mark.parametrize("with_stock", [False, True])
def test_collectors_meet_even_one_actor_of_one_step(*, with_stock: bool) -> None:
    for seed in range(1, 5):
        run = draw_with_collectors(seed, "strong", 1, 1, with_stock=with_stock)
        assert not simulate(run).violations, run


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


@pytest.mark.parametrize("store", ["conditional", "eventual"])
def test_writers_that_look_for_no_tombstones_are_seen(store: str) -> None:
    for seed in range(1, 13):
        run = draw_with_collectors(seed, store)
        with without("tombstone_check"):
            found = broken_by(run)
        if found & {"I1", "I2"}:
            assert not broken_by(run)
            return
    pytest.fail("twelve runs saw nothing")


@pytest.mark.parametrize(
    ("missing", "meeting"),
    [
        ("tombstone_check", Meeting("push")),
        ("tombstone_check", Meeting("push", UNCONDITIONAL)),
        ("tombstone_check", Meeting("push", LAGGING)),
        ("child_check", Meeting("push manifest")),
        ("child_check", Meeting("push manifest", UNCONDITIONAL)),
        ("child_check", Meeting("push manifest", LAGGING)),
        ("saved_claim", Meeting("push", UNCONDITIONAL)),
        ("saved_claim", Meeting("push", IGNORING)),
        ("saved_claim", Meeting("push", LAGGING)),
        ("settled_claim", Meeting("push", LAGGING)),
        ("quarantine_read", Meeting("push stock", pulls=8)),
        ("quarantine_read", Meeting("push stock", UNCONDITIONAL, pulls=8)),
        ("quarantine_read", Meeting("push stock", LAGGING, pulls=8)),
    ],
)
def test_each_protection_is_missed_alone(missing: str, meeting: Meeting) -> None:
    runs = [meeting.run(seed) for seed in range(1, 5)]
    assert not any(broken_by(run) for run in runs)
    with without(missing):
        assert any(broken_by(run) & {"I1", "I2"} for run in runs)


async def _no_patience(self: _Patience, verdict: layout.Verdict, version: str) -> bool:
    del self, verdict, version
    return False


async def _keep_no_link(self: Claim) -> None:
    for name in await names_in(self._driver, layout.Tombstones(self._digest).path):
        await self._rescue_from(layout.Tombstone(self._digest, name).path)
        await self._see_content()


RESCUES: dict[str, tuple[LeaveOut, Meeting]] = {
    "a collector in the middle of a step is waited for": (
        lambda: replaced(_Patience, allows=_no_patience),
        Meeting("push", LAGGING),
    ),
    "a link that was removed is written again": (
        lambda: replaced(Claim, rescue=_keep_no_link),
        Meeting("push", LAGGING),
    ),
    "what was taken is put back": (
        lambda: replaced(Claim, _see_content=nothing),
        Meeting("push", LAGGING),
    ),
}


@pytest.mark.parametrize("name", RESCUES)
def test_each_step_of_a_rescue_is_missed(name: str) -> None:
    leave_out, meeting = RESCUES[name]
    runs = [meeting.run(seed) for seed in range(1, 5)]
    with leave_out():
        assert any(broken_by(run) & {"I1", "I2"} for run in runs)


def test_a_collector_that_waits_for_nobody_loses_what_others_push() -> None:
    meeting = Meeting("push stock", UNCONDITIONAL, stage="condemned")
    assert not any(broken_by(meeting.run(seed)) for seed in range(1, 5))
    assert any("I1" in broken_by(meeting.run(seed, is_hasty=True)) for seed in range(1, 5))


_take_mark = marking.take_mark
_walked = marking._walked  # noqa: SLF001 - done carelessly


def _old(self: Mark, modified: datetime) -> bool:
    del self, modified
    return False


async def _walk_what_shows(
    driver: StorageDriver, root: layout.PathSpec
) -> list[tuple[layout.PathSpec, FileInfo]]:
    with suppress(DriverError):
        return await _walked(driver, root)
    return []


async def _body_if_seen(driver: StorageDriver, digest: Digest) -> bytes | None:
    with suppress(PathNotFoundError):
        return (await driver.get_content(layout.BlobData(digest).path)).data
    return None


async def _mark_as_complete(driver: StorageDriver, now: datetime, grace: float) -> Mark:
    mark = await _take_mark(driver, now, grace)
    mark.is_complete = True
    return mark


CARELESS: dict[str, tuple[LeaveOut, dict[str, Any]]] = {
    "nothing is young": (lambda: replaced(Mark, is_fresh=_old), {}),
    "what cannot be listed is not there": (
        lambda: replaced(marking, _walked=_walk_what_shows),
        {"lost_requests": 0.2, "timeout": 1.0},
    ),
    "what a manifest needs that is not seen is not needed": (
        lambda: replaced(marking, _body=_body_if_seen),
        {},
    ),
}


@pytest.mark.parametrize("name", CARELESS)
def test_a_careless_mark_is_seen(name: str) -> None:
    leave_out, faults = CARELESS[name]
    for seed in range(1, 13):
        run = draw_with_collectors(seed, "ignoring", with_stock=True)
        run = replace(run, knobs=replace(run.knobs, **faults))
        with leave_out(), replaced(collector, take_mark=_mark_as_complete):
            found = broken_by(run)
        if "I14" in found:
            assert not broken_by(run)
            return
    pytest.fail("twelve runs saw nothing")
