"""What the wrappers of the consistency layer cost, each against the driver alone in the same run.

Run by ``make bench``, or with the repository on ``PYTHONPATH``. Times of calls on memory are
processor time, so that a busy machine tells the same: medians over short rounds in which both sides
take turns, less what the driver alone takes. All else is counted on virtual time, faults seeded.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass

from regstore._run import BlockingRuntime, LoopRuntime, Runtime
from regstore.consistency import Checked, Retrying, Settled, Throttled
from regstore.driver import StorageDriver
from regstore.drivers.memory import MemoryDriver
from regstore.errors import PathNotFoundError
from regstore.testing.faults import Lag, LaggingDriver, RecordingDriver
from regstore.testing.material import collect
from tests.consistency.life import asked
from tests.consistency.traffic import Wrap, stacked, traffic
from tests.places import VirtualRuntime

TAGS = "docker/registry/v2/repositories/library/app/_manifests/tags"
LAYERS = "docker/registry/v2/repositories/library/app/_layers/sha256"
OWN, OTHERS = f"{TAGS}/v1/current/link", f"{TAGS}/v2/current/link"
LINK = b"sha256:" + b"0" * 64
WRAPS: dict[str, tuple[Wrap, float]] = {
    "Checked": (Checked, 5.0),
    "Settled": (Settled, 5.0),
    "Settled, for lag": (lambda driver: Settled(driver, BOUND), 5.0),
    "Retrying": (Retrying, 5.0),
    "Throttled": (Throttled, 5.0),
    "all four": (stacked, 15.0),
}
"""And how many microseconds each may add to a call."""

Act = Callable[[StorageDriver], Awaitable[object]]
ACTS: dict[str, Act] = {
    "put_content": lambda driver: driver.put_content(OWN, LINK),
    "get_content, own": lambda driver: driver.get_content(OWN),
    "get_content": lambda driver: driver.get_content(OTHERS),
    "stat": lambda driver: driver.stat(OTHERS),
    "stat, missed": lambda driver: missed(driver, f"{TAGS}/v3"),
    "list": lambda driver: collect(driver.list(f"{TAGS}/v2")),
}
WRITTEN = [f"{LAYERS}/{number:064x}/link" for number in range(5_000)]
"""What was written elsewhere, and a moment ago, through what is measured."""
Run = Callable[[Coroutine[object, object, list[list[float]]]], list[list[float]]]

STALENESS = 0.2
BOUND = 2.0
"""What the layer is told, ten times too much: so that pauses decide how long a read waits."""
MOST_WAITED = 1.5
"""Times as long as the store lags: pauses grow by a half."""
DELAYS = [number / 100 for number in range(20)]
"""Seconds from a write to the read."""
SEEDS = range(5)
CALLS = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=101)
    parser.add_argument("--calls", type=int, default=200, help="calls in a round")
    options = parser.parse_args()
    print(f"microseconds added to a call, median of {options.rounds} rounds of {options.calls}\n")
    with asyncio.Runner() as runner:
        overhead("plain", BlockingRuntime(), BlockingRuntime().run, options.rounds, options.calls)
        overhead("in a loop", LoopRuntime(), runner.run, options.rounds, options.calls)
    print("\nrequests and virtual time\n")
    requests()
    lag()
    errors(0.05, least=0.999, most=1.1)
    errors(0.5, least=None, most=1.2)


def overhead(title: str, runtime: Runtime, run: Run, rounds: int, calls: int) -> None:
    heads = "".join(f"{name:>18}" for name in ACTS)
    print(f"{title:22}{heads}")
    for name, (wrap, target) in WRAPS.items():
        added = []
        for act in ACTS.values():
            alone, wrapped = run(timed(runtime, wrap, act, rounds, calls))
            more = [one - other for one, other in zip(wrapped, alone, strict=True)]
            added.append((statistics.median(more), statistics.median(alone)))
        cells = "".join(f"{f'{more:.2f} on {alone:.2f}':>18}" for more, alone in added)
        worst = max(more for more, _ in added)
        print(f"  {name:20}{cells}   {verdict(worst <= target, f'{target:g}')}")


async def timed(
    runtime: Runtime, wrap: Wrap, act: Act, rounds: int, calls: int
) -> list[list[float]]:
    """Let the driver take turns with itself in *wrap*; return a call's microseconds, by round."""
    alone, store = MemoryDriver(runtime=runtime), MemoryDriver(runtime=runtime)
    wrapped = wrap(store)
    for driver, others in ((alone, alone), (wrapped, store)):
        for path in (OWN, *WRITTEN):
            await driver.put_content(path, LINK)
        await others.put_content(OTHERS, LINK)
    taken: list[list[float]] = [[], []]
    for _ in range(rounds):
        for driver, times in zip((alone, wrapped), taken, strict=True):
            start = time.thread_time()
            for _ in range(calls):
                await act(driver)
            times.append((time.thread_time() - start) / calls * 1e6)
    return taken


async def missed(driver: StorageDriver, path: str) -> None:
    with suppress(PathNotFoundError):
        await driver.stat(path)


def requests() -> None:
    mine, alone = len(asked(stacked)), len(asked(bare))
    report("requests of all that a registry does", f"{mine}", f"{alone}", mine == alone, "the same")


@dataclass(frozen=True)
class Reads:
    """How reads of a store that lags by ``STALENESS`` have ended, on average.

    :ivar right: the share that gave what was written, or missed what was not.
    :ivar seconds: from the request to the answer, on a store that answers in no time.
    :ivar requests: for each read.
    """

    right: float
    seconds: float
    requests: float

    def __str__(self) -> str:
        return f"{self.right:.0%}, {self.seconds * 1000:.0f} ms, {self.requests:.1f} requests"


def lag() -> None:
    until_shown = statistics.mean(STALENESS - delay for delay in DELAYS)
    for title, how in (
        ("own writes", Reading(own=True)),
        ("what others wrote and a link proves", Reading(must_exist=True)),
    ):
        mine, alone = reads(settled, how), reads(bare, how)
        most = MOST_WAITED * until_shown
        is_met = mine.right == 1 and mine.seconds <= most
        report(f"reads of {title}", str(mine), str(alone), is_met, f"100%, {most * 1000:.0f} ms")
    for title, how in (
        ("what others replaced", Reading(replaces=True)),
        ("what is not there", Reading(writes=False)),
    ):
        mine, alone = reads(settled, how), reads(bare, how)
        report(f"reads of {title}", str(mine), str(alone), mine == alone, "the same")


def bare(driver: StorageDriver) -> StorageDriver:
    return driver


def settled(driver: StorageDriver) -> StorageDriver:
    return Checked(Settled(Retrying(Throttled(driver)), BOUND))


@dataclass(frozen=True)
class Reading:
    """What happens before a read, and what it knows."""

    own: bool = False
    must_exist: bool = False
    writes: bool = True
    replaces: bool = False


def reads(wrap: Wrap, how: Reading) -> Reads:
    """Write, and read a moment later, of each moment once."""
    runtime = VirtualRuntime()
    late = Lag(get=STALENESS, stat=STALENESS, list=STALENESS)
    others = LaggingDriver(MemoryDriver(runtime=runtime), late)
    store = RecordingDriver(others)
    driver = wrap(store)
    right, seconds, requests = 0, 0.0, 0
    for number, delay in enumerate(DELAYS):
        path = f"{TAGS}/t{number}/current/link"
        if how.replaces:
            runtime.run(others.put_content(path, b"old"))
            runtime.run(runtime.sleep(STALENESS))
        if how.writes:
            runtime.run((driver if how.own else others).put_content(path, LINK))
        runtime.run(runtime.sleep(delay))
        store.calls.clear()
        begun = runtime.monotonic()
        found = runtime.run(content(driver, path, must_exist=how.must_exist))
        right += found == (LINK if how.writes else None)
        seconds += runtime.monotonic() - begun
        requests += len(store.calls)
    return Reads(right / len(DELAYS), seconds / len(DELAYS), requests / len(DELAYS))


async def content(driver: StorageDriver, path: str, *, must_exist: bool) -> bytes | None:
    try:
        return (await driver.get_content(path, must_exist=must_exist)).data
    except PathNotFoundError:
        return None


def errors(rate: float, *, least: float | None, most: float) -> None:
    """Let a share of the requests fail."""
    mine = [traffic(stacked, rate, seed, CALLS) for seed in SEEDS]
    alone = [traffic(bare, rate, seed, CALLS) for seed in SEEDS]
    good, load = min(each.good for each in mine), max(each.load for each in mine)
    good_alone = statistics.median(each.good for each in alone)
    load_alone = statistics.median(each.load for each in alone)
    title = f"{rate:.0%} of requests fail"
    is_good = least is None or good >= least
    target = "" if least is None else f"{least:.1%}"
    report(f"{title}: calls that succeed", f"{good:.2%}", f"{good_alone:.2%}", is_good, target)
    report(
        f"{title}: requests for each call",
        f"{load:.3f}",
        f"{load_alone:.3f}",
        load <= most,
        f"{most:g}",
    )


def report(title: str, mine: str, alone: str, is_met: bool, target: str) -> None:
    print(f"{title:44} {mine:>29} / {alone:<29} {verdict(is_met, target)}")


def verdict(is_met: bool, target: str) -> str:
    if not target:
        return ""
    return f"(target {target}: {'met' if is_met else 'MISSED'})"


if __name__ == "__main__":
    main()
