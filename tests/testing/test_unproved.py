"""What an emulator is known to get wrong is skipped with its reason, and nothing else is."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

MODULE = """
import pytest

from regstore.drivers.memory import MemoryDriver
from regstore.testing import StorageDriverTests


class Suite:
    @pytest.fixture
    def driver(self):
        return MemoryDriver()


class TestClause(Suite, StorageDriverTests):
    unproved = {"M4": "emu ignores conditions"}


class TestName(Suite, StorageDriverTests):
    unproved = {"test_r4_missing_raises_when_opened": "emu knows no 404"}


class TestOthers(Suite, StorageDriverTests):
    unproved = {"W3": "of another clause"}


class TestTypingErrors(Suite, StorageDriverTests):
    unproved = {"M99": "no clause", "m4": "no clause", "test_m4_no_such": "no test"}
"""


def test_an_emulators_faults_are_skipped_with_the_reason_and_nothing_else_is(
    tmp_path: Path,
) -> None:
    module = tmp_path / "test_emulated.py"
    module.write_text(MODULE)
    options = ["-v", "-rs", "-k", "test_m4_ or test_r4_missing", f"--rootdir={tmp_path}"]
    argv = [sys.executable, "-m", "pytest", *options, str(module)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    outcomes: dict[str, set[str]] = {}
    for case, test, outcome in re.findall(r"::(\w+)::(test_..)\S* (\w+)", done.stdout):
        outcomes.setdefault(f"{case} {test[5:]}", set()).add(outcome)
    assert outcomes == {
        "TestClause m4": {"SKIPPED"},
        "TestClause r4": {"PASSED"},
        "TestName m4": {"PASSED"},
        "TestName r4": {"SKIPPED"},
        "TestOthers m4": {"PASSED"},
        "TestOthers r4": {"PASSED"},
        "TestTypingErrors m4": {"ERROR"},
        "TestTypingErrors r4": {"ERROR"},
    }, done.stdout
    assert "unproved here: emu ignores conditions" in done.stdout
    assert "unproved here: emu knows no 404" in done.stdout
    assert "unproved names neither a clause nor a test: M99, m4, test_m4_no_such" in done.stdout
