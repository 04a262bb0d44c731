from __future__ import annotations

import pytest

from regstore.driver import StorageDriver
from regstore.drivers.memory import MemoryDriver, MemoryStore
from regstore.testing import StorageDriverTests


class TestMemoryDriver(StorageDriverTests):
    @pytest.fixture
    def driver(self) -> StorageDriver:
        self.store = MemoryStore()
        return MemoryDriver(self.store)

    def reopen(self, _driver: StorageDriver) -> StorageDriver:
        return MemoryDriver(self.store)
