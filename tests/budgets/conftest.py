"""One store of each kind, filled once for all tests that only look."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.azure_server import azurite
from tests.budgets.operations import Stage
from tests.budgets.stores import (
    Store,
    azurite_store,
    fake_gcs_store,
    moto_store,
    seaweedfs_store,
)
from tests.gcs_server import fake_gcs

__all__ = ["azurite", "fake_gcs"]


@pytest.fixture(scope="session", params=("seaweedfs", "moto", "fake-gcs", "azurite"))
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    match request.param:
        case "seaweedfs":
            yield seaweedfs_store(request.getfixturevalue("seaweedfs"))
        case "moto":
            with moto_store() as store:
                yield store
        case "fake-gcs":
            yield fake_gcs_store(request.getfixturevalue("fake_gcs"))
        case _:
            yield azurite_store(request.getfixturevalue("azurite"))


@pytest.fixture(scope="session")
def stage(store: Store) -> Stage:
    return Stage(store)
