"""The local driver keeps the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from regstore.driver import StorageDriver
from regstore.drivers.local import LocalDriver
from regstore.testing import BackDoor, StorageDriverTests
from tests.drivers.disk import DirectoryDoor


class TestLocalDriver(StorageDriverTests):
    @pytest.fixture
    def driver(self, tmp_path: Path) -> StorageDriver:
        return LocalDriver(tmp_path / "root")

    @pytest.fixture
    def back_door(self, tmp_path: Path) -> BackDoor:
        return DirectoryDoor(tmp_path / "root")

    @pytest.fixture
    def full_driver(self, small_disk: Path | None) -> StorageDriver | None:
        return LocalDriver(small_disk / "root") if small_disk else None

    def reopen(self, driver: StorageDriver) -> StorageDriver:
        assert isinstance(driver, LocalDriver)
        return LocalDriver(driver.root)
