"""A lost answer to a conditional write is nobody's conflict with itself."""

from __future__ import annotations

from random import Random

import pytest

from tests.s3proxy.damage import Damage
from tests.torture.answers import lose_answer, lose_record
from tests.torture.rig import Rig


@pytest.mark.parametrize("damage", ["cut", "cut-body", "lost", "busy", "truncated"])
def test_one_of_two_wins_the_tag(over_seaweedfs: Rig, damage: Damage) -> None:
    lose_answer(over_seaweedfs, Random(damage), damage)


@pytest.mark.parametrize("damage", ["lost", "truncated"])
def test_a_record_is_known_by_who_wrote_it(over_seaweedfs: Rig, damage: Damage) -> None:
    lose_record(over_seaweedfs, Random(damage), damage)
