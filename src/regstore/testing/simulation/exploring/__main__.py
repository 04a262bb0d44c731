"""``python -m regstore.testing.simulation.exploring``: every contest on every kind of store.

Exits with 1 where something is wrong, and prints the schedule that shows it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping

from regstore._run import BlockingRuntime
from regstore.testing.simulation.exploring.contest import Contest
from regstore.testing.simulation.exploring.contests import PAIRS, STORES, TRIOS
from regstore.testing.simulation.exploring.explorer import Failure, explore, replay
from regstore.testing.simulation.knobs import Knobs
from regstore.testing.simulation.trace import Request

_LINE = "{:44} {:14} {:>5} {:>5} {:>9} {:>6} {:>5} {:>7}\n"

_COUNTS = ("schedules", "cut", "wrong")


def report(
    contests: Iterable[Contest],
    stores: Mapping[str, Knobs],
    write: Callable[[str], object],
    lost: int = 0,
) -> bool:
    """Explore, and write a line for each contest on each store.

    :param lost: answers that get lost in a schedule, at most.
    :returns: whether all is well.
    """
    monotonic = BlockingRuntime().monotonic
    write(_LINE.format("at the same time", "store", "lost", "calls", *_COUNTS, "seconds"))
    is_well = True
    for contest in contests:
        for store, knobs in stores.items():
            begin = monotonic()
            seen = explore(contest, knobs, lost=lost)
            seconds = f"{monotonic() - begin:.1f}"
            counts = (lost, seen.calls, seen.schedules, seen.cut, seen.failing)
            write(_LINE.format(contest.name, store, *counts, seconds))
            if seen.simplest is not None:
                is_well = False
                write(describe(contest, seen.simplest, knobs))
    return is_well


def describe(contest: Contest, failure: Failure, knobs: Knobs) -> str:
    """Return what is wrong, the schedule that shows it, and each of its requests in order."""
    lines = [f"  {each.invariant}: {each.text} {each.key}" for each in failure.violations]
    lines.append(f"  replay(contest, {' '.join(failure.schedule)!r}.split(), {knobs})")
    trace = replay(contest, failure.schedule, knobs).world.trace
    arrived = (event.subject for event in trace.events if event.kind == "arrived")
    for request in arrived:
        if isinstance(request, Request):
            about = " ".join([request.key, *request.others])
            lines.append(f"    {request.process} {request.name} {about}: {request.outcome}")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    found: list[bool] = [
        report((*PAIRS, *TRIOS), STORES, sys.stdout.write),
        report(PAIRS, STORES, sys.stdout.write, lost=1),
    ]
    sys.exit(not all(found))
