from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.azure_server import azurite
from tests.budgets.stores import (
    Place,
    Store,
    azurite_store,
    fake_gcs_store,
    moto_store,
    seaweedfs_store,
)
from tests.gcs_server import fake_gcs

__all__ = ["azurite", "fake_gcs"]

STORES = ("seaweedfs", "moto", "fake-gcs", "azurite")


@pytest.fixture(scope="session", params=STORES)
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    match request.param:
        case "moto":
            with moto_store() as store:
                yield store
        case "seaweedfs":
            yield seaweedfs_store(request.getfixturevalue("seaweedfs"))
        case "fake-gcs":
            yield fake_gcs_store(request.getfixturevalue("fake_gcs"))
        case _:
            yield azurite_store(request.getfixturevalue("azurite"))


@pytest.fixture
def place(store: Store) -> Place:
    return store.place()
