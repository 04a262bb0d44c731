from __future__ import annotations

import doctest
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
EXAMPLE = re.compile(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)


def examples() -> Iterator[tuple[str, str]]:
    """Yield each command of the page and what it prints, in order."""
    for block in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        yield from EXAMPLE.findall(block)


def test_every_example_prints_what_the_page_says(tmp_path: Path) -> None:
    checker, commands = doctest.OutputChecker(), []
    for command, expected in examples():
        program, *args = shlex.split(command)
        commands.append(args[0])
        done = subprocess.run(
            [Path(sys.executable).with_name(program), *args],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        matches = checker.check_output(expected, done.stdout, doctest.ELLIPSIS)
        assert matches, f"{command}\nprints\n{done.stdout}\nand not\n{expected}"
    assert set(commands) == {"demo", "ls", "export", "import", "probe", "conformance"}
