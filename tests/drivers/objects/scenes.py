"""Everything that is done with an upload, in steps that may be done again, over small limits."""

from __future__ import annotations

import random
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from regstore import layout
from regstore._run import Runtime
from regstore.digest import Digest
from regstore.driver import StorageDriver
from regstore.drivers.objects.driver import ObjectDriver
from regstore.drivers.objects.port import Limits
from regstore.errors import BlobUploadUnknownError, PathNotFoundError
from regstore.registry import Core
from regstore.upload import AsyncUpload
from tests.drivers.objects.faulty import Bucket, Fault

NAME = "library/app"
BLOB = random.Random(7).randbytes(700)
DIGEST, SHA512 = Digest.of(BLOB), Digest.of(BLOB, "sha512")
TINY = BLOB[:30]
UPLOADS = layout.UploadsRoot(NAME).path
LIMITS = Limits(part_size=150, min_part=35, copy_size=300, list_page=5, delete_batch=4)
"""Of a store that keeps sessions, and has none of the sizes of a real one."""


@dataclass
class Scene:
    """A bucket with at most one upload in it.

    :ivar parked: bytes that were acknowledged.
    :ivar blob: what it is of.
    """

    bucket: Bucket
    limits: Limits
    blob: bytes = BLOB
    upload_id: str = ""
    parked: int = 0

    def driver(self, runtime: Runtime, fault: Fault | None = None) -> ObjectDriver:
        return ObjectDriver(self.bucket.open(self.limits, runtime, fault))

    def copy(self) -> Scene:
        return Scene(self.bucket.copy(), self.limits, self.blob, self.upload_id, self.parked)

    def litter(self) -> list[str]:
        """What there is of uploads."""
        keys = [key for key in self.bucket.contents if key.startswith(f"{UPLOADS}/")]
        under_way = [session for session, _ in self.bucket.sessions.values()]
        return [*keys, *(f"session {each.key}" for each in under_way)]


def open_core(driver: StorageDriver) -> Core:
    """Open the registry that both blocking and asynchronous callers use."""
    return Core(driver, None, None, read_only=False)


Step = Callable[[Core, Scene, AsyncUpload], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Operation:
    """What is done to one upload.

    :ivar step: may be repeated after whatever it raised, with the same object or another one.
    :ivar before: up to where the upload was parked, in turn, before it.
    :ivar ends: whether the upload is over then: ``committed``, ``cancelled`` or not.
    """

    step: Step
    before: tuple[int, ...] = ()
    ends: str = ""
    blob: bytes = BLOB
    digest: Digest = field(default=DIGEST)


async def furnish(scene: Scene, registry: Core, before: tuple[int, ...]) -> None:
    """Begin an upload and park it as often as *before* says."""
    async with await registry.repository(NAME).uploads.create() as upload:
        scene.upload_id = upload.id
    for end in before:
        async with registry.repository(NAME).uploads.resume(scene.upload_id) as upload:
            await upload.write(scene.blob[scene.parked : end])
        scene.parked = end


def take_to(end: int, piece: int = 1 << 20) -> Step:
    async def take(_: Core, scene: Scene, upload: AsyncUpload) -> None:
        offset = await upload.status()
        while offset < end:
            await upload.write(scene.blob[offset : min(end, offset + piece)], offset)
            offset = upload.offset
        await upload.park()
        scene.parked = end

    return take


async def look(_: Core, __: Scene, upload: AsyncUpload) -> None:
    await upload.status()


async def commit(_: Core, scene: Scene, upload: AsyncUpload) -> None:
    await upload.commit(Digest.of(scene.blob))


async def commit_sha512(_: Core, scene: Scene, upload: AsyncUpload) -> None:
    await upload.commit(Digest.of(scene.blob, "sha512"))


async def rest_and_commit(_: Core, scene: Scene, upload: AsyncUpload) -> None:
    await _take_rest(scene, upload)
    await upload.commit(Digest.of(scene.blob))


async def rest_and_commit_sha512(_: Core, scene: Scene, upload: AsyncUpload) -> None:
    await _take_rest(scene, upload)
    await upload.commit(Digest.of(scene.blob, "sha512"))


async def _take_rest(scene: Scene, upload: AsyncUpload) -> None:
    with suppress(BlobUploadUnknownError):  # perhaps it was committed
        if rest := scene.blob[await upload.status() :]:
            await upload.write(rest)


async def finish(_: Core, scene: Scene, upload: AsyncUpload) -> None:
    digest = Digest.of(scene.blob)
    try:
        rest = scene.blob[await upload.status() :]
        await upload.finish(digest, [rest[start : start + 70] for start in range(0, len(rest), 70)])
    except BlobUploadUnknownError:  # perhaps it was committed
        await upload.commit(digest)


async def cancel(_: Core, __: Scene, upload: AsyncUpload) -> None:
    with suppress(BlobUploadUnknownError):
        await upload.cancel()


async def take_and_cancel(_: Core, scene: Scene, upload: AsyncUpload) -> None:
    with suppress(BlobUploadUnknownError):
        await upload.write(scene.blob[await upload.status() :])
        await upload.cancel()


SHORT, LONG = 30, 320
OPERATIONS = {
    "look": Operation(look, (LONG,)),
    "take-little": Operation(take_to(SHORT)),
    "take-much": Operation(take_to(LONG)),
    "take-much-in-pieces": Operation(take_to(LONG, 130)),
    "go-on-with-little": Operation(take_to(LONG + SHORT), (LONG,)),
    "go-on-with-much": Operation(take_to(len(BLOB)), (LONG,)),
    "go-on-after-little": Operation(take_to(LONG), (SHORT,)),
    "go-on-after-little-with-little": Operation(take_to(SHORT + 5), (SHORT,)),
    "commit-one": Operation(commit, (len(BLOB),), "committed"),
    "commit-several": Operation(commit, (LONG, 500, len(BLOB)), "committed"),
    "commit-tiny": Operation(commit, (len(TINY),), "committed", TINY, Digest.of(TINY)),
    "rest-and-commit": Operation(rest_and_commit, (), "committed"),
    "rest-and-commit-tiny": Operation(rest_and_commit, (), "committed", TINY, Digest.of(TINY)),
    "rest-and-commit-after-little": Operation(rest_and_commit, (SHORT,), "committed"),
    "rest-and-commit-after-much": Operation(rest_and_commit, (LONG,), "committed"),
    "finish": Operation(finish, (), "committed"),
    "finish-tiny": Operation(finish, (), "committed", TINY, Digest.of(TINY)),
    "finish-after-much": Operation(finish, (LONG,), "committed"),
    "commit-other-digest": Operation(commit_sha512, (LONG, len(BLOB)), "committed", BLOB, SHA512),
    "commit-other-digest-tiny": Operation(
        rest_and_commit_sha512, (), "committed", TINY, Digest.of(TINY, "sha512")
    ),
    "rest-and-commit-other-digest": Operation(
        rest_and_commit_sha512, (LONG,), "committed", BLOB, SHA512
    ),
    "cancel": Operation(cancel, (), "cancelled"),
    "cancel-parked": Operation(cancel, (SHORT, LONG), "cancelled"),
    "take-and-cancel": Operation(take_and_cancel, (), "cancelled"),
    "go-on-and-cancel": Operation(take_and_cancel, (LONG,), "cancelled"),
}


async def purge(scene: Scene, runtime: Runtime) -> None:
    """Remove what there is of the upload, as an operator would who knows its id alone."""
    driver = scene.driver(runtime)
    with suppress(BlobUploadUnknownError):
        await open_core(driver).repository(NAME).uploads.resume(scene.upload_id).cancel()
    with suppress(PathNotFoundError):
        await driver.delete(layout.Upload(NAME, scene.upload_id).path)
