"""An upload goes on in another process while the store still shows what was parked before."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from regstore import AsyncRegistry, Digest
from regstore.consistency import Layers
from regstore.errors import UploadOffsetError
from regstore.testing.simulation import Knobs, World
from regstore.upload import AsyncUpload

T = TypeVar("T")

BLOB = bytes(range(200))


class Ground:
    """A store that lags, and a process for each request."""

    def __init__(self) -> None:
        self.world = World(1, Knobs(stale_get=5.0, stale_head=5.0, stale_list=5.0))
        self.upload_id = self.run(self._create())

    async def _create(self) -> str:
        return (await self._registry().repository("app").uploads.create()).id

    def _registry(self) -> AsyncRegistry:
        driver = self.world.driver(self.world.process("registry"))
        return AsyncRegistry(Layers.needed_by(driver, remote=True).around(driver))

    def elsewhere(self) -> AsyncUpload:
        return self._registry().repository("app").uploads.resume(self.upload_id)

    def run(self, coro: Coroutine[Any, Any, T]) -> T:
        loop = self.world.loop
        return loop.run(loop.spawn(coro, self.world.process("registry"), "registry"))

    async def patch(self, data: bytes, offset: int) -> None:
        upload = self.elsewhere()
        await upload.receive([data], offset)
        await upload.park()


@pytest.fixture
def ground() -> Ground:
    ground = Ground()
    ground.run(ground.world.runtime(ground.world.process("clock")).sleep(6))
    ground.run(ground.patch(BLOB[:100], 0))
    return ground


def test_what_was_acknowledged_is_waited_for(ground: Ground) -> None:
    ground.run(ground.patch(BLOB[100:], 100))
    ground.run(ground.world.runtime(ground.world.process("clock")).sleep(6))
    described = ground.run(ground.elsewhere().commit(Digest.of(BLOB)))
    assert described.size == len(BLOB)


def test_what_nobody_has_sent_is_not_waited_for_longer_than_the_store_can_lag(
    ground: Ground,
) -> None:
    begun = ground.world.loop.time
    with pytest.raises(UploadOffsetError) as caught:
        ground.run(ground.patch(BLOB[150:], 150))
    assert caught.value.offset == 100
    assert 5.0 <= ground.world.loop.time - begun < 12.0
