"""A wrapped driver keeps the contract as the bare one does."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import ClassVar

import pytest
from typing_extensions import override

from regstore._run import BlockingRuntime
from regstore.consistency import (
    Checked,
    Measured,
    Observed,
    Retrying,
    Throttled,
    Verified,
    WrapperDriver,
)
from regstore.driver import StorageDriver
from regstore.drivers.memory import MemoryDriver, MemoryStore
from regstore.testing import StorageDriverTests
from tests.consistency.faulty import Faulty

Wrap = Callable[[StorageDriver], StorageDriver]


def each(driver: StorageDriver) -> StorageDriver:
    return Checked(Measured(Verified(WrapperDriver(driver))))


def observed(driver: StorageDriver) -> StorageDriver:
    return Observed(Throttled(driver), lambda _: None)


class TestWrapped(StorageDriverTests):
    store = MemoryStore()
    wrap: ClassVar[Wrap]

    @pytest.fixture(params=[WrapperDriver, Checked, Verified, Retrying, observed, each])
    def driver(self, request: pytest.FixtureRequest) -> StorageDriver:
        type(self).wrap = request.param
        return self.reopen()

    def reopen(self, _driver: StorageDriver | None = None) -> StorageDriver:
        return type(self).wrap(MemoryDriver(self.store))


class Hurried(BlockingRuntime):
    """Waits for nothing: who may ask again does so at once."""

    @override
    async def sleep(self, seconds: float) -> None:
        pass


class TestRetriedOverAFaultyStore(StorageDriverTests):
    """One request in twenty fails, and nobody notices."""

    unproved: ClassVar[Mapping[str, str]] = {
        "test_r3_content_and_version_belong_together": "what is written again is another version"
    }

    store = MemoryStore()
    runtime = Hurried()
    seeds = itertools.count()

    @pytest.fixture
    def driver(self) -> StorageDriver:
        return self.reopen()

    def reopen(self, _driver: StorageDriver | None = None) -> StorageDriver:
        faulty = Faulty(MemoryDriver(self.store, self.runtime), rate=0.05, seed=next(self.seeds))
        return Checked(Retrying(faulty, limit=8, lasting=lambda _: True))
