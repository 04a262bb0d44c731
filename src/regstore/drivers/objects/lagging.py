"""Looking at a store that shows late what is there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from regstore.driver import UNKNOWN_LAG
from regstore.drivers.objects.port import ObjectStore
from regstore.errors import PathNotFoundError

T = TypeVar("T")

_LOOK_AGAIN_SECONDS: Final = 0.1


async def until_shown(
    store: ObjectStore, look: Callable[[], Awaitable[T]], is_enough: Callable[[T], bool]
) -> T:
    """Look until that is enough, or until the store must show all that there was at the call.

    Costs one look on a store that does not lag; where nobody knows how far it does, it is given
    :data:`~regstore.driver.UNKNOWN_LAG`.
    """
    runtime, give_up = store.runtime, _end(store)
    while True:
        asked = runtime.monotonic()
        found = await look()
        if asked >= give_up or is_enough(found):
            return found
        await runtime.sleep(_LOOK_AGAIN_SECONDS)


async def until_there(store: ObjectStore, act: Callable[[], Awaitable[T]]) -> T:
    """Do what needs an object that was written before: again, until the store must find it.

    :raises PathNotFoundError: it is gone.
    """
    runtime, give_up = store.runtime, _end(store)
    while True:
        asked = runtime.monotonic()
        try:
            return await act()
        except PathNotFoundError:
            if asked >= give_up:
                raise
        await runtime.sleep(_LOOK_AGAIN_SECONDS)


def _end(store: ObjectStore) -> float:
    """Return when the store must show all that there is now."""
    bound = store.capabilities.staleness_bound
    return store.runtime.monotonic() + (UNKNOWN_LAG if bound is None else bound)
