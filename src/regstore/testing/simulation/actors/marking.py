"""What a collector finds in a store: what is in use, and what may be."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from regstore import layout
from regstore.digest import Digest
from regstore.driver import FileInfo, StorageDriver
from regstore.errors import PathNotFoundError
from regstore.links import names_in, read_link
from regstore.oci import parse_document

_DIGESTS: Final = re.compile(rb"sha256:[0-9a-f]{64}")


@dataclass(slots=True)
class Mark:
    """What was found, all of it after *now*.

    :ivar now: the store's time.
    :ivar grace: how long what is new is left alone.
    :ivar reachable: what revisions and tags lead to.
    :ivar needed: repositories, and the blobs of which they must have links.
    :ivar links: the layer links of each digest.
    :ivar blobs: all content.
    :ivar saved: since when writers claim what.
    :ivar condemned: digests of which anybody has a tombstone.
    :ivar is_complete: whether every manifest could be read.
    """

    now: datetime
    grace: timedelta
    reachable: set[Digest] = field(default_factory=set)
    needed: set[tuple[str, Digest]] = field(default_factory=set)
    links: dict[Digest, list[FileInfo]] = field(default_factory=dict)
    blobs: dict[Digest, FileInfo] = field(default_factory=dict)
    saved: dict[Digest, datetime] = field(default_factory=dict)
    condemned: dict[Digest, list[layout.Tombstone]] = field(default_factory=dict)
    is_complete: bool = True

    def is_fresh(self, modified: datetime) -> bool:
        """Return whether *modified* is too young for anything to be said."""
        return modified > self.now - self.grace

    def lives(self, digest: Digest) -> bool:
        """Return whether somebody uses *digest*, or may be about to."""
        times = [link.modified for link in self.links.get(digest, ())]
        if digest in self.saved:
            times.append(self.saved[digest])
        if digest in self.blobs and digest not in self.condemned:
            times.append(self.blobs[digest].modified)
        return digest in self.reachable or any(self.is_fresh(time) for time in times)

    def missing_links(self) -> list[layout.LayerLink]:
        """Return the links that manifests need and that are not there."""
        there = {link.path for links in self.links.values() for link in links}
        wanted = [layout.LayerLink(name, digest) for name, digest in sorted(self.needed)]
        return [link for link in wanted if link.path not in there]


async def take_mark(driver: StorageDriver, now: datetime, grace: float) -> Mark:
    """Look at the whole store.

    :raises DriverError: some of it could not be seen.
    """
    mark = Mark(now, timedelta(seconds=grace))
    roots: list[tuple[str, Digest]] = []
    for spec, info in await _walked(driver, layout.RepositoriesRoot()):
        if isinstance(spec, layout.RevisionLink):
            roots.append((spec.name, spec.digest))
        elif isinstance(spec, layout.LayerLink):
            mark.links.setdefault(spec.digest, []).append(info)
        elif isinstance(spec, layout.TagCurrentLink):
            with suppress(PathNotFoundError):
                roots.append((spec.name, await read_link(driver, spec.path)))
    for spec, info in await _walked(driver, layout.BlobsRoot()):
        if isinstance(spec, layout.BlobData):
            mark.blobs[spec.digest] = info
    for spec, info in await _walked(driver, layout.CollectionRoot()):
        if isinstance(spec, layout.SavedDigest):
            mark.saved[spec.digest] = info.modified
        elif isinstance(spec, layout.Tombstone):
            mark.condemned.setdefault(spec.digest, []).append(spec)
    await _follow(driver, mark, roots)
    return mark


async def _walked(
    driver: StorageDriver, root: layout.PathSpec
) -> list[tuple[layout.PathSpec, FileInfo]]:
    try:
        return [(layout.parse(info.path), info) async for info in driver.walk(root.path)]
    except PathNotFoundError:
        return []


async def _follow(driver: StorageDriver, mark: Mark, roots: list[tuple[str, Digest]]) -> None:
    bodies: dict[Digest, bytes | None] = {}
    seen: set[tuple[str, Digest]] = set()
    while roots:
        name, digest = roots.pop()
        if (name, digest) in seen:
            continue
        seen.add((name, digest))
        mark.reachable.add(digest)
        if digest not in bodies:
            bodies[digest] = await _body(driver, digest)
        body = bodies[digest]
        if body is None:
            mark.is_complete = False
            continue
        mark.reachable.update(Digest(found.decode()) for found in _DIGESTS.findall(body))
        for reference in parse_document(name, body).references:
            child = name, reference.descriptor.digest
            if reference.role == "manifest":
                roots.append(child)
            else:
                mark.needed.add(child)


async def _body(driver: StorageDriver, digest: Digest) -> bytes | None:
    """Return a manifest, wherever it is."""
    names = await names_in(driver, layout.Trash(digest).path)
    copies = [layout.Quarantined(digest, collector).path for collector in names]
    for path in (layout.BlobData(digest).path, *copies):
        with suppress(PathNotFoundError):
            return (await driver.get_content(path, must_exist=True)).data
    return None
