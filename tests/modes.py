"""Programs that file modes hold for, also where the tests run as root."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = """
import ctypes, os, sys
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2
if os.geteuid() == 0:
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        if ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0):
            sys.exit(77)
os.execv(sys.argv[1], sys.argv[1:])
"""


def regstore_bound_by_modes(*args: str | Path) -> subprocess.CompletedProcess[str]:
    """Run ``regstore``; root runs it without the capability to read what modes forbid."""
    if os.geteuid() == 0 and sys.platform != "linux":
        pytest.skip("root may read everything, and only Linux lets it waive that")
    command = Path(sys.executable).with_name("regstore")
    argv = [sys.executable, "-c", _PROGRAM, command, *args]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode == 77:
        pytest.skip("root may read everything, and may not waive that here")
    return done
