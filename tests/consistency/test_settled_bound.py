"""A store may lag to the very end of its bound: what shows only then is not taken for missing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from typing_extensions import override

from regstore.consistency import Settled
from regstore.drivers.memory import MemoryDriver
from regstore.errors import PathNotFoundError
from regstore.testing.faults import Call, InterceptedDriver, Lag, LaggingDriver
from tests.places import VirtualRuntime

T = TypeVar("T")

BOUND = 1.0
SLOW = 0.4
LARGE = bytes(5000)
"""More than a journal keeps."""
MOMENTS = [number / 7 for number in range(40)]
"""At some of these the bound ends a little late or early, as floats have it."""


def lagging() -> LaggingDriver:
    return LaggingDriver(MemoryDriver(runtime=VirtualRuntime()), Lag(BOUND, BOUND, BOUND))


@pytest.mark.parametrize("own", [True, False])
def test_what_shows_at_the_last_bit_of_the_bound_is_found(own: bool) -> None:
    for moment in MOMENTS:
        store = lagging()
        driver, run = Settled(store, BOUND), store.runtime.run
        run(store.runtime.sleep(moment))
        run((driver if own else store).put_content("a", LARGE))
        assert run(driver.get_content("a", must_exist=True)).data == LARGE


def test_what_is_gone_is_missing_at_once_after_the_bound() -> None:
    store = lagging()
    driver, run = Settled(store, BOUND), store.runtime.run
    run(driver.put_content("a", LARGE))
    run(store.delete_file("a"))
    run(store.runtime.sleep(10))
    before = store.runtime.monotonic()
    with pytest.raises(PathNotFoundError):
        run(driver.get_content("a"))
    assert store.runtime.monotonic() == before


class BlindDriver(InterceptedDriver):
    """Finds nothing to delete until the bound, and tells that late."""

    @override
    async def through(self, call: Call, effect: Callable[[], Awaitable[T]]) -> T:
        if call.method == "delete_file" and self.runtime.monotonic() < BOUND:
            await self.runtime.sleep(SLOW)
            raise PathNotFoundError(call.path, self.name)
        return await effect()


def test_what_could_not_be_deleted_before_the_bound_is_tried_after_it() -> None:
    store = BlindDriver(MemoryDriver(runtime=VirtualRuntime()))
    driver, run = Settled(store, BOUND), store.runtime.run
    run(driver.put_content("a", LARGE))
    run(driver.delete_file("a"))
    with pytest.raises(PathNotFoundError):
        run(store.stat("a"))
