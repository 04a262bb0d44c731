"""Run every interleaving of every contest on every kind of store: some minutes in all.

Exits with 1 where something is wrong, and prints the schedule that shows it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from itertools import product
from typing import Final

from regstore._run import BlockingRuntime
from regstore.testing.interruption import interruptible
from regstore.testing.simulation.commandline import (
    add_store,
    chosen,
    end,
    named,
    say,
    with_part,
)
from regstore.testing.simulation.exploring.contest import Contest
from regstore.testing.simulation.exploring.contests import PAIRS, STORES, TRIOS
from regstore.testing.simulation.exploring.explorer import Failure, explore, replay
from regstore.testing.simulation.knobs import Knobs
from regstore.testing.simulation.trace import Request

_LINE = "{:44} {:14} {:>5} {:>5} {:>9} {:>6} {:>5} {:>7}\n"

_LOST: Final = (0, 1)
"""How many answers get lost in a schedule, at most."""

_COUNTS = ("schedules", "cut", "wrong")


def report(
    contests: Iterable[Contest],
    stores: Mapping[str, Knobs],
    write: Callable[[str], object],
    lost: int = 0,
    is_over: Callable[[], bool] = lambda: False,
) -> bool:
    """Explore, and write a line for each contest on each store.

    :param lost: answers that get lost in a schedule, at most.
    :param is_over: is asked before each schedule whether to leave it at what was seen until then.
    :returns: whether all is well.
    """
    monotonic = BlockingRuntime().monotonic
    write(_LINE.format("at the same time", "store", "lost", "calls", *_COUNTS, "seconds"))
    is_well = True
    for contest, (store, knobs) in product(contests, stores.items()):
        if is_over():
            break
        begin = monotonic()
        with named(f"{contest.name} on {store}, {lost} lost:"):
            seen = explore(contest, knobs, lost=lost, is_over=is_over)
        seconds = f"{monotonic() - begin:.1f}"
        counts = (lost, seen.calls, seen.schedules, seen.cut, seen.failing)
        write(_LINE.format(contest.name, store, *counts, seconds))
        if seen.simplest is not None:
            is_well = False
            write(describe(contest, seen.simplest, knobs))
    return is_well


def describe(contest: Contest, failure: Failure, knobs: Knobs) -> str:
    """Return what is wrong, the schedule that shows it, and each of its requests in order."""
    lines = [f"  {each} {each.key}" for each in failure.violations]
    lines.append(f"  replay(contest, {' '.join(failure.schedule)!r}.split(), {knobs})")
    trace = replay(contest, failure.schedule, knobs).world.trace
    arrived = (event.subject for event in trace.events if event.kind == "arrived")
    for request in arrived:
        if isinstance(request, Request):
            about = " ".join([request.key, *request.others])
            lines.append(f"    {request.process} {request.name} {about}: {request.outcome}")
    return "\n".join([*lines, ""])


def main() -> None:
    """Explore what the command line asks for; exit with 1 where something is wrong."""
    parser = argparse.ArgumentParser(
        "python -m regstore.testing.simulation.exploring", description=__doc__
    )
    parser.add_argument("--contest", default="", help="only those with this in their names")
    add_store(parser, STORES)
    parser.add_argument(
        "--lost",
        type=int,
        choices=_LOST,
        help="only with so many lost answers in a schedule, at most (default: both)",
    )
    options = parser.parse_args()
    contests = with_part(parser, (*PAIRS, *TRIOS), options.contest)
    stores = chosen(STORES, options.store)
    is_well = True
    with interruptible() as interruption:
        for lost in _LOST if options.lost is None else [options.lost]:
            if not interruption.is_asked:
                is_well &= report(contests, stores, say, lost, interruption.asks)
    end(interruption, is_well=is_well)


if __name__ == "__main__":
    main()
