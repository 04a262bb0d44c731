"""Deleting what was pushed."""

from __future__ import annotations

from regstore.testing.simulation.actors.actor import Actor, blob_of, image_of, name_of
from regstore.testing.simulation.scenario import Step


async def delete_manifest(actor: Actor, step: Step) -> None:
    """Delete a manifest, and the tags that name it."""
    name, digest = name_of(step), image_of(step).digest
    deleting = actor.repository(name).manifests.delete(digest)
    await actor.call(deleting, "delete manifest", name, digest, step)


async def delete_blob(actor: Actor, step: Step) -> None:
    """Take a blob from a repository, whoever refers to it."""
    name, digest = name_of(step), blob_of(step).digest
    deleting = actor.repository(name).blobs.delete(digest)
    await actor.call(deleting, "delete blob", name, digest, step)
