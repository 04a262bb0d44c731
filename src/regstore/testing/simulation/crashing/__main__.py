"""Run every crash of every operation on every kind of store: some minutes in all.

Exits with 1 where something is wrong, and prints the crash that shows it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from itertools import product

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
from regstore.testing.simulation.crashing.case import Case
from regstore.testing.simulation.crashing.cases import CASES
from regstore.testing.simulation.crashing.enumeration import Enumeration, enumerate_crashes
from regstore.testing.simulation.crashing.rescues import RESCUES
from regstore.testing.simulation.exploring.contests import STORES
from regstore.testing.simulation.knobs import Knobs

_LINE = "{:44} {:14} {:>5} {:>7} {:>5} {:>7}\n"


def report(
    cases: Iterable[Case],
    stores: Mapping[str, Knobs],
    write: Callable[[str], object],
    is_over: Callable[[], bool] = lambda: False,
) -> bool:
    """Crash, and write a line for each case on each store.

    :param is_over: is asked before each crash whether to leave it at what was seen until then.
    :returns: whether all is well.
    """
    monotonic = BlockingRuntime().monotonic
    write(_LINE.format("cut short", "store", "calls", "crashes", "wrong", "seconds"))
    is_well = True
    for case, (store, knobs) in product(cases, stores.items()):
        if is_over():
            break
        if not case.runs_on(knobs):
            continue
        begin = monotonic()
        with named(f"{case.name} on {store}:"):
            seen = enumerate_crashes(case, knobs, is_over=is_over)
        seconds = f"{monotonic() - begin:.1f}"
        counts = (seen.calls, seen.crashes, len(seen.failures))
        write(_LINE.format(case.name, store, *counts, seconds))
        is_well = is_well and not seen.failures
        write(_first_failure(seen))
    return is_well


def _first_failure(seen: Enumeration) -> str:
    if not seen.failures:
        return ""
    point, violations = seen.failures[0]
    lines = [f"  {each} {each.key}" for each in violations]
    return "\n".join([f"  {point}", *lines, ""])


def main() -> None:
    """Crash what the command line asks for; exit with 1 where something is wrong."""
    parser = argparse.ArgumentParser(
        "python -m regstore.testing.simulation.crashing", description=__doc__
    )
    parser.add_argument("--operation", default="", help="only those with this in their names")
    add_store(parser, STORES)
    options = parser.parse_args()
    stores = chosen(STORES, options.store)
    cases = [case for case in (*CASES, *RESCUES) if any(map(case.runs_on, stores.values()))]
    cases = with_part(parser, cases, options.operation)
    is_well = True
    with interruptible() as interruption:
        is_well = report(cases, stores, say, interruption.asks)
    end(interruption, is_well=is_well)


if __name__ == "__main__":
    main()
