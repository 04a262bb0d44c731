"""Every test here runs from plain code and in an event loop."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from regstore import Repository
from tests import places
from tests.ocilayout.layouts import Layout
from tests.places import Place


@pytest.fixture(scope="session")
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture(params=["plain", "async"])
def place(request: pytest.FixtureRequest, portal: BlockingPortal) -> Place:
    place = places.memory()
    place.portal = portal if request.param == "async" else None
    return place


@pytest.fixture
def repo(place: Place) -> Repository:
    return place.repository()


@pytest.fixture
def layout() -> Layout:
    return Layout()
