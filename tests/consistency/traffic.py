"""What a store that fails gets to do, and how many calls succeed all the same: in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from regstore.consistency import Checked, Retrying, Settled, Throttled
from regstore.driver import StorageDriver
from regstore.drivers.memory import MemoryDriver
from regstore.errors import TransientError
from regstore.testing.faults import FaultyDriver, RecordingDriver
from tests.places import VirtualRuntime

CALLS = 4000
PER_SECOND = 10.0
BLOB = f"docker/registry/v2/blobs/sha256/ab/{'ab' * 32}/data"

Wrap = Callable[[StorageDriver], StorageDriver]


def stacked(driver: StorageDriver) -> StorageDriver:
    """Put the whole stack around *driver*."""
    return Checked(Settled(Retrying(Throttled(driver))))


@dataclass(frozen=True)
class Traffic:
    """How it went.

    :ivar good: the share of calls that succeeded.
    :ivar load: requests that reached the store, for each call.
    """

    good: float
    load: float


def traffic(wrap: Wrap, rate: float, seed: int, calls: int = CALLS) -> Traffic:
    """Ask a store that fails with *rate*, ten times a second.

    A tenth of the calls write content, which is asked for in the rest.
    """
    runtime = VirtualRuntime()
    runtime.random = Random(seed)
    store = MemoryDriver(runtime=runtime)
    runtime.run(store.put_content(BLOB, b"x"))
    asked = RecordingDriver(FaultyDriver(store, rate=rate, seed=seed))
    driver = wrap(asked)
    good = 0
    for turn in range(calls):
        runtime.clock.seconds += 1 / PER_SECOND
        try:
            runtime.run(_call(driver, turn))
        except TransientError:
            continue
        good += 1
    return Traffic(good / calls, len(asked.calls) / calls)


async def _call(driver: StorageDriver, turn: int) -> None:
    if turn % 10 == 0:
        await driver.put_content(BLOB, b"x")
    elif turn % 10 == 1:
        await driver.stat(BLOB)
    else:
        await driver.get_content(BLOB)
