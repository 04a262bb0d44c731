"""The stores whose requests are counted, each with a quick way to fill it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import S3Backend, s3_backends
from moto.server import ThreadedMotoServer

import regstore
from regstore import Registry
from regstore.driver import StorageDriver
from regstore.drivers import open_driver
from regstore.policy import Policy
from tests.azure_server import Azurite
from tests.gcs_server import FakeGcs
from tests.object_servers import KEY, REGION, SECRET, S3Server

Kind = Literal["s3", "gcs", "azure"]
Contents = Mapping[str, bytes]

_AT_A_TIME = 24


@dataclass(frozen=True)
class Place:
    """A root that nobody else uses."""

    url: str
    options: Mapping[str, object] = field(repr=False)

    def open(self, policy: Policy | None = None) -> Registry:
        """Open a registry that shares nothing with any other, as in another process."""
        return regstore.open(self.url, storage_options=self.options, policy=policy)

    @contextmanager
    def driver(self) -> Iterator[StorageDriver]:
        driver = open_driver(self.url, storage_options=self.options)
        try:
            yield driver
        finally:
            driver.runtime.run(driver.aclose())


@dataclass(frozen=True)
class Store:
    """A running server.

    :ivar kind: what it stands for.
    :ivar is_quick: whether :attr:`planted` takes tens of thousands of keys in a moment.
    :ivar place: returns an empty place.
    :ivar planted: returns a place that holds some content, put there by no registry.
    """

    name: str
    kind: Kind
    place: Callable[[], Place]
    planted: Callable[[Contents], Place]
    is_quick: bool = True


def slow_store(name: str, kind: Kind, place: Callable[[], Place]) -> Store:
    """Return one that is filled request by request."""

    def planted(contents: Contents) -> Place:
        there = place()
        fill(there, contents)
        return there

    return Store(name, kind, place, planted, is_quick=False)


def fill(place: Place, contents: Contents) -> None:
    """Put *contents* there, with many requests under way."""
    with place.driver() as driver:

        async def put(item: tuple[str, bytes]) -> None:
            await driver.put_content(*item)

        async def put_all() -> None:
            await driver.runtime.map(put, contents.items(), limit=_AT_A_TIME)

        driver.runtime.run(put_all())


def seaweedfs_store(server: S3Server) -> Store:
    return slow_store("seaweedfs", "s3", lambda: Place(server.fresh_url(), server.storage_options))


def azurite_store(server: Azurite) -> Store:
    return slow_store("azurite", "azure", lambda: Place(server.container(), server.options))


def fake_gcs_store(server: FakeGcs) -> Store:
    return slow_store("fake-gcs", "gcs", lambda: Place(server.url(), server.storage_options))


@contextmanager
def moto_store() -> Iterator[Store]:
    """Run moto in this process, where its buckets can be filled without requests."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    numbers = itertools.count()
    options = {
        "key": KEY,
        "secret": SECRET,
        "endpoint_url": f"http://{host}:{port}",
        "client_kwargs": {"region_name": REGION},
    }

    def planted(contents: Contents) -> Place:
        backend: S3Backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
        bucket = f"bucket-{next(numbers)}"
        backend.create_bucket(bucket, REGION)
        for path, content in contents.items():
            backend.put_object(bucket, path, content)
        return Place(f"s3://{bucket}", options)

    try:
        yield Store("moto", "s3", lambda: planted({}), planted)
    finally:
        server.stop()
