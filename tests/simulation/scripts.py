"""Scripts that are run as processes of their own, with the tests at hand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def ran(script: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """Run *script* in *directory* to its end, or for five minutes."""
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
