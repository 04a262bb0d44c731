from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.simulation.protections import PLANTED, PROTECTIONS

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
DRAWN = "pictures/"
"""Made while the site is built, which checks that they are all there."""
PYTHON_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def examples() -> Iterator[tuple[Path, int, str]]:
    """Yield page, line and source of every Python block in the documentation."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for block in PYTHON_BLOCK.finditer(text):
            yield page, text.count("\n", 0, block.start(1)), block[1]


@pytest.mark.parametrize(
    ("page", "line", "source"),
    [
        pytest.param(page, line, source, id=f"{page.relative_to(ROOT)}:{line + 1}")
        for page, line, source in examples()
    ],
)
def test_example_runs(
    page: Path, line: int, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code = compile("\n" * line + source, str(page), "exec")
    exec(code, {"__name__": "example"})  # noqa: S102 - the examples are ours


def test_the_readme_has_examples() -> None:
    assert any(page.name == "README.md" for page, _, _ in examples())


def test_relative_links_lead_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in [*PAGES, *ROOT.glob("*.md")]
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text("utf-8"))
        if not target.startswith(DRAWN) and not (page.parent / target).exists()
    ]
    assert broken == []


def table(page: str, header: str) -> dict[str, list[str]]:
    """Return the rows of the first table of *page* below *header*, by their first cells."""
    rows = (ROOT / "docs" / page).read_text("utf-8").split(f"{header}\n", 1)[1].split("\n\n")[0]
    cells = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows.splitlines()]
    return {first: rest for first, *rest in cells[1:]}


def test_the_tests_that_the_pages_name_exist() -> None:
    named = {
        each
        for page in PAGES
        for each in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page.read_text("utf-8"))
    }
    missing = [
        f"{path}::{name}"
        for path, name in sorted(named)
        if f"def {name}(" not in (ROOT / path).read_text("utf-8")
    ]
    assert named
    assert missing == []


def test_each_promise_of_a_class_is_proved() -> None:
    header = '| | `"strong"` | `"read-after-write"` | `"eventual(seconds)"` |'
    promises = table("consistency.md", header)
    proofs = table("consistency.md", "| of these | proved by |")
    assert list(proofs) == list(promises)
    assert all("::test_" in proof or proof == "the same" for [proof] in proofs.values())


def test_each_damage_that_the_simulator_is_seen_to_see_is_done() -> None:
    done = {
        *(each for protection in PROTECTIONS.values() for each in protection.breaks),
        *(bug.breaks for bug in PLANTED.values()),
    }
    rows = table("simulator.md", "| | | seen to be missed |")
    assert len(rows) > 10
    seen = [name for name, [_, proof] in rows.items() if "test_a_missing_protection" in proof]
    assert seen
    assert all(done & numbered(name) for name in seen)


def numbered(name: str) -> set[str]:
    """Return the invariants that a row such as ``I17 to I20`` is about."""
    if match := re.fullmatch(r"I(\d+) to I(\d+)", name):
        return {f"I{number}" for number in range(int(match[1]), int(match[2]) + 1)}
    return set(name.split(", "))


@pytest.mark.parametrize("package", ["", "consistency", "drivers"])
def test_each_module_is_named_in_the_architecture(package: str) -> None:
    named = re.findall(r"`([\w*]+)`", (ROOT / "ARCHITECTURE.md").read_text("utf-8"))
    modules = {
        path.stem
        for path in (ROOT / "src/regstore" / package).iterdir()
        if (path.suffix == ".py" or path.is_dir()) and not path.name.startswith("__")
    }
    assert modules
    assert [each for each in modules if not any(fnmatchcase(each, name) for name in named)] == []
