from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.object_servers import S3Server
from tests.torture.rig import Rig, rig


@pytest.fixture(scope="module")
def over_seaweedfs(seaweedfs: S3Server) -> Iterator[Rig]:
    with rig(seaweedfs) as made:
        yield made


@pytest.fixture(scope="module")
def over_moto(moto: S3Server) -> Iterator[Rig]:
    with rig(moto) as made:
        yield made


@pytest.fixture(params=["over_seaweedfs", "over_moto"])
def bench(request: pytest.FixtureRequest) -> Rig:
    found: Rig = request.getfixturevalue(request.param)
    return found
