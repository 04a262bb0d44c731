"""Tables of inputs and expected results that lie beside the repository, where they do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "cases"


def load(name: str) -> Any:  # noqa: ANN401 - what JSON holds
    """Return the table ``name``; the test is skipped where there is none."""
    path = FOLDER / f"{name}.json"
    if not path.exists():
        pytest.skip(f"no table {name}.json in ../shared/cases")
    return json.loads(path.read_text(encoding="utf-8"))
