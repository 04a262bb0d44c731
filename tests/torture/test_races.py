"""Two processes go on with one upload, and are killed in the midst of it."""

from __future__ import annotations

from random import Random

from tests.torture.rig import Rig
from tests.torture.rivals import race


def test_two_processes_never_mix(over_seaweedfs: Rig) -> None:
    assert sum(race(over_seaweedfs, Random(seed)) for seed in range(3)) > 0
