"""Every test here runs over memory and a local directory, from plain code and in an event loop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from regstore import Registry, Repository
from tests import places
from tests.places import Place, VirtualRuntime


@pytest.fixture(scope="session")
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture(params=["memory", "local", "async-memory", "async-local"])
def place(request: pytest.FixtureRequest, tmp_path: Path, portal: BlockingPortal) -> Place:
    kind: str = request.param
    place = places.local(tmp_path / "store") if kind.endswith("local") else places.memory()
    place.portal = portal if kind.startswith("async") else None
    return place


@pytest.fixture
def registry(place: Place) -> Registry:
    return place.open()


@pytest.fixture
def repo(registry: Registry) -> Repository:
    return registry.repository("library/app")


@pytest.fixture
def runtime() -> VirtualRuntime:
    return VirtualRuntime()


@pytest.fixture(params=["memory", "local"])
def virtual(request: pytest.FixtureRequest, tmp_path: Path, runtime: VirtualRuntime) -> Place:
    """A place where time passes only in sleep."""
    if request.param == "local":
        return places.local(tmp_path / "store", runtime)
    return places.memory(runtime)
