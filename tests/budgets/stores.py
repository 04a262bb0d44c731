"""The stores whose requests are counted, each with a quick way in for trees of many keys."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from moto.server import ThreadedMotoServer

import regstore
from regstore import Registry
from regstore.driver import StorageDriver
from regstore.drivers import open_driver
from regstore.policy import Policy
from tests.azure_server import Azurite
from tests.gcs_server import FakeGcs
from tests.object_servers import KEY, SECRET, S3Server

Plant = Callable[["Place", Mapping[str, bytes]], None]

_AT_A_TIME = 24


@dataclass(frozen=True)
class Place:
    """A root that nobody has used.

    :ivar plant: puts content there that nobody has pushed.
    """

    url: str
    options: Mapping[str, object] = field(repr=False)
    _plant: Plant = field(repr=False)

    def open(self, policy: Policy | None = None) -> Registry:
        """Open a registry there that shares nothing with any other: as another process would."""
        return regstore.open(self.url, storage_options=self.options, policy=policy)

    def driver(self) -> StorageDriver:
        return open_driver(self.url, storage_options=self.options)

    def plant(self, contents: Mapping[str, bytes]) -> None:
        self._plant(self, contents)


@dataclass(frozen=True)
class Store:
    """A running server of one kind.

    :ivar kind: the store that it stands for: ``s3``, ``gcs`` or ``azure``.
    :ivar is_quick: whether tens of thousands of keys can be planted in a moment.
    """

    name: str
    kind: str
    is_quick: bool
    fresh_url: Callable[[], str]
    options: Mapping[str, object] = field(repr=False)
    plant: Plant = field(repr=False)

    def place(self) -> Place:
        return Place(self.fresh_url(), self.options, self.plant)


def push_all(place: Place, contents: Mapping[str, bytes]) -> None:
    """Put everything there one by one, with many requests under way."""
    driver = place.driver()

    async def put(item: tuple[str, bytes]) -> None:
        await driver.put_content(*item)

    async def work() -> None:
        await driver.runtime.map(put, contents.items(), limit=_AT_A_TIME)

    driver.runtime.run(work())
    driver.runtime.run(driver.aclose())


def seaweedfs_store(server: S3Server) -> Store:
    return Store("seaweedfs", "s3", False, server.fresh_url, server.storage_options, push_all)


def azurite_store(server: Azurite) -> Store:
    return Store("azurite", "azure", False, server.container, server.options, push_all)


def fake_gcs_store(server: FakeGcs) -> Store:
    return Store("fake-gcs", "gcs", False, server.url, server.storage_options, push_all)


@contextmanager
def moto_store() -> Iterator[Store]:
    """Run moto in this process, where its buckets can be filled without a request."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    numbers = itertools.count()
    options = {
        "key": KEY,
        "secret": SECRET,
        "endpoint_url": f"http://{host}:{port}",
        "client_kwargs": {"region_name": "us-east-1"},
    }

    def fresh_url() -> str:
        bucket = f"bucket-{next(numbers)}"
        _buckets().create_bucket(bucket, "us-east-1")
        return f"s3://{bucket}/root"

    def plant(place: Place, contents: Mapping[str, bytes]) -> None:
        bucket = place.url.split("/")[2]
        for key, content in contents.items():
            _buckets().put_object(bucket, f"root/{key}", content)

    try:
        yield Store("moto", "s3", True, fresh_url, options, plant)
    finally:
        server.stop()


def _buckets():
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.s3.models import s3_backends

    return s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
