"""Plain code that wants several calls of a driver under way at once, whatever kind it is."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

import anyio

from regstore._run import BlockingRuntime
from regstore.driver import StorageDriver
from regstore.drivers.threaded import ThreadedDriver

T = TypeVar("T")


def run_in_loop(driver: StorageDriver, coro: Coroutine[Any, Any, T]) -> T:
    """Run *coro* over *driver*, which :func:`awaitable` gave, and return what it returns.

    An interrupt from the keyboard cancels it, so that what it has to put in order it still does.
    """
    if isinstance(driver, ThreadedDriver):
        return anyio.run(_await, coro)
    return driver.runtime.run(coro)


async def _await(coro: Coroutine[Any, Any, T]) -> T:
    return await coro


def awaitable(driver: StorageDriver) -> StorageDriver:
    """Return *driver* as one that has many calls under way at once: a blocking one in threads."""
    return ThreadedDriver(driver) if isinstance(driver.runtime, BlockingRuntime) else driver
