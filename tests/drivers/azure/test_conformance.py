"""The driver over Azure keeps the contract, on Azurite."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import ContainerClient
from hypothesis import settings

from regstore._loop import OwnLoopRuntime
from regstore.driver import StorageDriver
from regstore.drivers.azure import azure_store
from regstore.drivers.objects.driver import ObjectDriver
from regstore.testing import BackDoor, StorageDriverTests
from tests.azure_server import Azurite

PREFIX = "some/prefix"


class ContainerDoor:
    """The container, through the SDK's own client."""

    def __init__(self, client: ContainerClient) -> None:
        self._client = client

    def read(self, path: str) -> bytes:
        try:
            return self._client.download_blob(f"{PREFIX}/{path}").readall()
        except ResourceNotFoundError as error:
            raise FileNotFoundError(path) from error

    def write(self, path: str, data: bytes) -> None:
        self._client.upload_blob(f"{PREFIX}/{path}", data, overwrite=True)

    def paths(self) -> set[str]:
        names = self._client.list_blob_names(name_starts_with=f"{PREFIX}/")
        return {name.removeprefix(f"{PREFIX}/") for name in names}


@pytest.fixture(scope="module")
def container(azurite: Azurite) -> str:
    """Make one container for all tests of the suite, and return its URL."""
    return azurite.container()


class TestAzureDriver(StorageDriverTests):
    _where: str
    _options: dict[str, object]

    @pytest.fixture
    def driver(self, azurite: Azurite, container: str) -> Iterator[StorageDriver]:
        self._where = f"{container}/{PREFIX}"
        self._options = azurite.options
        driver = self._open()
        yield driver
        self.run(driver.aclose())

    def reopen(self, _driver: StorageDriver) -> StorageDriver:
        return self._open()

    def histories(self) -> settings:
        """Fewer than elsewhere: each step is a request and more."""
        return settings(super().histories(), max_examples=6)

    def _open(self) -> StorageDriver:
        return ObjectDriver(azure_store(self._where, self._options, OwnLoopRuntime()))

    @pytest.fixture
    def back_door(self, azurite: Azurite, container: str) -> Iterator[BackDoor]:
        with azurite.client() as client:
            yield ContainerDoor(client.get_container_client(container.removeprefix("abfs://")))
