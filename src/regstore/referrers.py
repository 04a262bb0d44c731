"""Which manifests of a repository refer to which (OCI distribution specification 1.1, "Referrers").

CNCF distribution has no such index, so this one lies in regstore's own state: one small object per
reference, whose body is the referrer's descriptor. It is a cache of what the manifests say. Until
its ``_complete`` marker is written, a repository's manifests are read once and the index is built;
manifests that other software pushes afterwards appear after :meth:`AsyncReferrers.reindex`.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

from regstore import layout
from regstore.digest import Digest
from regstore.driver import IF_ABSENT
from regstore.errors import (
    CorruptContentError,
    ManifestInvalidError,
    PathExistsError,
    PathNotFoundError,
    UnsupportedMethodError,
)
from regstore.links import link_exists, linked_digests, names_in
from regstore.oci import Descriptor, Document, parse_document
from regstore.scope import FORMAT, Scope
from regstore.tags import Page


class AsyncReferrers:
    """The referrers index of one repository."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._driver = scope.driver

    async def all(
        self, digest: str, artifact_type: str | None = None
    ) -> AsyncGenerator[Descriptor, None]:
        """Yield the descriptors of the manifests whose subject is *digest*, ordered by digest.

        The subject itself need not exist. Each carries its artifact type and annotations.

        :param artifact_type: yield only those of this type.
        :raises DigestInvalidError: *digest* is malformed.
        """
        async with aclosing(self._descriptors(Digest(digest), None)) as descriptors:
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

        :raises DigestInvalidError: *digest* or *last* is malformed.
        :raises ValueError: *limit* is negative.
        """
        if limit < 0:
            msg = f"a page cannot have {limit} items"
            raise ValueError(msg)
        after = Digest(last) if last is not None else None
        items: list[Descriptor] = []
        async with aclosing(self._descriptors(Digest(digest), after)) as descriptors:
            async for descriptor in descriptors:
                if artifact_type in (None, descriptor.artifact_type):
                    items.append(descriptor)
                if len(items) > limit:
                    break
        shown = tuple(items[:limit])
        return Page(shown, str(shown[-1].digest) if shown else None, len(items) > limit)

    async def reindex(self) -> int:
        """Read every manifest of the repository again; add what the index lacks, drop what is gone.

        :returns: how many manifests refer to another.
        :raises ReadOnlyError: the registry was opened read-only.
        """
        await self._scope.writing()
        count = 0
        async with aclosing(self._scan()) as found:
            async for document, descriptor in found:
                await self.add(document, descriptor)
                count += 1
        await self._drop_stale()
        if await self._is_there(layout.RevisionsRoot(self._scope.name)):
            marker = layout.ReferrersComplete(self._scope.name).path
            await self._driver.put_content(marker, b"")
        return count

    async def _drop_stale(self) -> None:
        """Delete the entries of manifests that are no longer in the repository."""
        root = layout.SubjectsRoot(self._scope.name).path
        with suppress(PathNotFoundError):
            async with aclosing(self._driver.walk(root)) as files:
                async for info in files:
                    entry = layout.parse(info.path)
                    if isinstance(entry, layout.Referrer):
                        await self._drop_if_stale(entry)

    async def _drop_if_stale(self, entry: layout.Referrer) -> None:
        revision = layout.RevisionLink(entry.name, entry.digest).path
        if not await link_exists(self._driver, revision):
            with suppress(PathNotFoundError):
                await self._driver.delete_file(entry.path)

    async def add(self, document: Document, descriptor: Descriptor) -> None:
        """Record that the manifest *descriptor* has a subject, if it has one."""
        if document.subject is None:
            return
        await self._mark_format()
        path = self._path(document.subject.digest, descriptor.digest)
        await self._driver.put_content(path, json.dumps(descriptor.to_json()).encode())

    async def remove(self, document: Document, digest: Digest) -> None:
        """Forget what :meth:`add` recorded."""
        if document.subject is not None:
            with suppress(PathNotFoundError):
                await self._driver.delete_file(self._path(document.subject.digest, digest))

    async def _descriptors(
        self, subject: Digest, after: Digest | None
    ) -> AsyncGenerator[Descriptor, None]:
        if await self._is_complete() or not self._scope.read_only:
            source = self._indexed(subject, after)
        else:
            source = self._scanned(subject, after)
        async with aclosing(source) as descriptors:
            async for descriptor in descriptors:
                yield descriptor

    async def _indexed(
        self, subject: Digest, after: Digest | None
    ) -> AsyncGenerator[Descriptor, None]:
        if not await self._is_complete():
            await self.reindex()
        root = layout.Subject(self._scope.name, subject).path
        for algorithm in await names_in(self._driver, root):
            if after is not None and algorithm < after.algorithm:
                continue
            start = after.hex if after is not None and algorithm == after.algorithm else None
            for encoded in await names_in(self._driver, f"{root}/{algorithm}", start):
                with suppress(PathNotFoundError):
                    yield await self._read(subject, Digest(f"{algorithm}:{encoded}"))

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
                with suppress(PathNotFoundError, ManifestInvalidError):
                    content = await self._driver.get_content(layout.BlobData(digest).path)
                    document = parse_document(self._scope.name, content.data)
                    if document.subject is not None:
                        yield document, document.describe(digest, len(content.data))

    async def _read(self, subject: Digest, digest: Digest) -> Descriptor:
        path = self._path(subject, digest)
        content = await self._driver.get_content(path)
        try:
            return Descriptor.from_json(json.loads(content.data))
        except (ValueError, RecursionError) as error:
            msg = f"{path} is no descriptor: reindex the repository's referrers"
            raise CorruptContentError(msg, path=path, digest=str(digest)) from error

    async def _is_complete(self) -> bool:
        return await self._is_there(layout.ReferrersComplete(self._scope.name))

    async def _is_there(self, spec: layout.PathSpec) -> bool:
        try:
            await self._driver.stat(spec.path)
        except PathNotFoundError:
            return False
        return True

    async def _mark_format(self) -> None:
        """Say which format this own state has, for regstores to come."""
        path = layout.Format().path
        try:
            await self._driver.get_content(path)
        except PathNotFoundError:
            body = str(FORMAT).encode()
            try:
                await self._driver.put_content(path, body, IF_ABSENT)
            except UnsupportedMethodError:
                await self._driver.put_content(path, body)
            except PathExistsError:
                return

    def _path(self, subject: Digest, digest: Digest) -> str:
        return layout.Referrer(self._scope.name, subject, digest).path
