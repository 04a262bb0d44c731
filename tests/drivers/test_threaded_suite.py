"""The threaded driver keeps the contract, from a loop in another thread."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from regstore.driver import StorageDriver
from regstore.drivers.memory import MemoryDriver, MemoryStore
from regstore.drivers.threaded import ThreadedDriver
from regstore.testing import StorageDriverTests
from tests.drivers.portals import PortalRuntime


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
