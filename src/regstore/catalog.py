"""The repositories of a registry, in the order in which a tree can be paged.

That order is by name components: ``a``, ``a/b``, ``a-b``. A repository is there once a manifest
was pushed to it (``_manifests``, as in CNCF distribution 3, ``registry/storage/catalog.go``).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Final

from regstore import layout
from regstore.driver import check_path
from regstore.errors import InvalidPathError, NameUnknownError, PathNotFoundError
from regstore.events import Action
from regstore.links import names_in
from regstore.reference import check_name
from regstore.scope import Scope
from regstore.tags import Page, check_limit, page_of

_Path = tuple[str, ...]

_MANIFESTS: Final = "_manifests"
_TOGETHER: Final = 16
"""How many directories are listed at the same time, at most."""
_NAMES: Final = 500
"""How many names of a directory are asked for at a time: one request on every object store."""


@dataclass(frozen=True, slots=True)
class _Directory:
    """A directory below the root of the repositories, and names of its children in order."""

    path: _Path
    names: list[str]
    is_whole: bool


class AsyncRepositories:
    """The repositories of a registry."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._driver = scope.driver
        self._root = layout.RepositoriesRoot().path

    async def all(self) -> AsyncGenerator[str, None]:
        """Yield the names of all repositories; costs one listing per directory of the tree."""
        async with aclosing(self._after((), (), None)) as names:
            async for name in names:
                yield name

    async def page(self, limit: int, last: str | None = None) -> Page[str]:
        """Return at most *limit* repositories after *last*, by name components.

        Costs one listing for each repository on the page, for the one after it, and for each
        directory between root and repository that is entered, 16 at the same time: only a listing
        tells what is a repository. What comes before *last* is not listed, where the store can
        begin a listing anywhere (``Capabilities.listing_start_after``).

        :param last: where to go on; need not exist.
        :raises ValueError: *limit* is negative.
        """
        found: list[str] = []
        after = tuple(last.split("/")) if last is not None else ()
        async with aclosing(self._after((), after, check_limit(limit) + 1)) as names:
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
        :raises ConfigurationError: regstore's own state was written by a newer regstore; nothing
            was deleted.
        :raises ReadOnlyError: the registry was opened read-only.
        """
        scope = self._scope.repository(check_name(name))
        await scope.writing_own()
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

    async def _after(
        self, parent: _Path, after: _Path, wanted: int | None
    ) -> AsyncGenerator[str, None]:
        """Yield the repositories below *parent*, those after the components *after*.

        :param wanted: how many will be asked for; nothing is listed to find more.
        """
        if after and self._can_be((*parent, after[0])):
            async with aclosing(self._after((*parent, after[0]), after[1:], wanted)) as names:
                async for name in names:
                    yield name
                    wanted = _less_one(wanted)
        if wanted != 0:
            directory = await self._look(parent, after[0] if after else None)
            async with aclosing(self._below(directory, wanted)) as names:
                async for name in names:
                    yield name

    async def _below(self, directory: _Directory, wanted: int | None) -> AsyncGenerator[str, None]:
        """Yield the repositories below *directory*, whose listing goes on where it is not whole."""
        while True:
            async with aclosing(self._among(directory, wanted)) as names:
                async for name in names:
                    yield name
                    wanted = _less_one(wanted)
            if directory.is_whole or wanted == 0:
                return
            directory = await self._look(directory.path, directory.names[-1])

    async def _among(self, directory: _Directory, wanted: int | None) -> AsyncGenerator[str, None]:
        """Yield the repositories at and below the children whose names are known."""
        children = [name for name in directory.names if not name.startswith("_")]
        while children and wanted != 0:
            size = _TOGETHER if wanted is None else min(wanted, _TOGETHER)
            paths = [(*directory.path, child) for child in children[:size]]
            del children[:size]
            for found in await self._scope.runtime.map(self._look, paths):
                async with aclosing(self._within(found, wanted)) as names:
                    async for name in names:
                        yield name
                        wanted = _less_one(wanted)

    async def _within(self, directory: _Directory, wanted: int | None) -> AsyncGenerator[str, None]:
        """Yield *directory* itself, if it is a repository, then those below it."""
        if await self._is_repository(directory):
            yield "/".join(directory.path)
            wanted = _less_one(wanted)
        async with aclosing(self._below(directory, wanted)) as names:
            async for name in names:
                yield name

    async def _is_repository(self, directory: _Directory) -> bool:
        if directory.is_whole or directory.names[-1] >= _MANIFESTS:
            return _MANIFESTS in directory.names
        return bool(await names_in(self._driver, self._at((*directory.path, _MANIFESTS)), None, 1))

    async def _look(self, path: _Path, after: str | None = None) -> _Directory:
        """List *path*: all at once where that costs no more than a part."""
        limit = _NAMES if self._driver.capabilities.listing_start_after else None
        names = await names_in(self._driver, self._at(path), after, limit)
        return _Directory(path, names, limit is None or len(names) < limit)

    def _can_be(self, path: _Path) -> bool:
        """Tell whether anything can lie at *path*, which a client has named."""
        with suppress(InvalidPathError):
            return not path[-1].startswith("_") and bool(check_path(self._at(path)))
        return False

    def _at(self, path: _Path) -> str:
        return "/".join((self._root, *path))


def _less_one(wanted: int | None) -> int | None:
    return wanted and wanted - 1
