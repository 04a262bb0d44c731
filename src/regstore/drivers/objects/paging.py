"""Names in byte order, from stores that list keys in an order of their own, at page cost.

A store lists a directory ``n/`` by its key with the slash, so ``a-b/`` and ``a.b/`` come before
``a/`` on S3, while others list by components. Entry e(n) is ``n`` for an object and ``n/`` for a
prefix. Where n > s, e(n) > s too, so that listing from ``s`` on (without a slash) shows all that is
needed. After a listing that was cut at the entry ``last``, a name that was not shown can precede
one that was only if it is a proper prefix of ``last`` whose next character sorts below the slash
(``-`` or ``.``): those few are asked for, all at the same time.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from regstore.driver import FileInfo
from regstore.drivers.objects.naming import is_hidden, is_reserved
from regstore.drivers.objects.port import Listing, ObjectStore

_LARGEST_PAGE = 870
"""Names of one page at most: with a tenth to spare in a listing, few names need to be asked for."""


async def names(
    store: ObjectStore, directory: str, start_after: str | None, limit: int | None
) -> AsyncGenerator[str, None]:
    """Yield the names of the children of *directory* (``""`` or ending in a slash), in order."""
    last, left = start_after, limit
    while left is None or left > 0:
        size = _LARGEST_PAGE if left is None else min(left, _LARGEST_PAGE)
        found = await page(store, directory, last, size)
        for name in found:
            yield name
        if len(found) < size:
            return
        last = found[-1]
        left = left if left is None else left - len(found)


async def page(store: ObjectStore, directory: str, last: str | None, size: int) -> list[str]:
    """Return the first *size* names after *last*."""
    found: set[str] = set()
    entries: list[str] = []
    token: str | None = None
    while True:
        listing = await store.list(
            directory,
            delimited=True,
            start_after=None if last is None else directory + last,
            token=token,
        )
        shown = _entries(listing, directory)
        entries.extend(shown)
        found.update(name for name in map(_name, shown) if _is_after(name, last))
        token = listing.token
        if token is None:
            return sorted(found)[:size]
        if len(found) >= size:
            break
    unseen = _may_precede(entries, found, last, sorted(found)[size - 1])
    exist = await store.runtime.map(lambda name: _is_directory(store, directory + name), unseen)
    found.update(name for name, is_there in zip(unseen, exist, strict=True) if is_there)
    return sorted(found)[:size]


async def visible_below(store: ObjectStore, directory: str) -> bool:
    """Return whether any object that is not the driver's own lies below *directory*.

    Empty directories, which some stores keep for a while, do not count.
    """
    async with aclosing(below(store, directory)) as objects:
        async for info in objects:
            if is_object(info.path):
                return True
    return False


def is_object(key: str) -> bool:
    """Whether *key* is the caller's: not the driver's own, and no marker of a directory."""
    return not (is_hidden(key) or key.endswith("/"))


async def below(store: ObjectStore, prefix: str) -> AsyncGenerator[FileInfo, None]:
    """Yield every object whose key begins with *prefix*, the driver's own included."""
    token: str | None = None
    while True:
        listing = await store.list(prefix, token=token)
        for info in listing.objects:
            yield info
        token = listing.token
        if token is None:
            return


def _entries(listing: Listing, directory: str) -> list[str]:
    keys = [*(info.path for info in listing.objects), *listing.prefixes]
    return [key[len(directory) :] for key in keys if key != directory]


def _name(entry: str) -> str:
    return entry.removesuffix("/")


def _is_after(name: str, last: str | None) -> bool:
    return bool(name) and not is_reserved(name) and (last is None or name > last)


def _may_precede(entries: list[str], found: set[str], last: str | None, largest: str) -> list[str]:
    """Return the names up to *largest* that a cut listing may not have shown yet."""
    cut = _name(max(entries))
    prefixes = [cut[:end] for end in range(1, len(cut)) if cut[end] < "/"]
    return [
        name for name in prefixes if name < largest and name not in found and _is_after(name, last)
    ]


async def _is_directory(store: ObjectStore, path: str) -> bool:
    listing = await store.list(f"{path}/", limit=1)
    return bool(listing.objects)
