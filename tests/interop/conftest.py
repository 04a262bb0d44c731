"""A stock registry and regstore over one directory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import regstore
from regstore import Registry, Repository
from tests.servers import StockRegistry, docker_registry

NAME = "library/app"


@pytest.fixture
def stock(tmp_path: Path) -> Iterator[StockRegistry]:
    with docker_registry(tmp_path / "registry") as registry:
        yield registry


@pytest.fixture
def registry(stock: StockRegistry) -> Iterator[Registry]:
    with regstore.open(str(stock.root)) as registry:
        yield registry


@pytest.fixture
def repo(registry: Registry) -> Repository:
    return registry.repository(NAME)
