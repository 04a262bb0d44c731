"""The whole probe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Final

from regstore.consistency.probe import clock, freshness, order
from regstore.consistency.probe.evidence import Evidence, Gather, summed
from regstore.consistency.probe.ground import Effort, Ground, OpenAnother
from regstore.consistency.probe.races import RACES
from regstore.consistency.probe.refusals import BULKY, REFUSALS, ask
from regstore.consistency.probe.report import Finding, Measure, Outcome, ProbeReport
from regstore.driver import StorageDriver

Progress = Callable[[str], None]

_ALWAYS: Final = {"versions", "listing_order"}
"""What every driver must keep, whatever it claims."""


async def probe(
    driver: StorageDriver,
    open_another: OpenAnother,
    *,
    effort: Effort | None = None,
    progress: Progress | None = None,
) -> ProbeReport:
    """Find out what the store behind *driver* really does.

    Everything happens in a fresh directory, ``docker/registry/regstore/v1/probes/<nonce>``, which
    is removed at the end, also when the probe fails or is cancelled. Nothing else is read or
    written. Some 200 calls of the contract, and 130 MiB that are written in parts; a store that is
    slow at contended writes needs some seconds for each race.

    What was seen broken is broken. What was not may still be, on another day or under other load:
    a probe lowers claims, and proves none.

    :param driver: one whose runtime can run several calls at once; over a blocking driver
        (:class:`~regstore._run.BlockingRuntime`) the racers run one after another, which shows
        whether conditions are looked at, and not whether that happens atomically.
        :class:`~regstore.drivers.threaded.ThreadedDriver` mends that.
    :param open_another: opens another driver of the same kind on the same store, with connections
        of its own; each is closed at the end. *driver* itself stays open.
    :param effort: how hard to try.
    :param progress: called with the name of each capability before it is looked at.
    :raises DriverError: the store cannot be used: it takes, or gives, nothing at all.
    """
    ground = Ground(driver, open_another, effort or Effort())
    findings = []
    try:
        for capability, gather in _parts().items():
            if progress is not None:
                progress(capability)
            findings.append(await _finding(ground, capability, gather))
    finally:
        await driver.runtime.shield(ground.leave())
    skew = next(each.measured for each in findings if each.capability == "clock_skew")
    now = driver.runtime.now() + timedelta(seconds=float(skew or 0.0))
    return ProbeReport(driver.name, now, driver.capabilities, tuple(findings))


def _parts() -> Mapping[str, Gather]:
    conditions = {name: partial(_condition, capability=name) for name in REFUSALS}
    return {
        **conditions,
        "versions": order.versions,
        "unique_versions": order.unique_versions,
        "read_after_write": freshness.read_after_write,
        "read_after_overwrite": freshness.read_after_overwrite,
        "list_after_write": freshness.list_after_write,
        "listing_order": order.listing_order,
        "ghost_directories": freshness.ghost_directories,
        "clock_resolution": clock.clock_resolution,
        "clock_skew": clock.clock_skew,
    }


async def _condition(ground: Ground, capability: str) -> Evidence:
    """Ask for what must be refused; race only where that was."""
    parts = []
    bulky = BULKY.get(capability, ()) if ground.effort.bulk else ()
    for refusal in (*REFUSALS[capability], *bulky):
        verdict = await ask(refusal, ground)
        parts.append(Evidence(verdict.refused, verdict.seen, refused=verdict.unsupported))
        if verdict.unsupported:
            return summed(parts)
    if capability in RACES and getattr(ground.driver.capabilities, capability):
        parts.append(await RACES[capability](ground))
    return summed(parts)


async def _finding(ground: Ground, capability: str, gather: Gather) -> Finding:
    runtime = ground.driver.runtime
    calls, begun = ground.meter.calls, runtime.monotonic()
    evidence = await gather(ground)
    claimed = True if capability in _ALWAYS else _claim(ground.driver, capability)
    measured: Measure = evidence.kept if evidence.value is None else evidence.value
    return Finding(
        capability,
        claimed,
        measured,
        _outcome(capability, claimed, evidence),
        evidence.seen,
        ground.meter.calls - calls,
        round(runtime.monotonic() - begun, 3),
        evidence.lag,
    )


def _claim(driver: StorageDriver, capability: str) -> Measure:
    claim: Measure = getattr(driver.capabilities, capability, None)
    return claim


def _outcome(capability: str, claimed: Measure, evidence: Evidence) -> Outcome:
    if claimed is None:
        return "told"
    if capability == "ghost_directories":
        return "broken" if evidence.kept and not claimed else "holds"
    if claimed:
        return "holds" if evidence.kept else "broken"
    if capability in REFUSALS and capability != "fenced_writers":
        # Refused by the store is as good as refused by the driver: nothing was done.
        return "not claimed" if evidence.refused or evidence.kept else "broken"
    return "not claimed"
