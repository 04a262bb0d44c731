"""Azurite, Microsoft's emulator of Azure Storage, for tests."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from tests.servers import free_port, require, running

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Azurite's account and its key, which everyone knows."""
SAS = "sv=2024-01-01&ss=b&sp=rwdl&sig=c2VjcmV0LXNpZ25hdHVyZQ%3D%3D"
"""What looks like a shared access signature."""
_MAIN = Path(__file__).parents[1] / ".venv/azurite/node_modules/azurite/dist/src/blob/main.js"


@dataclass(frozen=True)
class Azurite:
    """A running Azurite.

    :ivar options: what adlfs is told; the credentials stand in the connection string.
    """

    endpoint: str
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def options(self) -> dict[str, object]:
        return {"connection_string": connection_string(self.endpoint)}

    def container(self) -> str:
        """Make an empty container and return its URL."""
        name = f"container-{next(self._numbers)}"
        with self.client() as client:
            client.create_container(name)
        return f"abfs://{name}"

    def client(self) -> BlobServiceClient:
        """Return the SDK's own client, which blocks."""
        return BlobServiceClient.from_connection_string(connection_string(self.endpoint))


def connection_string(endpoint: str) -> str:
    """Return what names the account at *endpoint* and holds its key."""
    return (
        f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
        f"BlobEndpoint={endpoint};"
    )


@contextlib.contextmanager
def running_azurite(log: Path) -> Iterator[Azurite]:
    """Run Azurite in memory until the block ends.

    ``--skipApiVersionCheck``, because the SDK speaks a newer version of the service than it knows.
    """
    node = require("node")
    if not _MAIN.exists():
        reason = "Azurite is not installed: make .venv"
        if os.environ.get("REGSTORE_REQUIRE_SERVERS") == "1":
            pytest.fail(f"{reason}, and REGSTORE_REQUIRE_SERVERS=1 asks for it", pytrace=False)
        pytest.skip(reason)
    port = free_port()
    argv = [node, str(_MAIN), "--blobHost", "127.0.0.1", "--blobPort", str(port)]
    flags = ["--inMemoryPersistence", "--silent", "--disableTelemetry", "--skipApiVersionCheck"]
    url = f"http://127.0.0.1:{port}"
    with running([*argv, *flags], dict(os.environ), url, log):
        yield Azurite(f"{url}/{ACCOUNT}")


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """Run one Azurite for all tests; each takes a container of its own."""
    with running_azurite(tmp_path_factory.mktemp("azurite") / "azurite.log") as server:
        yield server
