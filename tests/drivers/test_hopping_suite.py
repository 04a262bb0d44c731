"""A driver of regstore's own loop keeps the contract, for plain code and from another loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from typing_extensions import override

from regstore._loop import OwnLoopRuntime
from regstore.driver import Runtime, StorageDriver
from regstore.drivers.carried import CarriedDriver
from regstore.drivers.carrier import Call, Carrier
from regstore.drivers.hopping import HoppingDriver
from regstore.drivers.memory import MemoryDriver, MemoryStore
from regstore.testing import StorageDriverTests
from tests.drivers.portals import PortalRuntime

T = TypeVar("T")


class Pausing(Carrier):
    """Lets everybody else run before each call, and after what must not be cut short."""

    @override
    def call(self, make: Callable[[], Coroutine[Any, Any, T]], *, interruptible: bool) -> Call[T]:
        raise NotImplementedError

    @override
    async def carry(
        self,
        make: Callable[[], Coroutine[Any, Any, T]],
        undo: Callable[[T], Coroutine[Any, Any, object]] | None = None,
    ) -> T:
        await asyncio.sleep(0)
        return await make()

    @override
    async def surely(self, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        result = await make()
        await asyncio.sleep(0)
        return result


class FewHistories(StorageDriverTests):
    store = MemoryStore()

    @override
    def histories(self) -> settings:
        return settings(super().histories(), max_examples=10)


class SuspendingDriver(CarriedDriver):
    """A memory driver that suspends in every call."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(MemoryDriver(store), Pausing())
        self.runtime: Runtime = OwnLoopRuntime()


class TestPlainCode(FewHistories):
    @pytest.fixture
    def driver(self) -> StorageDriver:
        return self.reopen()

    def reopen(self, _driver: StorageDriver | None = None) -> StorageDriver:
        return SuspendingDriver(self.store)


class TestAnotherLoop(FewHistories):
    portals: PortalRuntime

    @pytest.fixture
    def driver(self) -> Iterator[StorageDriver]:
        self.portals = PortalRuntime()
        yield self.reopen()
        self.portals.close()

    def reopen(self, _driver: StorageDriver | None = None) -> StorageDriver:
        driver = HoppingDriver(SuspendingDriver(self.store))
        driver.runtime = self.portals
        return driver
