"""Asking what refers to an image, and building the index that tells it again."""

from __future__ import annotations

from regstore import AsyncRepository
from regstore.oci import Descriptor
from regstore.testing.simulation.actors.actor import Actor, image_of, name_of
from regstore.testing.simulation.scenario import Step


async def list_referrers(actor: Actor, step: Step) -> None:
    """List what refers to an image, or to the same one as it does: at once, or in pages."""
    name, image = name_of(step), image_of(step)
    subject = (image.subject or image).digest
    listing = _all if step.variant % 2 else _pages
    found = listing(actor.repository(name), subject)
    await actor.call(found, "list referrers", name, subject, step)


async def _all(repository: AsyncRepository, subject: str) -> list[Descriptor]:
    return [descriptor async for descriptor in repository.referrers.all(subject)]


async def _pages(repository: AsyncRepository, subject: str) -> list[Descriptor]:
    page = await repository.referrers.page(subject, 1)
    found = [*page.items]
    while page.more:
        page = await repository.referrers.page(subject, 1, page.last)
        found += page.items
    return found


async def reindex(actor: Actor, step: Step) -> None:
    """Read all manifests of a repository again."""
    name = name_of(step)
    await actor.call(actor.repository(name).referrers.reindex(), "reindex", name, "", step)
