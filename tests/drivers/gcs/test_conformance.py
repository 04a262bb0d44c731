"""The driver over Cloud Storage keeps the contract, before a server that keeps conditions."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import ClassVar
from urllib.parse import quote, urlencode

import pytest
from hypothesis import settings
from typing_extensions import override

from regstore._loop import OwnLoopRuntime
from regstore.driver import StorageDriver
from regstore.drivers.gcs import gcs_store
from regstore.drivers.objects.driver import ObjectDriver
from regstore.testing import BackDoor, StorageDriverTests
from tests.gcs_server import BUCKET, FakeGcs, fake_gcs
from tests.strict_gcs import strict_gcs

__all__ = ["fake_gcs"]


class Objects:
    """The bucket below a prefix, by plain HTTP."""

    def __init__(self, server: FakeGcs, url: str) -> None:
        self._server = server
        self._prefix = url.removeprefix(f"gs://{BUCKET}/") + "/"

    def read(self, path: str) -> bytes:
        name = quote(self._prefix + path, safe="")
        return self._get(f"storage/v1/b/{BUCKET}/o/{name}?alt=media")

    def write(self, path: str, data: bytes) -> None:
        query = urlencode({"uploadType": "media", "name": self._prefix + path})
        self._get(f"upload/storage/v1/b/{BUCKET}/o?{query}", data)

    def paths(self) -> set[str]:
        found: set[str] = set()
        token = ""
        while True:
            query = urlencode({"prefix": self._prefix, "pageToken": token})
            page = json.loads(self._get(f"storage/v1/b/{BUCKET}/o?{query}"))
            found |= {each["name"].removeprefix(self._prefix) for each in page.get("items", ())}
            token = page.get("nextPageToken", "")
            if not token:
                return found

    def _get(self, path: str, data: bytes | None = None) -> bytes:
        with urllib.request.urlopen(f"{self._server.endpoint}/{path}", data, timeout=30) as answer:
            body: bytes = answer.read()
            return body


@pytest.fixture(scope="module")
def strict(fake_gcs: FakeGcs) -> Iterator[FakeGcs]:
    with strict_gcs(fake_gcs.endpoint) as endpoint:
        yield FakeGcs(endpoint)


class TestGcsDriver(StorageDriverTests):
    runtime: ClassVar = OwnLoopRuntime()
    server: FakeGcs
    url: str

    @pytest.fixture
    def place(self, strict: FakeGcs) -> str:
        self.server, self.url = strict, strict.url()
        return self.url

    @pytest.fixture
    def driver(self, place: str) -> Iterator[StorageDriver]:  # noqa: ARG002 - sets what reopen needs
        driver = self.reopen()
        yield driver
        self.runtime.run(driver.aclose())

    @pytest.fixture
    def back_door(self, place: str) -> BackDoor:
        return Objects(self.server, place)

    @override
    def histories(self) -> settings:
        """Fewer than elsewhere: a step is a request and more, in two servers."""
        return settings(super().histories(), max_examples=6)

    def reopen(self, _driver: StorageDriver | None = None) -> StorageDriver:
        store = gcs_store(self.url, self.server.storage_options, self.runtime)
        return ObjectDriver(store)
