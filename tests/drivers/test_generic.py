"""The generic driver keeps the contract over three filesystems of fsspec."""

from __future__ import annotations

from pathlib import Path

import pytest
from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from regstore.driver import StorageDriver
from regstore.drivers.generic import GenericDriver
from regstore.testing import BackDoor, StorageDriverTests
from tests.drivers.back_doors import FilesystemBackDoor
from tests.drivers.disk import DirectoryDoor


class TestGenericOverLocal(StorageDriverTests):
    @pytest.fixture
    def driver(self, tmp_path: Path) -> StorageDriver:
        self.root = tmp_path
        return self.reopen()

    @pytest.fixture
    def back_door(self, tmp_path: Path) -> BackDoor:
        return DirectoryDoor(tmp_path)

    @pytest.fixture
    def full_driver(self, small_disk: Path | None) -> StorageDriver | None:
        return GenericDriver(LocalFileSystem(), str(small_disk)) if small_disk else None

    def reopen(self, _: StorageDriver | None = None) -> StorageDriver:
        return GenericDriver(LocalFileSystem(), str(self.root))


class TestGenericOverDirectoryChain(TestGenericOverLocal):
    def reopen(self, _: StorageDriver | None = None) -> StorageDriver:
        return GenericDriver(DirFileSystem(path=str(self.root), fs=LocalFileSystem()), "")


class TestGenericOverMemory(StorageDriverTests):
    fs = MemoryFileSystem(global_store=False, skip_instance_cache=True)

    @pytest.fixture
    def driver(self) -> StorageDriver:
        return self.reopen()

    @pytest.fixture
    def back_door(self) -> BackDoor:
        return FilesystemBackDoor(self.fs, "/registry")

    def reopen(self, _: StorageDriver | None = None) -> StorageDriver:
        return GenericDriver(self.fs, "/registry")
