from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp
import pytest
from yarl import URL

from regstore._run import LoopRuntime
from regstore.drivers.gcs import gcs_store
from regstore.drivers.gcs.store import GcsStore
from tests.drivers.gcs.canned import CannedServer
from tests.gcs_server import FakeGcs, fake_gcs

__all__ = ["fake_gcs"]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass
class Sent:
    """What was sent, each request as its method and URL."""

    requests: list[tuple[str, URL]] = field(default_factory=list)

    def trace(self) -> aiohttp.TraceConfig:
        config = aiohttp.TraceConfig()
        config.on_request_start.append(self._note)
        return config

    async def _note(
        self, _session: aiohttp.ClientSession, _context: object, params: object
    ) -> None:
        assert isinstance(params, aiohttp.TraceRequestStartParams)
        self.requests.append((params.method, params.url))

    def query(self) -> dict[str, str]:
        """The query of the only request since this was asked for last."""
        [(_, url)] = self.requests
        self.requests.clear()
        return dict(url.query)

    def count(self) -> int:
        """How many requests there were since this was asked for last."""
        number = len(self.requests)
        self.requests.clear()
        return number


@pytest.fixture
def sent() -> Sent:
    return Sent()


@pytest.fixture
async def store(fake_gcs: FakeGcs, sent: Sent) -> AsyncIterator[GcsStore]:
    options = {
        **fake_gcs.storage_options,
        "session_kwargs": {"trace_configs": [sent.trace()]},
    }
    store = gcs_store(fake_gcs.url(), options, LoopRuntime())
    yield store
    await store.aclose()


@pytest.fixture
async def canned() -> AsyncIterator[CannedServer]:
    async with CannedServer() as server:
        yield server


@pytest.fixture
async def canned_store(canned: CannedServer) -> AsyncIterator[GcsStore]:
    options = {"token": "anon", "project": "test", "endpoint_url": canned.endpoint}
    store = gcs_store("gs://registry/place", options, LoopRuntime())
    yield store
    await store.aclose()
