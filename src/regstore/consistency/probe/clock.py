"""The store's clock: how far from ours, and how fine."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from regstore.consistency.probe.evidence import Evidence
from regstore.consistency.probe.ground import Ground

_STAMPS: Final = 8
_LONGEST_WAIT: Final = 2.0
_MICROSECONDS: Final = {60.0: 60_000_000, 1.0: 1_000_000, 0.1: 100_000, 0.01: 10_000, 1e-3: 1000}
_FINEST: Final = 1e-6


async def clock_skew(ground: Ground) -> Evidence:
    """Compare the store's time with ours, around a write."""
    runtime = ground.driver.runtime
    path = ground.fresh()
    before = runtime.now()
    await ground.put(path)
    after = runtime.now()
    stamp = (await ground.stat(path)).modified
    resolution = ground.driver.capabilities.clock_resolution
    skew = _outside(stamp, before, after, resolution)
    where = "within" if skew == 0 else f"{abs(skew):.3f} s {'after' if skew > 0 else 'before'}"
    return Evidence(kept=True, seen=f"an object is dated {where} the write", value=skew)


def _outside(stamp: datetime, before: datetime, after: datetime, resolution: float) -> float:
    """Return by how many seconds *stamp* lies outside of what can be, 0 where it does not."""
    early, late = (stamp - before).total_seconds(), (stamp - after).total_seconds()
    if late > 0:
        return late
    return min(early + resolution, 0.0)


async def clock_resolution(ground: Ground) -> Evidence:
    """Look at the digits of several times, and at two times that must differ."""
    claimed = ground.driver.capabilities.clock_resolution
    stamps = [await _stamp(ground) for _ in range(_STAMPS)]
    finest = _step(stamps)
    seen = f"{_STAMPS} times are multiples of {finest:g} s"
    if claimed <= _LONGEST_WAIT:
        first = await _stamp(ground)
        await ground.driver.runtime.sleep(claimed * 1.1)
        if await _stamp(ground) <= first:
            return Evidence(
                kept=False,
                seen=f"{seen}; two writes {claimed * 1.1:g} s apart have the SAME time",
                value=max(finest, 1.0, 10 * claimed),
            )
    return Evidence(finest <= claimed, seen, value=finest)


async def _stamp(ground: Ground) -> datetime:
    path = ground.fresh()
    await ground.put(path)
    return (await ground.stat(path)).modified


def _step(stamps: list[datetime]) -> float:
    """Return the largest step of which all *stamps* are multiples, in seconds."""
    ours = [stamp.second * 1_000_000 + stamp.microsecond for stamp in stamps]
    for step, microseconds in _MICROSECONDS.items():
        if all(value % microseconds == 0 for value in ours):
            return step
    return _FINEST
