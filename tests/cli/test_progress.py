from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

from regstore import Repository
from tests.images import make_image


def test_a_terminal_gets_a_bar_and_stdout_stays_clean(
    root: Path, repo: Repository, tmp_path: Path
) -> None:
    make_image("one", layers=2).push(repo, "1")
    master, slave = pty.openpty()
    command = Path(sys.executable).with_name("regstore")
    done = subprocess.run(
        [command, "export", root, "library/app", tmp_path / "x.tar"],
        env=os.environ | {"TERM": "xterm", "COLUMNS": "120"},
        stdout=subprocess.PIPE,
        stderr=slave,
        check=True,
    )
    os.close(slave)
    shown = os.read(master, 1 << 20).decode()
    os.close(master)
    assert "exporting sha256:" in shown
    assert re.search(r"(\d+\.\d) ?/\1 kB", shown)  # all that was announced is done
    assert b"\x1b" not in done.stdout
