"""What is recorded at the seam is what the process really does, as its tracer sees it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import json, sys
from pathlib import Path
from tests.crash.scenarios import SCENARIOS
from tests.crash.session import recorded

for number, scenario in enumerate(SCENARIOS):
    with recorded(Path(sys.argv[1]) / f"root{number}") as session:
        scenario(session)
        calls = session.recorder.calls
    print(json.dumps(calls))
"""
TRACED = {
    "mkdir": "mkdir",
    "mkdirat": "mkdir",
    "unlinkat": "unlink",
    "renameat": "rename",
    "renameat2": "rename",
    "linkat": "link",
    "write": "write",
    "pwrite64": "write",
    "ftruncate": "ftruncate",
    "copy_file_range": "copy_file_range",
    "fsync": "fsync",
    "openat": "create",
}
CALL = re.compile(r"(?P<name>\w+)\((?P<what>.*)\)\s+= (?P<result>\d+)")


def strace(arguments: list[str], report: Path) -> str:
    """Run a program traced; return what it printed."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    options = ["-f", "-y", "-e", f"trace={','.join(TRACED)}", "-o", str(report)]
    done = subprocess.run(
        ["strace", *options, *arguments], capture_output=True, text=True, check=False
    )
    if "ptrace" in done.stderr.lower():
        pytest.skip(f"tracing is not allowed here: {done.stderr.splitlines()[0]}")
    assert done.returncode == 0, done.stderr
    return done.stdout


def normalised(line: str) -> tuple[str, str] | None:
    """Return the call that *line* reports as the recorder would, if it changed the disk."""
    found = CALL.search(line)
    if found is None:
        return None
    call, what = TRACED[found["name"]], found["what"]
    names = re.findall(r'"([^"]*)"', what)
    if call in {"write", "copy_file_range"}:
        return call, found["result"]
    if call == "ftruncate":
        return call, what.rpartition(", ")[2]
    if call == "fsync":
        return call, Path(re.findall("<(.*)>", what)[0]).name
    if call == "create" and "O_CREAT" not in what:
        return None
    if "AT_REMOVEDIR" in what:
        call = "rmdir"
    return call, names[-1].rpartition("/")[2]


def test_the_tracer_sees_what_was_recorded(tmp_path: Path) -> None:
    report, root = tmp_path / "report", tmp_path / "root"
    root.mkdir()
    output = strace([sys.executable, "-c", PROGRAM, str(root)], report)
    recorded = [tuple(call) for line in output.splitlines() for call in json.loads(line)]
    lines = [line for line in report.read_text().splitlines() if f"{root}/" in line]
    traced = [call for call in map(normalised, lines) if call is not None]
    assert [call for call in traced if call[0] != "mkdir" or "root" not in call[1]] == recorded
    assert len(recorded) > 100
