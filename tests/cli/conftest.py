from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

import regstore
from regstore import Repository
from regstore.cli.app import app

Document = dict[str, object]


@dataclass(frozen=True)
class Run:
    code: int
    out: str
    err: str

    @property
    def document(self) -> Document:
        """Stdout, which must be one JSON document and nothing else."""
        parsed: Document = json.loads(self.out)
        return parsed


Regstore = Callable[..., Run]


@pytest.fixture
def run() -> Regstore:
    """Run the command line in this process; errors that it does not tell of are raised."""

    def invoke(*args: str | Path) -> Run:
        result = CliRunner().invoke(app, [str(arg) for arg in args], catch_exceptions=False)
        return Run(result.exit_code, result.stdout, result.stderr)

    return invoke


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "registry"


@pytest.fixture
def repo(root: Path) -> Repository:
    return regstore.open(str(root)).repository("library/app")
