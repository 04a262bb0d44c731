"""Fuzz both servers with many requests: ``python -m tests.frontends.fuzzing --requests 50000``."""

from __future__ import annotations

import argparse
import random
import resource
import sys

from tests.frontends.frontends import KINDS
from tests.frontends.fuzzing.running import Tally, fuzz_in_process, fuzz_on_the_wire

ON_THE_WIRE = 20
"""One request in so many goes to a real server."""


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=50_000, help="for both servers together")
    parser.add_argument("--seed", type=int, default=None, help="repeats a run; random else")
    options = parser.parse_args()
    seed = random.randrange(1 << 32) if options.seed is None else options.seed
    say(f"seed {seed}: repeat with REQUESTS={options.requests} SEED={seed}")
    each = options.requests // len(KINDS)
    for kind in KINDS:
        fuzz_on_the_wire(kind, seed, _tally(f"{kind} on the wire", each // ON_THE_WIRE))
        fuzz_in_process(kind, seed, _tally(f"{kind} in process", each - each // ON_THE_WIRE))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    say(f"nothing found; peak memory of this process {peak} MiB")


def _tally(title: str, wanted: int) -> Tally:
    return Tally(title, wanted, say)


if __name__ == "__main__":
    main()
