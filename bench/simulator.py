"""How fast the simulator is: runs of its swarm, all checks included, in processor time of one core.

Run by ``make bench``, or with the repository on ``PYTHONPATH``. The standard scenario has four
actors on a store that keeps conditions. There is no peer: the figure stands beside its target.
"""

from __future__ import annotations

import argparse
import statistics
import time

from regstore.testing.simulation.running import draw, simulate

FASTEST_ENOUGH = 10_000
LONG_ENOUGH = 150


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    lengths = []
    begun = time.process_time()
    for seed in range(options.seed, options.seed + options.runs):
        result = simulate(draw(seed, "conditional"))
        if result.violations:
            raise SystemExit(f"seed {seed}: {result.violations}")
        lengths.append(len(result.trace.requests))
    seconds = time.process_time() - begun
    print(
        f"storage requests of a run, median                    {statistics.median(lengths):6.0f} "
        f"(target {LONG_ENOUGH})\n"
        f"storage requests a second of processor time          {sum(lengths) / seconds:6.0f} "
        f"(target {FASTEST_ENOUGH})"
    )


if __name__ == "__main__":
    main()
