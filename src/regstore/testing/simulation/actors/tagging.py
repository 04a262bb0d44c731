"""Setting, comparing and deleting tags."""

from __future__ import annotations

from regstore import ABSENT
from regstore.errors import ManifestUnknownError
from regstore.testing.simulation.actors.actor import Actor, image_of, name_of, tag_of
from regstore.testing.simulation.scenario import Step


async def set_tag(actor: Actor, step: Step) -> None:
    """Set a tag, whatever it is."""
    name, tag, digest = name_of(step), tag_of(step), image_of(step).digest
    setting = actor.repository(name).tags.set(tag, digest)
    await actor.call(setting, "set tag", name, tag, step, value=digest)


async def create_tag(actor: Actor, step: Step) -> None:
    """Set a tag where there is none."""
    name, tag, digest = name_of(step), tag_of(step), image_of(step).digest
    setting = actor.repository(name).tags.set(tag, digest, ABSENT)
    await actor.call(setting, "set tag", name, tag, step, value=digest, expect="")


async def swap_tag(actor: Actor, step: Step) -> None:
    """Look what a tag is, and replace just that."""
    name, tag, digest = name_of(step), tag_of(step), image_of(step).digest
    found = await _get(actor, step)
    setting = actor.repository(name).tags.set(tag, digest, found or ABSENT)
    await actor.call(setting, "set tag", name, tag, step, value=digest, expect=found)


async def untag(actor: Actor, step: Step) -> None:
    """Delete a tag, whatever it is."""
    name, tag = name_of(step), tag_of(step)
    await actor.call(actor.repository(name).tags.delete(tag), "delete tag", name, tag, step)


async def untag_if(actor: Actor, step: Step) -> None:
    """Look what a tag is, and delete just that."""
    name, tag = name_of(step), tag_of(step)
    if found := await _get(actor, step):
        deleting = actor.repository(name).tags.delete(tag, found)
        await actor.call(deleting, "delete tag", name, tag, step, expect=found)


async def _get(actor: Actor, step: Step) -> str:
    """Return what the tag is, ``""`` for absent."""
    name, tag = name_of(step), tag_of(step)
    try:
        return await actor.call(actor.repository(name).tags.get(tag), "get tag", name, tag, step)
    except ManifestUnknownError:
        return ""
