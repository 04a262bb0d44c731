"""A reader asks for link and data at once: what it has opened in vain it closes.

And what it has missed it looks for again where the link tells that it is there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from typing_extensions import override

from regstore import AsyncRegistry, Digest, layout
from regstore.consistency import Checked, Throttled
from regstore.driver import StorageDriver
from regstore.errors import BlobUnknownError, InvalidOffsetError
from regstore.testing.faults import Call, InterceptedDriver
from regstore.testing.simulation import World

T = TypeVar("T")

BLOB = b"content"
DIGEST = Digest.of(BLOB)
INDEX = "application/vnd.oci.image.index.v1+json"


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


class Before(InterceptedDriver):
    """Lets something happen before a path is read."""

    def __init__(
        self, inner: StorageDriver, path: str, act: Callable[[], Awaitable[object]]
    ) -> None:
        super().__init__(inner)
        self._path = path
        self._act = act

    @override
    async def through(self, call: Call, effect: Callable[[], Awaitable[T]]) -> T:
        if call.path == self._path:
            await self._act()
        return await effect()


def test_content_that_comes_after_it_was_asked_for_and_before_its_link_is_not_missed() -> None:
    world = World(1)
    process = world.process("registry")
    pushing = AsyncRegistry(Checked(world.driver(process))).repository("app")
    body = b'{"schemaVersion": 2, "manifests": []}'
    digest = Digest.of(body)

    async def push() -> None:
        await world.loop.sleep(10)
        await pushing.manifests.put(body, media_type=INDEX)

    link = layout.RevisionLink("app", digest).path
    pulling = AsyncRegistry(Checked(Before(world.driver(process), link, push)))

    async def pull() -> bytes:
        return (await pulling.repository("app").manifests.get(digest)).body

    assert world.loop.run(world.loop.spawn(pull(), process, "puller")) == body
