from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parent.parent


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("capabilities", ROOT / "docs/capabilities.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_tells_what_the_drivers_promise() -> None:
    page = (ROOT / "docs/backends.md").read_text("utf-8")
    assert page == script().written(page), "run: python docs/capabilities.py"


def test_the_table_would_change_with_a_promise() -> None:
    module = script()
    del module.STORES["s3"]
    page = (ROOT / "docs/backends.md").read_text("utf-8")
    assert module.written(page) != page
