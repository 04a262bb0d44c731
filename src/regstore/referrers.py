"""Which manifests of a repository refer to which (OCI distribution specification 1.1, "Referrers").

CNCF distribution has no such index, so this one lies in regstore's own state: one small object per
reference, whose body is the referrer's descriptor. It is a cache of what the manifests say. Until
its ``_complete`` marker is written, a repository's manifests are read once and the index is built;
manifests that other software pushes afterwards appear after :meth:`AsyncReferrers.reindex`. What is
deleted while somebody adds it, by a push or a reindex, may stay listed until the next reindex.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from functools import partial
from typing import Final

from regstore import layout
from regstore.consistency.deadline import sleep_in_time
from regstore.digest import Digest
from regstore.errors import (
    CorruptContentError,
    ManifestInvalidError,
    PathNotFoundError,
)
from regstore.links import link_exists, linked_digests, names_in
from regstore.oci import Descriptor, Document, parse_document
from regstore.scope import Scope
from regstore.tags import Page, check_limit

_TOGETHER: Final = 16
"""How many descriptors are read at a time, at most."""


class AsyncReferrers:
    """The referrers index of one repository."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._driver = scope.driver

    async def all(
        self, digest: str, artifact_type: str | None = None
    ) -> AsyncGenerator[Descriptor, None]:
        """Yield the descriptors of the manifests whose subject is *digest*, ordered by digest.

        The subject itself need not exist. Each carries its artifact type and annotations. Costs
        two requests, a listing for each algorithm of their digests, and one read for each of them,
        16 at the same time.

        :param artifact_type: yield only those of this type.
        :raises DigestInvalidError: *digest* is malformed.
        """
        async with aclosing(self._descriptors(Digest(digest), None, _TOGETHER)) as descriptors:
            async for descriptor in descriptors:
                if artifact_type in (None, descriptor.artifact_type):
                    yield descriptor

    async def page(
        self,
        digest: str,
        limit: int,
        last: str | None = None,
        artifact_type: str | None = None,
    ) -> Page[Descriptor]:
        """Return at most *limit* referrers after the digest *last*, ordered by digest.

        Costs what :meth:`all` does, with one read more than there are on the page. Those of other
        types are read too.

        :raises DigestInvalidError: *digest* or *last* is malformed.
        :raises ValueError: *limit* is negative.
        :raises CorruptContentError: an entry of the index is damaged: reindex.
        :raises ConfigurationError: there is no index, and a newer regstore has written here.
        """
        check_limit(limit)
        after = Digest(last) if last is not None else None
        items: list[Descriptor] = []
        batch = _TOGETHER if artifact_type is not None else min(limit + 1, _TOGETHER)
        async with aclosing(self._descriptors(Digest(digest), after, batch)) as descriptors:
            async for descriptor in descriptors:
                if artifact_type in (None, descriptor.artifact_type):
                    items.append(descriptor)
                if len(items) > limit:
                    break
        shown = tuple(items[:limit])
        return Page(shown, str(shown[-1].digest) if shown else None, len(items) > limit)

    async def reindex(self) -> int:
        """Read every manifest of the repository; add what the index lacks, drop what is gone.

        Not promised: that what is pushed meanwhile is listed before this has ended, on a store that
        lags. It may be taken for gone, and is added again then.

        :returns: how many manifests refer to another.
        :raises ConfigurationError: the index was written by a newer regstore.
        :raises ReadOnlyError: the registry was opened read-only.
        """
        await self._scope.writing_own()
        count = 0
        async with aclosing(self._scan()) as found:
            async for document, descriptor in found:
                await self.add(document, descriptor)
                count += 1
        await self._drop_stale()
        if await names_in(self._driver, layout.RevisionsRoot(self._scope.name).path, None, 1):
            marker = layout.ReferrersComplete(self._scope.name).path
            await self._driver.put_content(marker, b"")
        return count

    async def _drop_stale(self) -> None:
        """Delete the entries of manifests that are no longer in the repository."""
        root = layout.SubjectsRoot(self._scope.name).path
        specs = []
        with suppress(PathNotFoundError):
            async with aclosing(self._driver.walk(root)) as files:
                specs = [layout.parse(info.path) async for info in files]
        entries = [spec for spec in specs if isinstance(spec, layout.Referrer)]
        await self._scope.runtime.map(self._drop, await self._stale(entries))

    async def _stale(self, entries: list[layout.Referrer]) -> list[layout.Referrer]:
        """Return the entries whose manifest is gone; none where there is no time to be sure.

        An entry is written after the link of its manifest, so a miss of that is not believed before
        all must see it.
        """
        stale, keeps = await self._unlinked(entries), self._driver.capabilities
        if not stale or keeps.is_lag_known:
            return stale
        if not await sleep_in_time(self._scope.runtime, 2 * keeps.lag):
            return []
        return await self._unlinked(stale)

    async def _unlinked(self, entries: list[layout.Referrer]) -> list[layout.Referrer]:
        linked = await self._scope.runtime.map(self._is_linked, entries)
        return [entry for entry, is_linked in zip(entries, linked, strict=True) if not is_linked]

    async def _is_linked(self, entry: layout.Referrer) -> bool:
        revision = layout.RevisionLink(entry.name, entry.digest).path
        return await link_exists(self._driver, revision, must_exist=True)

    async def _drop(self, entry: layout.Referrer) -> None:
        """Delete *entry*; where its manifest is pushed meanwhile, it is added again."""
        await self._driver.delete_file(entry.path, missing_ok=True)
        if await self._is_linked(entry):
            await self._add_again(entry.digest)

    async def _add_again(self, digest: Digest) -> None:
        described = await self._described(digest)
        if described is not None:
            await self.add(*described)

    async def add(self, document: Document, descriptor: Descriptor) -> None:
        """Record that the manifest *descriptor* has a subject, if it has one.

        :raises ConfigurationError: it has, and the index was written by a newer regstore.
        """
        if document.subject is None:
            return
        await self._scope.mark_own()
        path = self._path(document.subject.digest, descriptor.digest)
        await self._driver.put_content(path, json.dumps(descriptor.to_json()).encode())

    async def remove(self, document: Document, digest: Digest) -> None:
        """Forget what :meth:`add` recorded.

        :raises ConfigurationError: the index was written by a newer regstore.
        """
        if document.subject is not None:
            await self._scope.writing_own()
            path = self._path(document.subject.digest, digest)
            await self._driver.delete_file(path, missing_ok=True)

    async def _descriptors(
        self, subject: Digest, after: Digest | None, batch: int
    ) -> AsyncGenerator[Descriptor, None]:
        root = layout.Subject(self._scope.name, subject).path
        is_complete, algorithms = await self._scope.runtime.both(
            self._is_complete(), names_in(self._driver, root)
        )
        if not is_complete and not self._scope.read_only:
            await self.reindex()
            is_complete, algorithms = True, await names_in(self._driver, root)
        if is_complete:
            source = self._indexed(subject, algorithms, after, batch)
        else:
            source = self._scanned(subject, after)
        async with aclosing(source) as descriptors:
            async for descriptor in descriptors:
                yield descriptor

    async def _indexed(
        self, subject: Digest, algorithms: list[str], after: Digest | None, batch: int
    ) -> AsyncGenerator[Descriptor, None]:
        for algorithm in algorithms:
            if after is not None and algorithm < after.algorithm:
                continue
            start = after.hex if after is not None and algorithm == after.algorithm else None
            async with aclosing(self._listed(subject, algorithm, start, batch)) as batches:
                async for digests in batches:
                    found = await self._scope.runtime.map(partial(self._read, subject), digests)
                    for descriptor in found:
                        if descriptor is not None:
                            yield descriptor

    async def _listed(
        self, subject: Digest, algorithm: str, start: str | None, batch: int
    ) -> AsyncGenerator[list[Digest], None]:
        """Yield the digests of the entries after *start*, at most *batch* at a time."""
        root = f"{layout.Subject(self._scope.name, subject).path}/{algorithm}"
        digests = []
        with suppress(PathNotFoundError):
            async with aclosing(self._driver.list(root, start)) as names:
                async for encoded in names:
                    digests.append(Digest(f"{algorithm}:{encoded}"))
                    if len(digests) == batch:
                        yield digests
                        digests = []
        if digests:
            yield digests

    async def _scanned(
        self, subject: Digest, after: Digest | None
    ) -> AsyncGenerator[Descriptor, None]:
        """Answer without an index, where none may be written."""
        found = []
        async with aclosing(self._scan()) as documents:
            async for document, descriptor in documents:
                if document.subject is not None and document.subject.digest == subject:
                    found.append(descriptor)
        for descriptor in sorted(found, key=lambda item: item.digest):
            if after is None or descriptor.digest > after:
                yield descriptor

    async def _scan(self) -> AsyncGenerator[tuple[Document, Descriptor], None]:
        root = layout.RevisionsRoot(self._scope.name).path
        async with aclosing(linked_digests(self._driver, root, layout.RevisionLink)) as digests:
            async for digest in digests:
                described = await self._described(digest)
                if described is not None:
                    yield described

    async def _described(self, digest: Digest) -> tuple[Document, Descriptor] | None:
        """Return a manifest that has a subject, and its descriptor; None for any other."""
        with suppress(PathNotFoundError, ManifestInvalidError):
            content = await self._driver.get_content(layout.BlobData(digest).path, must_exist=True)
            document = parse_document(self._scope.name, content.data)
            if document.subject is not None:
                return document, document.describe(digest, len(content.data))
        return None

    async def _read(self, subject: Digest, digest: Digest) -> Descriptor | None:
        path = self._path(subject, digest)
        try:
            content = await self._driver.get_content(path)
        except PathNotFoundError:
            return None
        try:
            return Descriptor.from_json(json.loads(content.data))
        except (ValueError, RecursionError) as error:
            msg = f"{path} is no descriptor: reindex the repository's referrers"
            raise CorruptContentError(msg, path=path, digest=str(digest)) from error

    async def _is_complete(self) -> bool:
        try:
            await self._driver.get_content(layout.ReferrersComplete(self._scope.name).path)
        except PathNotFoundError:
            return False
        return True

    def _path(self, subject: Digest, digest: Digest) -> str:
        return layout.Referrer(self._scope.name, subject, digest).path
