from __future__ import annotations

from collections.abc import Iterator

import pytest

from regstore._loop import OwnLoopRuntime
from regstore.drivers.s3 import S3Store, s3_store
from tests.drivers.s3.canned import CannedServer
from tests.object_servers import S3Server


@pytest.fixture(params=["seaweedfs", "moto"])
def server(request: pytest.FixtureRequest) -> S3Server:
    """Each of two servers, which disagree usefully."""
    found: S3Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def store(server: S3Server) -> Iterator[S3Store]:
    """A prefix of its own."""
    store = s3_store(server.fresh_url(), server.storage_options, OwnLoopRuntime())
    yield store
    store.runtime.run(store.aclose())


@pytest.fixture
def canned() -> Iterator[CannedServer]:
    """A server that answers what the test tells it to."""
    with CannedServer() as server:
        yield server


@pytest.fixture
def told(canned: CannedServer) -> Iterator[S3Store]:
    """A store on that server."""
    store = s3_store("s3://bucket/root", canned.storage_options, OwnLoopRuntime())
    yield store
    store.runtime.run(store.aclose())
