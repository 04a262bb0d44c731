"""The driver over objects keeps the contract over a store in memory, whatever its limits are."""

from __future__ import annotations

import os
import threading

import pytest

from regstore.driver import Content, StorageDriver
from regstore.drivers.objects.driver import ObjectDriver
from regstore.drivers.objects.port import Limits, Session
from regstore.testing import BackDoor, StorageDriverTests
from regstore.testing.objects import MemoryObjects

GUARD = threading.Lock()
os.register_at_fork(
    before=GUARD.acquire, after_in_parent=GUARD.release, after_in_child=GUARD.release
)


class ObjectsDoor(BackDoor):
    """Looks into the dictionary itself."""

    def __init__(self, contents: dict[str, Content], store: MemoryObjects) -> None:
        self._contents = contents
        self._store = store

    def read(self, path: str) -> bytes:
        return self._contents[path].data

    def write(self, path: str, data: bytes) -> None:
        self._store.runtime.run(self._store.put(path, data))

    def paths(self) -> set[str]:
        sessions = (session for session, _ in self._store.open_sessions.values())
        return {*self._contents, *(f"{each.scratch}/{each.token}" for each in sessions)}


class TestObjects(StorageDriverTests):
    """With the limits of S3."""

    limits = Limits(min_part=5 << 20, keeps_sessions=True)
    prefetch = 0

    @pytest.fixture
    def driver(self) -> StorageDriver:
        self.contents: dict[str, Content] = {}
        self.sessions: dict[str, tuple[Session, dict[int, bytes]]] = {}
        return self.reopen()

    @pytest.fixture
    def back_door(self, driver: StorageDriver) -> BackDoor:
        assert isinstance(driver, ObjectDriver)
        return ObjectsDoor(self.contents, self._open())

    def reopen(self, _: StorageDriver | None = None) -> StorageDriver:
        return ObjectDriver(self._open(), prefetch=self.prefetch)

    def _open(self) -> MemoryObjects:
        return MemoryObjects(self.contents, self.sessions, self.limits, guard=GUARD)


class TestObjectsInSmallParts(TestObjects):
    """With so small limits that everything goes in parts, pages and batches."""

    limits = Limits(
        part_size=20_000,
        min_part=5_000,
        delete_batch=7,
        list_page=10,
        copy_size=50_000,
        tells_missing=True,
    )
    prefetch = 3
