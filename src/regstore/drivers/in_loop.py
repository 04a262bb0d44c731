"""Plain code that wants several calls of any driver under way at once: an event loop for a while."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from regstore._run import BlockingRuntime
from regstore.driver import StorageDriver
from regstore.drivers.threaded import ThreadedDriver

T = TypeVar("T")


def run_in_loop(fn: Callable[[], Awaitable[T]]) -> T:
    """Call *fn* in an event loop of its own, and return what it returns.

    An interrupt from the keyboard cancels it, so that what it has to put in order it still does.
    """
    return anyio.run(fn)


def awaitable(driver: StorageDriver) -> StorageDriver:
    """Return *driver* as one that an event loop can await; a blocking one runs in threads."""
    return ThreadedDriver(driver) if isinstance(driver.runtime, BlockingRuntime) else driver
