"""What needs no pytest is there without it."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCKED = "import sys; sys.modules['pytest'] = sys.modules['hypothesis'] = None\n"


def without_pytest(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BLOCKED + code], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "code",
    [
        "import regstore.testing.faults",
        "from regstore.testing import faults",
        "import regstore.testing.simulation.exploring.__main__",
        "from regstore.testing.simulation.running import draw, simulate",
        "from regstore.testing import PrefixDriver",
    ],
)
def test_what_needs_no_pytest_is_there_without_it(code: str) -> None:
    done = without_pytest(code)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["StorageDriverTests", "BackDoor", "run_conformance", "clauses()"])
def test_what_needs_pytest_says_so(name: str) -> None:
    done = without_pytest(f"import regstore.testing; regstore.testing.{name}")
    assert "No module named 'pytest'" in done.stderr or "import of pytest" in done.stderr
    assert done.returncode == 1


def test_the_conformance_command_names_its_extra_without_pytest() -> None:
    code = "import sys; from regstore.cli import main\nsys.argv[1:] = ['conformance', 'memory://x']"
    done = without_pytest(f"{code}\nmain()")
    assert "pip install 'regstore[testing]'" in done.stderr
    assert done.returncode == 2


def test_the_extra_has_what_is_imported() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        testing = tomllib.load(file)["project"]["optional-dependencies"]["testing"]
    extras = {re.split(r"\W", each)[0] for each in testing}
    source = "".join(
        each.read_text("utf-8") for each in (ROOT / "src/regstore/testing").rglob("*.py")
    )
    imported = set(
        re.findall(r"^\s*(?:from|import) (hypothesis|pytest|rich|typer)\b", source, re.MULTILINE)
    )
    assert imported == extras


def test_every_public_name_is_there() -> None:
    code = "import regstore.testing as t; print([n for n in t.__all__ if not hasattr(t, n)])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
