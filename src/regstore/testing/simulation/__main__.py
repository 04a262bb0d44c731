"""Simulate at random, from a seed. Exits with 1 where a run breaks what must hold."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from itertools import count, cycle, islice, takewhile
from pathlib import Path
from time import perf_counter  # noqa: TID251 - says how fast it is, and has no effect on a run
from traceback import format_exception

from rich.console import Console
from rich.progress import track

from regstore.testing.interruption import Interruption, interruptible
from regstore.testing.simulation.commandline import (
    INTERRUPTED,
    add_store,
    chosen,
    named,
    positive,
    say,
)
from regstore.testing.simulation.diagram import draw as draw_diagram
from regstore.testing.simulation.literal import imports, literal
from regstore.testing.simulation.operations import told
from regstore.testing.simulation.running import Result, Run, draw, simulate
from regstore.testing.simulation.shrinking import shrink
from regstore.testing.simulation.stores import CLASSES


def main() -> None:
    """Run what the command line asks for; exit with 1 where something was found."""
    options = _options()
    begun = perf_counter()
    done = found = 0
    with interruptible() as interruption:
        runs = takewhile(lambda _: not interruption.is_asked, _runs(options))
        for store, seed in _watched(runs, options.runs):
            with named(_again(store, seed, options)):
                result = simulate(draw(seed, store, options.actors, options.steps))
                done += 1
                if result.violations:
                    found += len(result.violations)
                    _report(store, seed, options, result, interruption)
    rate = done / (perf_counter() - begun)
    _say(f"{done} runs, {found} violations, {rate:.1f} runs/s")
    sys.exit(INTERRUPTED if interruption.is_asked else found > 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m regstore.testing.simulation",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--runs", type=positive, default=1, help="how many")
    parser.add_argument(
        "--seed",
        type=int,
        default=1,
        help="of the first run; each next run has the next seed and, with --store all, the next "
        "class of store: which class a seed meets depends on where one begins",
    )
    add_store(parser, CLASSES)
    parser.add_argument(
        "--actors", type=positive, default=4, help="clients in each run, besides collectors"
    )
    parser.add_argument("--steps", type=positive, default=6, help="of each actor, about")
    return parser.parse_args()


def _runs(options: argparse.Namespace) -> Iterator[tuple[str, int]]:
    """Yield the class of store and the seed of each run."""
    stores = chosen(CLASSES, options.store)
    return islice(zip(cycle(stores), count(options.seed)), options.runs)


def _watched(runs: Iterator[tuple[str, int]], total: int) -> Iterator[tuple[str, int]]:
    """Show a bar on stderr where somebody watches."""
    return iter(
        track(
            runs,
            "simulating",
            total=total,
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
            transient=True,
        )
    )


def _again(store: str, seed: int, options: argparse.Namespace) -> str:
    return (
        f"repeat with: python -m regstore.testing.simulation --store {store} --seed {seed} "
        f"--actors {options.actors} --steps {options.steps}"
    )


def _report(
    store: str,
    seed: int,
    options: argparse.Namespace,
    result: Result,
    interruption: Interruption,
) -> None:
    """Print how to repeat a run, and what is left of it once it is shrunk."""
    _say(_again(store, seed, options))
    for violation in result.violations:
        _say(f"  {violation} ({violation.key})")
    for error in result.errors[:1]:
        _say("".join(format_exception(error)).rstrip())
    least = shrink(result, simulate, interruption.asks)
    _say(f"  shrunk, on a store with {literal(least.run.knobs)}:")
    for operation in least.ledger.operations:
        times = f"{operation.invoked:.3f}-{operation.returned:.3f}"
        _say(f"    {times} {operation.process}: {operation}: {told(operation)}")
    for violation in least.violations:
        _say(f"  {violation} ({violation.key})")
    _say(f"  the shrunk run once more:\n{program(least.run)}")
    title = f"seed {seed} on a store of the class {store}, shrunk"
    _draw(least, Path(f"simulation-{store}-{seed}.svg"), title)


def _draw(result: Result, picture: Path, title: str) -> None:
    """Draw a run in the working directory, or say that it cannot be written to."""
    drawn = draw_diagram(result.trace, violations=result.violations, title=title)
    try:
        picture.write_text(drawn, "utf-8")
    except OSError as error:
        _say(f"  could not be drawn in {picture}: {error.strerror}")
    else:
        _say(f"  drawn in {picture}")


def program(run: Run) -> str:
    """Return Python that simulates *run* once more and prints what is wrong with it."""
    return "\n".join(
        [
            *imports(run),
            "from regstore.testing.simulation.running import simulate",
            f"print(simulate({literal(run)}).violations)",
        ]
    )


def _say(line: str) -> None:
    say(f"{line}\n")


if __name__ == "__main__":
    main()
