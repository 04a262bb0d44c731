"""A push that is cancelled anywhere leaves nothing once it is dropped."""

from __future__ import annotations

from random import Random

import pytest

from tests.torture.cancelling import cancel_push
from tests.torture.rig import Rig


def test_small_pushes(over_seaweedfs: Rig) -> None:
    number = 1
    while cancel_push(over_seaweedfs, Random(number), "small", number):
        number += 1
    assert number > 1


@pytest.mark.parametrize("shape", ["patched-twice", "straight"])
def test_large_pushes(over_seaweedfs: Rig, shape: str) -> None:
    random = Random(shape)
    for number in sorted(random.sample(range(4, 24), 4)):
        cancel_push(over_seaweedfs, random, shape, number)
