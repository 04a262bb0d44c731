"""The generic driver keeps the contract over a real OpenSSH server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from regstore.driver import StorageDriver
from regstore.drivers import open_driver
from regstore.testing import BackDoor, StorageDriverTests
from tests.drivers.disk import DirectoryDoor
from tests.sftp_server import SftpServer, sftp_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    with sftp_server(tmp_path_factory.mktemp("sshd")) as running:
        yield running


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="module")
def connected(server: SftpServer, root: Path) -> Iterator[StorageDriver]:
    """Yield one driver for all tests: to connect takes longer than most of them."""
    driver = open_driver(server.url(root), storage_options=server.options)
    yield driver
    driver.runtime.run(driver.aclose())


class TestGenericOverSftp(StorageDriverTests):
    @pytest.fixture
    def driver(self, connected: StorageDriver, server: SftpServer, root: Path) -> StorageDriver:
        self.url, self.options = server.url(root), server.options
        return connected

    @pytest.fixture
    def back_door(self, root: Path) -> BackDoor:
        return DirectoryDoor(root)

    def reopen(self, _: StorageDriver | None = None) -> StorageDriver:
        return open_driver(self.url, storage_options=self.options)

    def histories(self) -> settings:
        return settings(super().histories(), max_examples=4)
