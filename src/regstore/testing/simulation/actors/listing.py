"""Asking what there is."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

from regstore.tags import Page
from regstore.testing.simulation.actors.actor import Actor, name_of
from regstore.testing.simulation.scenario import Step

_Paging = Callable[[int, str | None], Awaitable[Page[str]]]


async def list_tags(actor: Actor, step: Step) -> None:
    """List the tags of a repository: at once, or in pages."""
    name = name_of(step)
    tags = actor.repository(name).tags
    found = _all(tags.all()) if step.variant % 2 else _pages(tags.page)
    await actor.call(found, "list tags", name, "", step)


async def list_manifests(actor: Actor, step: Step) -> None:
    """List the manifests of a repository."""
    name = name_of(step)
    found = _all(actor.repository(name).manifests.all())
    await actor.call(found, "list manifests", name, "", step)


async def list_repositories(actor: Actor, step: Step) -> None:
    """List the repositories: at once, or in pages."""
    repositories = actor.repositories
    found = _all(repositories.all()) if step.variant % 2 else _pages(repositories.page)
    await actor.call(found, "list repositories", "", "", step)


async def _all(names: AsyncGenerator[str, None]) -> list[str]:
    async with aclosing(names):
        return [name async for name in names]


async def _pages(page_of: _Paging) -> list[str]:
    page = await page_of(1, None)
    found = [*page.items]
    while page.more:
        page = await page_of(1, page.last)
        found += page.items
    return found
