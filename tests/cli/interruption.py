"""Ctrl-C, in the middle of a command that works on a directory."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

PATIENCE = 60.0


def files(root: Path) -> list[str]:
    """Return every file below *root*, the hidden ones too."""
    return [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]


def interrupted(root: Path, *args: str | Path) -> subprocess.CompletedProcess[str]:
    """Run ``regstore``, and interrupt it as soon as it has written below *root*."""
    command = Path(sys.executable).with_name("regstore")
    running = subprocess.Popen(
        [command, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + PATIENCE
    while running.poll() is None and not files(root) and time.monotonic() < deadline:
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate()
    return subprocess.CompletedProcess(running.args, running.returncode, out, err)
