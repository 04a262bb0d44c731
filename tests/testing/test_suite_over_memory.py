from __future__ import annotations

from collections.abc import Iterator

import pytest

from regstore.driver import StorageDriver
from regstore.drivers.memory import MemoryDriver, MemoryStore
from regstore.testing import StorageDriverTests


class TestMemoryDriver(StorageDriverTests):
    @pytest.fixture
    def driver(self) -> Iterator[StorageDriver]:
        self.store = MemoryStore()
        yield MemoryDriver(self.store)

    def reopen(self, driver: StorageDriver) -> StorageDriver:
        return MemoryDriver(self.store)
