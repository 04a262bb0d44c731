"""The test class that the page for driver authors shows is one that runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "writing-a-driver.md"


def test_the_class_on_the_page_proves_what_needs_a_back_door(tmp_path: Path) -> None:
    blocks = re.findall(
        r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    [shown] = [block for block in blocks if "class TestMyDriver" in block]
    module = tmp_path / "test_shown.py"
    module.write_text(shown)
    tests = "test_p1_reserved or test_r4_shortened or test_w2"
    argv = [sys.executable, "-m", "pytest", "-q", "-k", tests, f"--rootdir={tmp_path}", str(module)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "skipped" not in done.stdout
