"""Looking at a store that shows late what is there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from regstore.driver import UNKNOWN_LAG
from regstore.drivers.objects.port import ObjectStore

T = TypeVar("T")

_LOOK_AGAIN_SECONDS: Final = 0.1


async def until_shown(
    store: ObjectStore, look: Callable[[], Awaitable[T]], is_enough: Callable[[T], bool]
) -> T:
    """Look until that is enough, or until the store must show all that there was at the call.

    Costs one look on a store that does not lag; where nobody knows how far it does, it is given
    :data:`~regstore.driver.UNKNOWN_LAG`.
    """
    runtime = store.runtime
    bound = store.capabilities.staleness_bound
    give_up = runtime.monotonic() + (UNKNOWN_LAG if bound is None else bound)
    while True:
        asked = runtime.monotonic()
        found = await look()
        if asked >= give_up or is_enough(found):
            return found
        await runtime.sleep(_LOOK_AGAIN_SECONDS)
