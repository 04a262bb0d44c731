"""The suite over whatever :func:`regstore.testing.run_conformance` was asked to prove."""

from __future__ import annotations

import pytest
from hypothesis import Phase, settings
from typing_extensions import override

from regstore.driver import StorageDriver
from regstore.testing import StorageDriverTests
from regstore.testing.conformance import Target

EXAMPLES = 10


class TestLive(StorageDriverTests):
    """Collected by pytest, with the fixture ``conformance_target`` of the running plugin."""

    target: Target

    @pytest.fixture
    @override
    def driver(self, conformance_target: Target) -> StorageDriver:
        self.target = conformance_target
        return conformance_target.driver

    @override
    def reopen(self, driver: StorageDriver) -> StorageDriver:
        return self.target.open()

    @override
    def histories(self) -> settings:
        # A failure is told as it was found: to shrink it takes hundreds of histories.
        phases = [Phase.generate]
        return settings(super().histories(), max_examples=EXAMPLES, phases=phases, database=None)
