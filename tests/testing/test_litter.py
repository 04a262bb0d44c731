"""What a driver hides from its own listings is found through the back door."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

MODULE = """
import pytest

from regstore.drivers.local import LocalDriver
from regstore.testing import StorageDriverTests
from tests.drivers.disk import DirectoryDoor


class Careless(LocalDriver):
    async def put_content(self, path, data, condition=None):
        version = await super().put_content(path, data)
        directory = self.root / path.rpartition("/")[0]
        (directory / ".regstore-forgotten").write_bytes(data)
        return version


class Test(StorageDriverTests):
    @pytest.fixture
    def driver(self, tmp_path):
        driver = Careless(tmp_path)
        driver.root = tmp_path
        return driver

    @pytest.fixture
    def back_door(self, tmp_path):
        return DirectoryDoor(tmp_path)
"""


def test_hidden_litter_fails_a_test_that_passed(tmp_path: Path) -> None:
    module = tmp_path / "test_careless.py"
    module.write_text(MODULE)
    options = ["-q", "-k", "test_w1_put_replaces_whole", "--rootdir", str(tmp_path)]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(module)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert "1 passed, " in run.stdout
    assert "1 error in" in run.stdout
    assert "litter after every file was deleted" in run.stdout
    assert ".regstore-forgotten" in run.stdout
