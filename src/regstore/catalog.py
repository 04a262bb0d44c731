"""The repositories of a registry, in the order in which a tree can be paged.

That order is by name components: ``a``, ``a/b``, ``a-b``. A repository is there once a manifest
was pushed to it (``_manifests``, as in CNCF distribution 3, ``registry/storage/catalog.go``).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

from regstore import layout
from regstore.errors import NameUnknownError, PathNotFoundError
from regstore.events import Action
from regstore.links import names_in
from regstore.reference import check_name
from regstore.scope import Scope
from regstore.tags import Page, page_of

_MANIFESTS = "_manifests"


class AsyncRepositories:
    """The repositories of a registry."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._driver = scope.driver
        self._root = layout.RepositoriesRoot().path

    async def all(self) -> AsyncGenerator[str, None]:
        """Yield the names of all repositories; costs one listing per directory of the tree."""
        async with aclosing(self._below((), await self._children(()), None)) as names:
            async for name in names:
                yield name

    async def page(self, limit: int, last: str | None = None) -> Page[str]:
        """Return at most *limit* repositories after *last*, by name components.

        :param last: where to go on; need not exist.
        :raises ValueError: *limit* is negative.
        """
        found: list[str] = []
        after = tuple(last.split("/")) if last is not None else None
        async with aclosing(self._below((), await self._children(()), after)) as names:
            async for name in names:
                found.append(name)
                if len(found) > limit:
                    break
        return page_of(found, limit)

    async def delete(self, name: str) -> None:
        """Delete a repository: tags, manifests, links, uploads. Those below it stay.

        Content stays, for other repositories and for collection; immutable tags go. Not atomic:
        tags go first, so that an interrupted deletion leaves nothing that names what is gone;
        repeat it.

        :raises NameInvalidError: *name* is no repository name.
        :raises NameUnknownError: there is no such repository.
        :raises ReadOnlyError: the registry was opened read-only.
        """
        scope = self._scope.repository(check_name(name))
        await scope.writing()
        parts = (
            layout.TagsRoot(name).path,
            layout.ReferrersComplete(name).path,
            layout.SubjectsRoot(name).path,
            layout.ManifestsRoot(name).path,
            layout.LayersRoot(name).path,
            layout.UploadsRoot(name).path,
        )
        removed = [part for part in parts if await self._remove(part)]
        if not removed:
            msg = f"there is no repository {name!r}"
            raise NameUnknownError(msg, name=name)
        scope.tell(Action.REPOSITORY_DELETED)

    async def _remove(self, path: str) -> bool:
        with suppress(PathNotFoundError):
            await self._driver.delete(path)
            return True
        return False

    async def _below(
        self, parent: tuple[str, ...], children: list[str], after: tuple[str, ...] | None
    ) -> AsyncGenerator[str, None]:
        """Yield the repositories below *parent*, those after the components *after*."""
        first, rest = (after[0], after[1:]) if after else (None, None)
        for child in children:
            if child.startswith("_") or (first is not None and child < first):
                continue
            path = (*parent, child)
            is_boundary = child == first
            async with aclosing(self._at(path, rest if is_boundary else None)) as names:
                async for name in names:
                    yield name

    async def _at(
        self, path: tuple[str, ...], after: tuple[str, ...] | None
    ) -> AsyncGenerator[str, None]:
        """Yield *path* itself, unless it lies before *after*, then what is below it."""
        children = await self._children(path)
        if after is None and _MANIFESTS in children:
            yield "/".join(path)
        async with aclosing(self._below(path, children, after or None)) as names:
            async for name in names:
                yield name

    async def _children(self, parent: tuple[str, ...]) -> list[str]:
        return await names_in(self._driver, "/".join((self._root, *parent)))
