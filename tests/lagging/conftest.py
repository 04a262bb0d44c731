from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lagging.place import Place, place
from tests.object_servers import S3Server
from tests.s3proxy.lagging import LaggingProxy, lagging


@pytest.fixture(scope="module")
def proxy(seaweedfs: S3Server) -> Iterator[LaggingProxy]:
    with lagging(seaweedfs.endpoint) as proxy:
        yield proxy


@pytest.fixture
def bare(seaweedfs: S3Server, proxy: LaggingProxy) -> Iterator[Place]:
    """Without the layer: the driver, checked."""
    with place(seaweedfs, proxy, layer=False) as opened:
        yield opened


@pytest.fixture
def layered(seaweedfs: S3Server, proxy: LaggingProxy) -> Iterator[Place]:
    with place(seaweedfs, proxy, layer=True) as opened:
        yield opened
