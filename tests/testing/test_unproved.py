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


class Suite(StorageDriverTests):
    @pytest.fixture
    def driver(self):
        return MemoryDriver()


class TestEmulator(Suite):
    unproved = {
        "M4": "emu ignores conditions",
        "test_r4_missing_raises_when_opened": "emu knows no 404",
        "W3": "of another clause",
    }


class TestTypingErrors(Suite):
    unproved = {"M99": "no clause", "m4": "no clause", "test_m4_no_such": "no test"}
"""


def test_an_emulators_faults_are_skipped_with_the_reason_and_nothing_else_is(
    tmp_path: Path,
) -> None:
    module = tmp_path / "test_emulated.py"
    module.write_text(MODULE)
    options = [
        "-v",
        "-rs",
        "-k",
        "test_m4_ or test_r4_missing or test_r2_",
        f"--rootdir={tmp_path}",
    ]
    argv = [sys.executable, "-m", "pytest", *options, str(module)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    outcomes: dict[str, set[str]] = {}
    for case, test, outcome in re.findall(r"::(\w+)::(test_..)\S* (\w+)", done.stdout):
        outcomes.setdefault(f"{case} {test[5:]}", set()).add(outcome)
    assert outcomes == {
        "TestEmulator m4": {"SKIPPED"},
        "TestEmulator r4": {"SKIPPED"},
        "TestEmulator r2": {"PASSED"},
        "TestTypingErrors m4": {"ERROR"},
        "TestTypingErrors r4": {"ERROR"},
        "TestTypingErrors r2": {"ERROR"},
    }, done.stdout
    assert "unproved here: emu ignores conditions" in done.stdout
    assert "unproved here: emu knows no 404" in done.stdout
    assert "unproved names neither a clause nor a test: M99, m4, test_m4_no_such" in done.stdout
