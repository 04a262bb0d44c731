"""A wrapped driver keeps the contract as the bare one does."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import pytest

from regstore.consistency import Checked, Measured, Verified, WrapperDriver
from regstore.driver import StorageDriver
from regstore.drivers.memory import MemoryDriver, MemoryStore
from regstore.testing import StorageDriverTests

Wrap = Callable[[StorageDriver], StorageDriver]


def each(driver: StorageDriver) -> StorageDriver:
    return Checked(Measured(Verified(WrapperDriver(driver))))


class TestWrapped(StorageDriverTests):
    store = MemoryStore()
    wrap: ClassVar[Wrap]

    @pytest.fixture(params=[WrapperDriver, Checked, Verified, each])
    def driver(self, request: pytest.FixtureRequest) -> StorageDriver:
        type(self).wrap = request.param
        return self.reopen()

    def reopen(self, _driver: StorageDriver | None = None) -> StorageDriver:
        return type(self).wrap(MemoryDriver(self.store))
