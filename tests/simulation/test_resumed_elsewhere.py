"""An upload goes on in another process while the store still shows what was parked before."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from regstore import AsyncRegistry, Digest, content
from regstore.consistency import Layers, deadline
from regstore.errors import (
    DigestInvalidError,
    NotYetVisibleError,
    PreconditionFailedError,
    TransientError,
    UploadOffsetError,
)
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

    async def put(self, blob: bytes) -> None:
        await self._registry().repository("app").blobs.put(blob)

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


def test_a_commit_waits_for_what_others_have_taken(ground: Ground) -> None:
    ground.run(ground.patch(BLOB[100:], 100))
    described = ground.run(ground.elsewhere().commit(Digest.of(BLOB)))
    assert described.size == len(BLOB)


def test_a_wrong_digest_is_refused_once_all_is_seen(ground: Ground) -> None:
    ground.run(ground.patch(BLOB[100:], 100))
    begun = ground.world.loop.time
    with pytest.raises(DigestInvalidError):
        ground.run(ground.elsewhere().commit(Digest.of(b"other")))
    assert ground.world.loop.time - begun >= 5.0
    assert not [key for key in ground.world.bucket.contents if ground.upload_id in key]


def test_who_adds_to_what_it_has_not_seen_whole_is_refused_and_harms_nobody(
    ground: Ground,
) -> None:
    ground.run(ground.patch(BLOB[100:150], 100))
    with pytest.raises((DigestInvalidError, PreconditionFailedError)):
        ground.run(ground.elsewhere().finish(Digest.of(BLOB), [BLOB[150:]]))
    described = ground.run(ground.elsewhere().finish(Digest.of(BLOB), [BLOB[150:]], 150))
    assert described.size == len(BLOB)


def test_wrong_bytes_take_nothing_of_what_was_acknowledged(ground: Ground) -> None:
    ground.run(ground.world.runtime(ground.world.process("clock")).sleep(6))
    with pytest.raises(DigestInvalidError):
        ground.run(ground.elsewhere().finish(Digest.of(BLOB), [b"wrong"]))
    ground.run(ground.world.runtime(ground.world.process("clock")).sleep(6))
    assert ground.run(ground.elsewhere().status()) >= 100


def test_an_upload_is_over_before_anything_of_it_goes(ground: Ground) -> None:
    """Here its blob is there already, and its own bytes are lost."""
    blob = BLOB[:100]
    ground.run(ground.world.runtime(ground.world.process("clock")).sleep(6))
    ground.run(ground.put(blob))
    chunks = [key for key in ground.world.bucket.contents if "/chunk-" in key]
    ground.run(ground.world.bucket.delete_many(chunks))
    assert ground.run(ground.elsewhere().commit(Digest.of(blob))).size == len(blob)
    deleted = [each.key for each in ground.world.trace.requests if each.name.startswith("delete")]
    assert deleted[0].endswith("/startedat")
    assert any(key.endswith("/head") for key in deleted)


def test_a_short_chunk_is_waited_for_before_it_is_sent_again(ground: Ground) -> None:
    """Its record shows before it does."""
    world = ground.world
    ground.run(world.runtime(world.process("clock")).sleep(6))
    ground.run(ground.patch(BLOB[100:110], 100))
    ground.run(world.runtime(world.process("clock")).sleep(6))
    late = next(key for key, each in world.bucket.contents.items() if len(each.data) == 10)
    version = world.bucket.history[late][-1]
    world.bucket.history[late][-1] = replace(version, time=world.loop.time)
    ground.run(ground.patch(BLOB[110:], 110))


def test_a_caller_without_time_is_told_to_try_again(ground: Ground) -> None:
    async def commit() -> None:
        with deadline(ground.world.runtime(ground.world.process("clock")), 3.0):
            await ground.elsewhere().commit(Digest.of(BLOB))

    ground.run(ground.patch(BLOB[100:], 100))
    with pytest.raises(NotYetVisibleError):
        ground.run(commit())
    assert ground.run(ground.elsewhere().commit(Digest.of(BLOB))).size == len(BLOB)


def test_wrong_bytes_that_went_straight_are_refused_as_such(ground: Ground) -> None:
    """Nothing of the upload shows yet, so they go straight to their place."""
    with pytest.raises(DigestInvalidError):
        ground.run(ground.elsewhere().finish(Digest.of(BLOB), [b"wrong"]))
    ground.run(ground.world.runtime(ground.world.process("clock")).sleep(6))
    assert ground.run(ground.elsewhere().status()) == 100


def test_a_last_request_that_caught_up_and_failed_takes_nothing_of_what_was_acknowledged(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise TransientError("data", "simulated", "no answer")

    with monkeypatch.context() as patched:
        patched.setattr(content, "publish", fail)
        with pytest.raises(TransientError):
            ground.run(ground.elsewhere().finish(Digest.of(BLOB[:100]), []))
    ground.run(ground.world.runtime(ground.world.process("clock")).sleep(6))
    assert ground.run(ground.elsewhere().status()) == 100


def test_a_commit_that_reads_all_again_waits_for_what_others_have_taken(ground: Ground) -> None:
    ground.run(ground.world.runtime(ground.world.process("clock")).sleep(6))
    ground.run(ground.patch(BLOB[100:], 100))
    described = ground.run(ground.elsewhere().commit(Digest.of(BLOB, "sha512")))
    assert described.size == len(BLOB)
