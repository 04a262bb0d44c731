"""Torture uploads over SeaweedFS at random: ``python -m tests.torture --rounds 1000``."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable
from random import Random, SystemRandom

from tests.object_servers import seaweedfs_server
from tests.s3proxy.damage import DAMAGES, Damage
from tests.torture.answers import lose_answer, lose_record
from tests.torture.cancelling import cancel_push
from tests.torture.pushing import SHAPES, push_damaged
from tests.torture.rig import Rig, rig
from tests.torture.rivals import race

REQUESTS = 26
"""Of the longest push, and some that never come."""
BETWEEN_REPORTS = 10.0
_UNHEARD: tuple[Damage, ...] = ("lost", "truncated")
_ALL_HEARD: tuple[Damage, ...] = ("cut", "cut-body", "lost", "busy", "truncated")


def damage_push(bench: Rig, random: Random) -> None:
    shape = random.choice([*SHAPES])
    push_damaged(bench, shape, random.randint(1, REQUESTS), random.choice(DAMAGES))


def cancel(bench: Rig, random: Random) -> None:
    cancel_push(bench, random, random.choice([*SHAPES]), random.randint(1, REQUESTS))


def compete(bench: Rig, random: Random) -> None:
    race(bench, random)


def lose(bench: Rig, random: Random) -> None:
    lose_answer(bench, random, random.choice(_ALL_HEARD))
    lose_record(bench, random, random.choice(_UNHEARD))


KINDS: tuple[tuple[Callable[[Rig, Random], None], int], ...] = (
    (damage_push, 6),
    (cancel, 4),
    (compete, 1),
    (lose, 2),
)
"""What a round does, and how often."""


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def torture(bench: Rig, seed: int, first: int, rounds: int) -> None:
    done: Counter[str] = Counter()
    reported = time.monotonic()
    for number in range(first, first + rounds):
        random = Random(f"{seed} {number}")
        acts, weights = zip(*KINDS, strict=True)
        act = random.choices(acts, weights)[0]
        try:
            act(bench, random)
        except BaseException as error:
            error.add_note(
                f"round {number}, {act.__name__}: repeat with SEED={seed} FIRST={number}"
            )
            raise
        done[act.__name__] += 1
        if time.monotonic() - reported > BETWEEN_REPORTS:
            reported = time.monotonic()
            say(f"round {number}: {dict(done)}")
    say(f"nothing found in {rounds} rounds: {dict(done)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--seed", type=int, default=None, help="repeats a run; random else")
    parser.add_argument("--first", type=int, default=0, help="the round to begin with")
    options = parser.parse_args()
    seed = SystemRandom().randrange(1 << 32) if options.seed is None else options.seed
    say(f"seed {seed}: repeat with ROUNDS={options.rounds} SEED={seed}")
    with seaweedfs_server() as server, rig(server) as bench:
        torture(bench, seed, options.first, options.rounds)


if __name__ == "__main__":
    main()
