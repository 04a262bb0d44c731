"""Every test here is run against both example servers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest

from regstore.driver import StorageDriver
from regstore.drivers.memory import MemoryDriver
from tests.frontends.client import Repo
from tests.frontends.frontends import KINDS, Server, Setting, embedded, serving

Embed = Callable[..., AbstractContextManager[httpx.Client]]


SHARED_MEMORY = "/dev/shm"  # noqa: S108 - a directory of its own is made there


@pytest.fixture(scope="session", params=KINDS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server over a directory in memory, where there is one: what lasts is proved elsewhere."""
    above = SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK) else None
    with TemporaryDirectory(dir=above) as folder:
        root, log = Path(folder, "root"), Path(folder, "log")
        with serving(request.param, root, log) as server:
            yield server


@pytest.fixture(scope="session")
def http(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=30) as client:
        yield client


_count = iter(range(1_000_000))


@pytest.fixture
def repo(http: httpx.Client) -> Repo:
    """A repository that no other test knows."""
    return Repo(http, f"library/test{next(_count)}")


@pytest.fixture
def other(http: httpx.Client) -> Repo:
    """Another one behind the same server."""
    return Repo(http, f"library/other{next(_count)}")


@pytest.fixture(params=KINDS)
def embed(request: pytest.FixtureRequest) -> Embed:
    """Run a server in this process, over memory by default; takes what :class:`Setting` has."""

    def make(
        driver: StorageDriver | None = None, **setting: object
    ) -> AbstractContextManager[httpx.Client]:
        return embedded(request.param, driver or MemoryDriver(), Setting(**setting))  # type: ignore[arg-type] # the fields of Setting

    return make
