"""What retries add to a store's load, and how many calls they save: in virtual time."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from regstore._run import BlockingRuntime
from regstore.consistency import RetryBudget, Retrying
from regstore.consistency.backoff import Backoff
from regstore.driver import StorageDriver
from regstore.drivers.memory import MemoryDriver
from regstore.errors import TransientError
from tests.consistency.faulty import Faulty
from tests.places import VirtualRuntime

CALLS = 4000
PER_SECOND = 10.0
BLOB = f"docker/registry/v2/blobs/sha256/ab/{'ab' * 32}/data"


async def _call(driver: StorageDriver, turn: int) -> None:
    if turn % 10 == 0:
        await driver.put_content(BLOB, b"x")
    elif turn % 10 == 1:
        await driver.stat(BLOB)
    else:
        await driver.get_content(BLOB)


def traffic(rate: float, seed: int, calls: int = CALLS) -> tuple[float, float]:
    """Return the share of calls that succeed, and requests for each call.

    A tenth of the calls write content, which is asked for in the rest.
    """
    runtime = VirtualRuntime()
    runtime.random = random.Random(seed)
    store = MemoryDriver(runtime=runtime)
    runtime.run(store.put_content(BLOB, b"x"))
    faulty = Faulty(store, rate, seed)
    retrying = Retrying(faulty)
    good = 0
    for turn in range(calls):
        runtime.clock.seconds += 1 / PER_SECOND
        try:
            runtime.run(_call(retrying, turn))
        except TransientError:
            continue
        good += 1
    return good / calls, faulty.requests.total() / calls


SEEDS = st.integers(min_value=0, max_value=2**32)


@settings(max_examples=5, deadline=None)
@given(SEEDS)
def test_of_a_store_that_fails_now_and_then_nobody_notices_and_it_bears_little(seed: int) -> None:
    good, load = traffic(0.05, seed)
    assert good >= 0.999
    assert load <= 1.1


@settings(max_examples=6, deadline=None)
@given(SEEDS, st.sampled_from([0.5, 0.9, 1.0]))
def test_a_store_that_fails_half_the_time_gets_few_requests_more(seed: int, rate: float) -> None:
    good, load = traffic(rate, seed)
    assert good >= (1 - rate) * 0.9
    assert load < 1.2


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


def test_a_store_that_works_gets_no_request_more() -> None:
    assert traffic(0.0, 0, 100) == (1.0, 1.0)
