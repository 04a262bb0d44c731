"""What retries add to a store's load, and how many calls they save: in virtual time."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regstore._run import BlockingRuntime
from regstore.consistency import RetryBudget, Retrying
from regstore.consistency.backoff import Backoff
from tests.consistency.traffic import Traffic, Wrap, stacked, traffic

WRAPS = st.sampled_from([Retrying, stacked])
SEEDS = st.integers(min_value=0, max_value=2**32)


@settings(max_examples=8, deadline=None)
@given(WRAPS, SEEDS)
def test_of_a_store_that_fails_now_and_then_nobody_notices_and_it_bears_little(
    wrap: Wrap, seed: int
) -> None:
    found = traffic(wrap, 0.05, seed)
    assert found.good >= 0.999
    assert found.load <= 1.1


@settings(max_examples=9, deadline=None)
@given(WRAPS, SEEDS, st.sampled_from([0.5, 0.9, 1.0]))
def test_a_store_that_fails_half_the_time_gets_few_requests_more(
    wrap: Wrap, seed: int, rate: float
) -> None:
    found = traffic(wrap, rate, seed)
    assert found.good >= (1 - rate) * 0.9
    assert found.load < 1.2


def test_rare_calls_can_be_repeated_too() -> None:
    budget = RetryBudget()
    now = 0.0
    for _ in range(1000):
        now += 3.0
        budget.earn()
        assert budget.spend(now)


def test_quiet_times_are_not_saved_up() -> None:
    budget = RetryBudget(burst=60)
    for _ in range(10_000):
        budget.earn()
    assert sum(budget.spend(3600.0) for _ in range(1000)) == 60


@given(SEEDS)
def test_pauses_grow_from_the_base_to_the_cap_and_are_never_alike(seed: int) -> None:
    backoff = Backoff(BlockingRuntime(rng=random.Random(seed)), base=0.025, cap=2.0)
    pauses = [backoff.pause() for _ in range(50)]
    assert all(0.025 <= pause <= 2.0 for pause in pauses)
    assert all(
        later <= 3 * earlier for earlier, later in zip([0.025, *pauses], pauses, strict=False)
    )
    assert len(set(pauses)) > 5


@pytest.mark.parametrize("wrap", [Retrying, stacked])
def test_a_store_that_works_gets_no_request_more(wrap: Wrap) -> None:
    assert traffic(wrap, 0.0, 0, 100) == Traffic(1.0, 1.0)
