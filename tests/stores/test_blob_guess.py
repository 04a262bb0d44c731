"""A reader asks for link and data at once: what it has opened in vain it closes."""

from __future__ import annotations

import pytest

from regstore import AsyncRegistry, Digest
from regstore.consistency import Checked, Throttled
from regstore.errors import BlobUnknownError, InvalidOffsetError
from regstore.testing.simulation import World

BLOB = b"content"
DIGEST = Digest.of(BLOB)


def test_a_guess_that_nobody_may_read_is_closed_and_tells_nothing() -> None:
    world = World(1)
    process = world.process("registry")
    driver = Throttled(world.driver(process), streams=1, wait=1.0)
    registry = AsyncRegistry(Checked(driver))

    async def work() -> bytes:
        await registry.repository("mine").blobs.put(BLOB)
        for offset in (0, 3, 99):
            with pytest.raises(BlobUnknownError):
                async with registry.repository("yours").blobs.open(DIGEST, offset):
                    pass
        with pytest.raises(InvalidOffsetError):
            async with registry.repository("mine").blobs.open(DIGEST, 99):
                pass
        return await registry.repository("mine").blobs.get(DIGEST)

    assert world.loop.run(world.loop.spawn(work(), process, "registry")) == BLOB
