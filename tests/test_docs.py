from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

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
