"""The threaded driver keeps the contract, from a loop in another thread."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Coroutine, Iterator
from contextlib import ExitStack
from typing import Any, TypeVar

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from typing_extensions import override

from regstore._run import LoopRuntime
from regstore.driver import StorageDriver
from regstore.drivers.memory import MemoryDriver, MemoryStore
from regstore.drivers.threaded import ThreadedDriver
from regstore.testing import StorageDriverTests

T = TypeVar("T")


class PortalRuntime(LoopRuntime):
    """Serves plain code from a loop in a thread of its own; a forked child gets another one."""

    def __init__(self) -> None:
        super().__init__()
        self._portals: dict[int, BlockingPortal] = {}
        self._stack = ExitStack()

    @override
    def run(self, coro: Coroutine[Any, Any, T]) -> T:
        portal = self._portals.get(os.getpid())
        if portal is None:
            portal = self._stack.enter_context(start_blocking_portal())
            self._portals[os.getpid()] = portal
        return portal.call(_await, coro)

    def close(self) -> None:
        self._stack.close()


async def _await(aw: Awaitable[T]) -> T:
    return await aw


class TestThreadedDriver(StorageDriverTests):
    store = MemoryStore()

    portals: PortalRuntime

    @pytest.fixture
    def driver(self) -> Iterator[StorageDriver]:
        self.portals = PortalRuntime()
        yield self.reopen()
        self.portals.close()

    def reopen(self, _driver: StorageDriver | None = None) -> StorageDriver:
        driver = ThreadedDriver(MemoryDriver(self.store))
        driver.runtime = self.portals
        return driver
