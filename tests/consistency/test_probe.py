"""A probe finds what a store does not keep, names it, and leaves nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import anyio
import pytest

from regstore import layout
from regstore._clock import Clock
from regstore._run import BlockingRuntime
from regstore.consistency import WrapperDriver
from regstore.consistency.capabilities import Saved
from regstore.consistency.probe import Effort, ProbeReport, probe
from regstore.driver import EPOCH, Capabilities, Content, StorageDriver
from regstore.drivers import open_driver
from regstore.drivers.memory import MemoryDriver, MemoryStore
from regstore.drivers.threaded import ThreadedDriver
from regstore.errors import PermissionDeniedError
from tests.consistency import liars

Wrap = Callable[[StorageDriver], StorageDriver]
QUICK = Effort(writers=3, rounds=2, bulk=100_000)


class Waiting(Clock):
    """A clock that goes on while somebody sleeps, and then only."""

    def __init__(self) -> None:
        self.seconds = 0.123457

    def now(self) -> datetime:
        return EPOCH + timedelta(days=20_000, seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


class Virtual(BlockingRuntime):
    def __init__(self) -> None:
        self.time = Waiting()
        super().__init__(self.time)

    async def sleep(self, seconds: float) -> None:
        self.time.seconds += seconds


def probed(make: Callable[[], StorageDriver], effort: Effort = QUICK) -> ProbeReport:
    """Probe from plain code, where racers take turns."""
    driver = make()
    return driver.runtime.run(probe(driver, make, effort=effort))


def lying(wrap: Wrap) -> ProbeReport:
    """Probe a memory store through *wrap*, which must leave it empty."""
    store, runtime = MemoryStore(), Virtual()
    report = probed(lambda: wrap(MemoryDriver(store, runtime)))
    driver = MemoryDriver(store)
    assert list(driver.runtime.iterate(driver.walk(""))) == []
    return report


def broken(report: ProbeReport) -> list[str]:
    return [finding.capability for finding in report.broken]


def lost(report: ProbeReport) -> dict[str, object]:
    """Return what the measured capabilities say differently from the claims."""
    return {
        name: getattr(report.capabilities, name)
        for name in Capabilities.__dataclass_fields__
        if getattr(report.capabilities, name) != getattr(report.claimed, name)
    }


def test_a_store_that_keeps_its_claims_loses_none() -> None:
    report = lying(WrapperDriver)
    assert broken(report) == []
    assert report.capabilities == report.claimed == MemoryDriver.capabilities
    assert {finding.outcome for finding in report.findings} == {"holds", "told"}
    assert all(finding.seen and finding.calls for finding in report.findings)


@pytest.mark.parametrize("where", ["file://{}", "dir::file://{}"])
def test_a_directory_keeps_its_claims_and_is_left_empty(where: str, tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()

    async def find_out() -> ProbeReport:
        def make() -> StorageDriver:
            return ThreadedDriver(open_driver(where.format(root)))

        driver = make()
        report = await probe(driver, make, effort=QUICK)
        await driver.aclose()
        return report

    report = anyio.run(find_out)
    assert broken(report) == [], report.broken
    assert report.capabilities == report.claimed
    assert not [path for path in root.rglob("*") if path.is_file()]


def test_what_is_not_claimed_and_refused_is_not_broken(tmp_path: Path) -> None:
    report = probed(lambda: open_driver(f"dir::file://{tmp_path}"))
    outcomes = {finding.capability: finding.outcome for finding in report.findings}
    assert outcomes["conditional_create"] == outcomes["conditional_copy"] == "not claimed"
    assert report.holds


CONDITIONS = [
    "conditional_create",
    "conditional_replace",
    "conditional_delete",
    "conditional_commit",
    "conditional_copy",
    "source_pinned_copy",
]
ON_VERSIONS = ["stable_reads", "conditional_replace", "conditional_delete", "source_pinned_copy"]


@pytest.mark.parametrize(
    ("wrap", "names", "words"),
    [
        (liars.IgnoresConditions, CONDITIONS, "create on an existing key: DONE"),
        (liars.IgnoresCommitConditions, ["conditional_commit"], "commit races of 3"),
        (liars.IgnoresConditionsOfParts, ["conditional_commit"], "commit of parts onto"),
        (liars.CreatesWhereGone, ["conditional_replace"], "replace of a missing key: DONE"),
        (liars.RefusesAndDeletes, ["conditional_delete"], "refused, and done"),
        (liars.NobodyWins, ["conditional_replace"], "everybody was told to have lost"),
        (liars.ByContent, ["unique_versions"], "written 3 times: 1"),
        (liars.RemembersAbsence, ["read_after_write"], "STALE"),
        (liars.ListsLate, ["list_after_write"], "listings after a write were STALE"),
        (liars.LeavesDirectories, ["ghost_directories"], "is still listed"),
        (liars.WholeMinutes, ["clock_resolution"], "multiples of 60 s"),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_a_lie_is_named_and_lowers_that_claim(wrap: Wrap, names: list[str], words: str) -> None:
    report = lying(wrap)
    assert set(names) <= set(broken(report))
    assert set(names) <= set(lost(report))
    assert words in "; ".join(finding.seen for finding in report.broken)


@pytest.mark.parametrize("wrap", [liars.TwoWinners])
def test_two_winners_of_a_race_are_seen(wrap: Wrap) -> None:
    report = lying(wrap)
    assert broken(report) == ["conditional_create", "conditional_replace"]
    assert "up to 2 WINNERS" in report.broken[0].seen


def test_other_content_with_the_same_version_takes_all_that_rests_on_versions() -> None:
    report = lying(liars.OneVersion)
    assert "versions" in broken(report)
    assert {*ON_VERSIONS, "unique_versions"} <= set(lost(report))
    assert report.capabilities.conditional_create


def test_a_version_that_another_door_tells_differently_is_no_version() -> None:
    report = lying(liars.OtherVersions)
    assert broken(report) == ["versions"]
    assert report.broken[0].seen == "get_content tells ANOTHER version"


def test_a_lag_is_timed_and_is_the_new_bound() -> None:
    seen: dict[str, list[Content | None]] = {}
    report = lying(lambda driver: liars.Lagging(driver, seen))
    assert broken(report) == ["read_after_write", "read_after_overwrite"]
    [written] = [each for each in report.broken if each.capability == "read_after_write"]
    assert report.capabilities.staleness_bound == pytest.approx(written.lag)
    assert written.lag == pytest.approx(0.05 + 0.1 + 0.2)


def test_what_is_never_seen_leaves_no_bound() -> None:
    report = lying(liars.RemembersAbsence)
    assert report.capabilities.staleness_bound is None


def test_an_order_that_nobody_asked_for_is_broken() -> None:
    report = lying(liars.ListsInKeyOrder)
    assert broken(report) == ["listing_order"]
    assert "B a-b a.b a ab b" in report.broken[0].seen


def test_a_clock_elsewhere_is_told() -> None:
    store, runtime = MemoryStore(), Virtual()
    report = probed(lambda: liars.WholeMinutes(MemoryDriver(store, runtime)))
    [skew] = [each for each in report.findings if each.capability == "clock_skew"]
    assert skew.outcome == "told"
    assert isinstance(skew.measured, float)
    assert -7300 < skew.measured < -7100


def test_racers_over_a_blocking_driver_are_said_to_take_turns() -> None:
    seen = {each.capability: each.seen for each in lying(WrapperDriver).findings}
    assert "one after another: one winner each" in seen["conditional_create"]


def test_a_store_that_does_not_claim_a_condition_must_not_do_it_without_one() -> None:
    class Humble(liars.IgnoresConditions):
        @property
        def capabilities(self) -> Capabilities:  # type: ignore[override] # as in WrapperDriver
            return replace(super().capabilities, conditional_create=False)

    report = lying(Humble)
    [create] = [each for each in report.findings if each.capability == "conditional_create"]
    assert (create.claimed, create.outcome) == (False, "broken")


def test_measured_capabilities_are_kept_and_read_back() -> None:
    report = lying(liars.IgnoresConditions)
    data = report.saved.encode()
    assert Saved.decode(data) == Saved("memory", report.time, report.capabilities)
    assert json.loads(data)["capabilities"]["conditional_create"] is False


def test_a_probe_that_fails_leaves_nothing() -> None:
    class Refuses(WrapperDriver):
        async def copy(self, source: str, *_: object) -> str:
            raise PermissionDeniedError(source, self.name)

    store, closed = MemoryStore(), []

    class Closing(Refuses):
        async def aclose(self) -> None:
            closed.append(self)

    with pytest.raises(PermissionDeniedError):
        probed(lambda: Closing(MemoryDriver(store)))
    driver = MemoryDriver(store)
    assert list(driver.runtime.iterate(driver.walk(""))) == []


def test_a_cancelled_probe_leaves_nothing() -> None:
    store = MemoryStore()
    looked: list[str] = []

    async def find_out() -> None:
        def make() -> StorageDriver:
            return ThreadedDriver(MemoryDriver(store))

        with anyio.CancelScope() as scope:

            def tell(capability: str) -> None:
                looked.append(capability)
                if capability == "list_after_write":
                    scope.cancel()

            await probe(make(), make, effort=QUICK, progress=tell)

    anyio.run(find_out)
    assert looked[-1] == "list_after_write"
    driver = MemoryDriver(store)
    assert list(driver.runtime.iterate(driver.walk(""))) == []


def test_a_probe_works_in_a_place_of_its_own() -> None:
    store = MemoryStore()
    touched: set[str] = set()

    class Watched(WrapperDriver):
        async def put_content(self, path: str, data: bytes, *rest: object) -> str | None:
            touched.add(path)
            return await super().put_content(path, data, *rest)  # type: ignore[arg-type]

    probed(lambda: Watched(MemoryDriver(store)))
    scratch = {"/".join(path.split("/")[:6]) for path in touched}
    assert len(scratch) == 1
    assert isinstance(layout.parse(scratch.pop()), layout.ProbeScratch)
