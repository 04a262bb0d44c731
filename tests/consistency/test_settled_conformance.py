"""A lagging store keeps the contract under the layer, and does not without it."""

from __future__ import annotations

import pytest
from hypothesis import settings

from regstore.consistency import Checked, Journal, Settled
from regstore.driver import StorageDriver
from regstore.drivers.memory import MemoryDriver, MemoryStore
from regstore.testing import StorageDriverTests
from regstore.testing.faults import Lag, LaggingDriver
from tests.places import VirtualRuntime


class TestSettledOnAStrongStore(StorageDriverTests):
    store = MemoryStore()
    runtime = VirtualRuntime()

    @pytest.fixture
    def driver(self) -> StorageDriver:
        return self.reopen()

    def reopen(self, _driver: StorageDriver | None = None) -> StorageDriver:
        return Checked(Settled(MemoryDriver(self.store, self.runtime)))

    def histories(self) -> settings:
        return settings(super().histories(), max_examples=10)


class TestSettledOnALaggingStore(StorageDriverTests):
    """All drivers are of one process: what they share is its journal."""

    @pytest.fixture
    def driver(self) -> StorageDriver:
        self.store, self.runtime = MemoryStore(), VirtualRuntime()
        self.lag = Lag(get=0.2, stat=0.3, list=1.0, negative=0.5, flapping=1)
        self.journal = Journal()
        return self.reopen()

    def histories(self) -> settings:
        return settings(super().histories(), max_examples=12)

    def reopen(self, _driver: StorageDriver | None = None) -> StorageDriver:
        lagging = LaggingDriver(MemoryDriver(self.store, self.runtime), self.lag)
        return Checked(Settled(lagging, self.lag.bound, journal=self.journal))
