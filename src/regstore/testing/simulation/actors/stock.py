"""A writer that knows nothing of this library, and writes as CNCF distribution does.

Source: CNCF distribution, ``registry/storage``: ``blobwriter.go`` (``moveBlob``, ``linkBlob``),
``linkedblobstore.go`` (``Put``), ``tagstore.go`` (``Tag``): index first, then current.
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import replace

from regstore import layout
from regstore.digest import Digest
from regstore.driver import StorageDriver
from regstore.errors import ManifestBlobUnknownError, PathNotFoundError, TransientError
from regstore.testing.simulation.actors.actor import Actor, image_of, name_of, tag_of
from regstore.testing.simulation.keyspace import Blob, Image
from regstore.testing.simulation.scenario import Step


async def push_stock(actor: Actor, step: Step) -> None:
    """Push an image, children first, and set a tag; it knows of no deadlines."""
    await _push_image(actor, replace(step, limit=None), image_of(step), (tag_of(step),))


async def _push_image(actor: Actor, step: Step, image: Image, tags: tuple[str, ...]) -> None:
    name, store = name_of(step), actor.store
    haste = _Haste(actor)
    for child in image.images:
        await _push_image(actor, step, child, ())
    for blob in image.blobs:
        if not await _exists(store, layout.LayerLink(name, blob.digest).path):
            pushing = _put_blob(store, name, blob, haste)
            await actor.call(pushing, "put blob", name, blob.digest, step)
    await actor.call(
        _put_manifest(store, name, image, tags, haste),
        "put manifest",
        name,
        image.digest,
        step,
        tags=tags,
    )


async def _put_blob(store: StorageDriver, name: str, blob: Blob, haste: _Haste) -> None:
    upload = layout.Upload(
        name, str(uuid.UUID(int=store.runtime.random.getrandbits(128), version=4))
    )
    data = layout.UploadData(name, upload.upload_id).path
    started = layout.UploadStartedAt(name, upload.upload_id).path
    await store.put_content(started, layout.format_startedat(store.runtime.now()))
    await store.put_content(data, blob.data)
    await _move(store, data, blob.digest)
    await haste.dawdle()
    await _link(store, layout.LayerLink(name, blob.digest).path, blob.digest)
    with suppress(PathNotFoundError):
        await store.delete(upload.path)


async def _move(store: StorageDriver, data: str, digest: Digest) -> None:
    """Give the content its place, unless somebody has put it there."""
    path = layout.BlobData(digest).path
    if not await _exists(store, path):
        await store.move(data, path)


async def _put_manifest(
    store: StorageDriver, name: str, image: Image, tags: tuple[str, ...], haste: _Haste
) -> None:
    links = [layout.LayerLink(name, blob.digest).path for blob in image.blobs]
    links += [layout.RevisionLink(name, child.digest).path for child in image.images]
    for link in links:
        if not await _exists(store, link):
            raise ManifestBlobUnknownError(f"{link} is missing", name=name, missing=(link,))
    if not await _exists(store, layout.BlobData(image.digest).path):
        await store.put_content(layout.BlobData(image.digest).path, image.body)
    await haste.dawdle()
    await _link(store, layout.RevisionLink(name, image.digest).path, image.digest)
    for tag in tags:
        await _link(store, layout.TagIndexLink(name, tag, image.digest).path, image.digest)
        await _link(store, layout.TagCurrentLink(name, tag).path, image.digest)


class _Haste:
    """Takes its time beside collectors, but no more than collectors wait for."""

    def __init__(self, actor: Actor) -> None:
        self._runtime = actor.driver.runtime
        self._pace = actor.board.pace
        self._begun = self._runtime.monotonic()

    async def dawdle(self) -> None:
        """Let time pass between a look at what is there and the link that rests on it.

        :raises TransientError: there is none left.
        """
        if self._pace is None:
            return
        reach = self._pace.writers.reach
        await self._runtime.sleep(reach / 2 * self._runtime.random.random())
        if self._runtime.monotonic() - self._begun > reach - self._pace.request / 2:
            raise TransientError("", "stock", "the client has hung up")


async def _link(store: StorageDriver, path: str, digest: Digest) -> None:
    await store.put_content(path, layout.link_body(digest))


async def _exists(store: StorageDriver, path: str) -> bool:
    try:
        await store.stat(path)
    except PathNotFoundError:
        return False
    return True
