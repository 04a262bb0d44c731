"""Every request of a push, damaged: what arrives is whole, and nothing is left.

The damage comes in turn here; ``make torture`` goes on with damages and moments of all kinds.
"""

from __future__ import annotations

from random import Random

import pytest

from tests.s3proxy.damage import DAMAGES
from tests.torture.pushing import SHAPES, push_damaged
from tests.torture.rig import Rig

SAMPLE = 3


@pytest.mark.parametrize("turn", [0, 3])
def test_small_pushes(over_seaweedfs: Rig, turn: int) -> None:
    number = 1
    while True:
        damage = DAMAGES[(turn + number) % len(DAMAGES)]
        if push_damaged(over_seaweedfs, "small", number, damage) < number:
            break
        number += 1
    assert number > 1


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape != "small"])
def test_large_pushes(over_seaweedfs: Rig, shape: str) -> None:
    random = Random(shape)
    damages = random.sample(DAMAGES, SAMPLE)
    for damage, number in zip(damages, random.sample(range(4, 22), SAMPLE), strict=True):
        push_damaged(over_seaweedfs, shape, number, damage)


def test_pushes_to_another_server(over_moto: Rig) -> None:
    for number in Random(5).sample(range(2, 12), SAMPLE):
        push_damaged(over_moto, "small", number, "lost")
