"""Pushing, mounting and pulling, as clients of a registry do it."""

from __future__ import annotations

from collections.abc import Awaitable
from contextlib import suppress

from regstore import Manifest
from regstore.digest import Digest
from regstore.errors import BlobUnknownError
from regstore.testing.simulation.actors.actor import Actor, blob_of, image_of, name_of, tag_of
from regstore.testing.simulation.actors.uploading import append, begin, commit
from regstore.testing.simulation.keyspace import IMAGE_OF, REPOSITORIES, Blob, Image
from regstore.testing.simulation.scenario import Step


async def push(actor: Actor, step: Step) -> None:
    """Push an image, children first, and set a tag."""
    await _push_image(actor, step, image_of(step), (tag_of(step),))


async def _push_image(actor: Actor, step: Step, image: Image, tags: tuple[str, ...]) -> None:
    name = name_of(step)
    for child in image.images:
        await _push_image(actor, step, child, ())

    async def push_blob(blob: Blob) -> None:
        await _push_blob(actor, step, blob)

    at_once = 1 if step.variant % 2 else 3
    await actor.driver.runtime.map(push_blob, image.blobs, at_once)
    putting = actor.repository(name).manifests.put(image.body, tags=tags)
    await actor.call(putting, "put manifest", name, image.digest, step, tags=tags)


async def push_manifest(actor: Actor, step: Step) -> None:
    """Push a manifest alone: that all it refers to is there is for the registry to see."""
    name, image, tags = name_of(step), image_of(step), (tag_of(step),)
    putting = actor.repository(name).manifests.put(image.body, tags=tags)
    await actor.call(putting, "put manifest", name, image.digest, step, tags=tags)


async def _push_blob(actor: Actor, step: Step, blob: Blob) -> None:
    """Push a blob in one of four ways, after having asked for it or not."""
    name = name_of(step)
    if step.variant % 3 == 0:
        with suppress(BlobUnknownError):
            await _get_blob(actor, step, name, blob)
            return
    if step.variant % 4 == 1:
        upload = await begin(actor, step, name, blob)
        await append(actor, step, upload)
        await commit(actor, step, upload)
        return
    chunks = [blob.data[:90], blob.data[90:]] if step.variant % 4 == 2 else blob.data
    await actor.call(
        actor.repository(name).blobs.put(chunks, blob.digest), "put blob", name, blob.digest, step
    )


async def mount(actor: Actor, step: Step) -> None:
    """Mount a blob from the other repository."""
    name, blob = name_of(step), blob_of(step)
    source = REPOSITORIES[(REPOSITORIES.index(name) + 1) % len(REPOSITORIES)]
    mounting = actor.repository(name).blobs.mount(blob.digest, source)
    await actor.call(mounting, "mount blob", name, blob.digest, step, value=source)


async def pull(actor: Actor, step: Step) -> None:
    """Pull an image by its digest."""
    await _pull_image(actor, step, image_of(step))


async def pull_tag(actor: Actor, step: Step) -> None:
    """Pull what a tag names: by the tag, or by the digest that it names."""
    name, tag = name_of(step), tag_of(step)
    repository = actor.repository(name)
    if step.variant % 2:
        getting = _digest_of(repository.manifests.get(tag))
        digest = await actor.call(getting, "get by tag", name, tag, step)
    else:
        digest = await actor.call(repository.tags.get(tag), "get tag", name, tag, step)
    await _pull_image(actor, step, IMAGE_OF[digest])


async def _digest_of(getting: Awaitable[Manifest]) -> Digest:
    return (await getting).digest


async def _pull_image(actor: Actor, step: Step, image: Image) -> None:
    name = name_of(step)
    getting = actor.repository(name).manifests.get(image.digest)
    await actor.call(getting, "get manifest", name, image.digest, step)
    for child in image.images:
        await _pull_image(actor, step, child)
    for blob in image.blobs:
        await _get_blob(actor, step, name, blob)


async def _get_blob(actor: Actor, step: Step, name: str, blob: Blob) -> None:
    getting = actor.repository(name).blobs.get(blob.digest)
    await actor.call(getting, "get blob", name, blob.digest, step)
