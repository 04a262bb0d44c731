"""Every call ends by the deadline of its context, and nothing sleeps past it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import anyio
import pytest
from typing_extensions import override

from regstore._run import LoopRuntime
from regstore.consistency import RetryBudget, Retrying, Settled, WrapperDriver, deadline, time_left
from regstore.driver import FileInfo, FileWriter, StorageDriver
from regstore.drivers.memory import MemoryDriver
from regstore.errors import (
    NotYetVisibleError,
    PathNotFoundError,
    ThrottledError,
    TransientError,
)
from regstore.testing.faults import Lag, LaggingDriver
from tests.consistency.faulty import Faulty
from tests.places import VirtualRuntime


def test_time_is_left_until_the_earlier_of_two_deadlines() -> None:
    runtime = VirtualRuntime()
    assert time_left(runtime) is None
    with deadline(runtime, 10):
        with deadline(runtime, 20):
            assert time_left(runtime) == 10
        with deadline(runtime, 5):
            runtime.clock.seconds = 6
            assert time_left(runtime) == 0
        assert time_left(runtime) == 4
    assert time_left(runtime) is None


def test_nothing_begins_after_the_deadline() -> None:
    runtime = VirtualRuntime()
    faulty = Faulty(MemoryDriver(runtime=runtime))
    retrying = Retrying(faulty)
    with deadline(runtime, 5):
        runtime.clock.seconds = 5
        for call in (retrying.stat("a"), retrying.put_content("a", b"")):
            with pytest.raises(TransientError, match="deadline") as caught:
                runtime.run(call)
            assert not caught.value.outcome_unknown
        with pytest.raises(TransientError, match="deadline"):
            list(runtime.iterate(retrying.list("")))
    assert not faulty.requests


def test_nothing_sleeps_past_the_deadline() -> None:
    runtime = VirtualRuntime()
    faulty = Faulty(MemoryDriver(runtime=runtime))
    faulty.plan = ["refused"] * 1000
    retrying = Retrying(faulty, limit=1000, budget=RetryBudget(per_minute=1000, burst=1000))
    with deadline(runtime, 3), pytest.raises(TransientError):
        runtime.run(retrying.stat("a"))
    assert 0 < runtime.monotonic() < 3
    assert retrying.counts.past_deadline == 1


def test_a_store_that_wants_more_time_than_there_is_is_given_up_at_once() -> None:
    runtime = VirtualRuntime()
    faulty = Faulty(MemoryDriver(runtime=runtime))
    faulty.plan = [ThrottledError("a", retry_after=10)]
    with deadline(runtime, 9), pytest.raises(ThrottledError):
        runtime.run(Retrying(faulty).stat("a"))
    assert runtime.monotonic() == 0


def test_cleaning_up_has_the_time_that_it_takes() -> None:
    runtime = VirtualRuntime()
    store = MemoryDriver(runtime=runtime)
    faulty = Faulty(store)
    with deadline(runtime, 1):
        writer = runtime.run(Retrying(faulty).writer("a"))
        runtime.clock.seconds = 2
        faulty.plan = ["refused"]
        runtime.run(writer.cancel())
    with pytest.raises(PathNotFoundError):
        runtime.run(store.writer("a", append=True))


class Silent(WrapperDriver):
    """Never answers."""

    @override
    async def stat(self, path: str, *, must_exist: bool = False) -> FileInfo:
        await anyio.sleep_forever()
        raise AssertionError

    @override
    async def put_content(self, path: str, data: bytes, condition: object = None) -> str | None:
        await anyio.sleep_forever()
        raise AssertionError

    @override
    async def writer(self, path: str, **options: Any) -> FileWriter:
        await anyio.sleep_forever()
        raise AssertionError


CALLS: dict[str, tuple[Callable[[StorageDriver], Coroutine[Any, Any, object]], bool]] = {
    "stat": (lambda driver: driver.stat("a"), False),
    "writer": (lambda driver: driver.writer("a"), False),
    "put_content": (lambda driver: driver.put_content("a", b""), True),
}


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("name", CALLS)
def test_what_is_under_way_is_cancelled_at_the_deadline(backend: str, name: str) -> None:
    call, changes = CALLS[name]

    async def main() -> None:
        driver = Retrying(Silent(MemoryDriver(runtime=LoopRuntime())))
        with deadline(driver.runtime, 0.02), pytest.raises(TransientError, match="dead") as caught:
            await call(driver)
        assert caught.value.outcome_unknown is changes
        assert driver.counts.past_deadline == 1

    anyio.run(main, backend=backend)


def test_the_journal_answers_at_the_deadline_or_says_not_yet() -> None:
    runtime = VirtualRuntime()
    store = LaggingDriver(MemoryDriver(runtime=runtime), Lag(get=1.0))
    driver = Settled(Retrying(store), 1.0, left=partial(time_left, runtime))
    for path, size in (("small", 10), ("large", 9000)):
        runtime.run(driver.put_content(path, bytes(size)))

    async def read(path: str) -> int:
        with deadline(runtime, 0.3):
            return len((await driver.get_content(path)).data)

    assert runtime.run(read("small")) == 10
    with pytest.raises(NotYetVisibleError):
        runtime.run(read("large"))
