"""Every request of a push, damaged: what arrives is whole, and nothing is left."""

from __future__ import annotations

import random

import pytest

from tests.torture.proxy import DAMAGES, Damage
from tests.torture.pushing import SHAPES, push_damaged
from tests.torture.rig import Rig


@pytest.mark.parametrize("damage", DAMAGES)
def test_small_pushes_to_seaweedfs(over_seaweedfs: Rig, damage: Damage) -> None:
    number = 1
    while push_damaged(over_seaweedfs, "small", number, damage) >= number:
        number += 1
    assert number > 1


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape != "small"])
def test_large_pushes_to_seaweedfs(over_seaweedfs: Rig, shape: str) -> None:
    """Each request once, the damage in turn; ``make torture`` damages each in every way."""
    first = random.Random(shape).randrange(len(DAMAGES))
    number = 1
    while True:
        damage = DAMAGES[(first + number) % len(DAMAGES)]
        if push_damaged(over_seaweedfs, shape, number, damage) < number:
            break
        number += 1
    assert number > 1


@pytest.mark.parametrize("damage", ["lost", "busy"])
def test_small_pushes_to_moto(over_moto: Rig, damage: Damage) -> None:
    number = 1
    while push_damaged(over_moto, "small", number, damage) >= number:
        number += 1
    assert number > 1
