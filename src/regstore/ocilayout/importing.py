"""From a layout into a repository: children before parents, tags last."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from pathlib import Path

from regstore.digest import Digest
from regstore.driver import CHUNK_SIZE
from regstore.errors import (
    BlobUnknownError,
    ConfigurationError,
    DigestInvalidError,
    ManifestInvalidError,
    ManifestTooLargeError,
    ManifestUnknownError,
    SizeInvalidError,
)
from regstore.oci import Descriptor, Document, Reference, parse_document
from regstore.ocilayout.closure import Closure, ReferrersOf
from regstore.ocilayout.index import Entry, blob_path
from regstore.ocilayout.opening import open_source
from regstore.ocilayout.source import Source
from regstore.ocilayout.transfer import PARALLEL, Progress, Stores, Transfer, counted
from regstore.reference import check_tag


async def import_layout(
    stores: Stores,
    path: str | os.PathLike[str],
    reference: str | None,
    tags: Iterable[str],
    progress: Progress,
) -> Transfer:
    """Do what :meth:`regstore.registry.AsyncRepository.import_layout` says."""
    await stores.scope.writing()
    names = [check_tag(tag) for tag in tags]
    source = await open_source(Path(path), stores.scope.runtime)
    return await _Import(stores, source, progress).run(reference, names)


class _Import:
    def __init__(self, stores: Stores, source: Source, progress: Progress) -> None:
        self._stores = stores
        self._source = source
        self._progress = progress
        self._copied: list[Descriptor] = []
        self._skipped: list[Descriptor] = []

    async def run(self, reference: str | None, names: Sequence[str]) -> Transfer:
        entries = await self._select(reference, names)
        tags = self._tags(entries, reference, names)
        closure = Closure(self._fetch)
        for entry in entries:
            await closure.add(entry.reference)
        await closure.add_referrers(await self._referring(closure))
        missing = await self._missing(closure)
        blobs = [blob.descriptor for blob in closure.blobs.values()]
        blobs = [descriptor for descriptor in blobs if descriptor not in missing]
        await self._copy(blobs, tuple(closure.manifests.values()))
        for tag, digest in tags.items():
            await self._stores.tags.set(tag, digest)
        copied, skipped = tuple(self._copied), tuple(self._skipped)
        return Transfer(tags, tuple(closure.manifests.values()), copied, skipped, missing)

    async def _select(self, reference: str | None, names: Sequence[str]) -> list[Entry]:
        entries = await self._source.entries()
        if reference is not None:
            return [await self._named(entries, reference)]
        if names:
            return [await self._only_image(entries)]
        return entries

    async def _named(self, entries: Sequence[Entry], wanted: str) -> Entry:
        found = {entry.descriptor.digest: entry for entry in entries if entry.answers_to(wanted)}
        if len(found) > 1:
            msg = f"{self._source.place} has {len(found)} entries {wanted!r}: {_choose(found)}"
            raise ConfigurationError(msg)
        return found.popitem()[1] if found else await self._unlisted(entries, wanted)

    async def _unlisted(self, entries: Sequence[Entry], wanted: str) -> Entry:
        """Return the manifest of the digest *wanted*, which the index need not list."""
        if ":" in wanted and "/" not in wanted:
            digest = Digest(wanted)
            descriptor = await self._described(digest, await self._source.size(blob_path(digest)))
            if descriptor is not None:
                return Entry(Reference("manifest", descriptor), None)
        known = [entry.ref_name or entry.descriptor.digest for entry in entries]
        msg = f"{self._source.place} has no {wanted!r}; it has {', '.join(known) or 'nothing'}"
        raise ManifestUnknownError(msg, name=self._stores.scope.name, reference=wanted)

    async def _only_image(self, entries: Sequence[Entry]) -> Entry:
        """Return the one entry that refers to no other manifest."""
        images = {}
        for entry in entries:
            document = await self._fetch(entry.descriptor) if entry.is_manifest else None
            if document is not None and document.subject is None:
                images[entry.descriptor.digest] = entry
        if len(images) != 1:
            names = [each.ref_name or each.descriptor.digest for each in images.values()]
            advice = f"choose one as reference (--reference): {', '.join(names)}"
            msg = f"{self._source.place} has {len(images)} images to be tagged"
            msg += f": {advice}" if names else ""
            raise ConfigurationError(msg)
        return images.popitem()[1]

    def _tags(
        self, entries: Sequence[Entry], reference: str | None, names: Sequence[str]
    ) -> dict[str, Digest]:
        if names:
            return dict.fromkeys(names, entries[0].descriptor.digest)
        tags: dict[str, Digest] = {}
        for entry in entries:
            digest = entry.descriptor.digest
            if entry.ref_name is None or not entry.is_manifest or reference == digest:
                continue
            if tags.setdefault(entry.tag(), digest) != digest:
                msg = f"{self._source.place} has several entries for tag {entry.tag()!r}: "
                raise ConfigurationError(msg + _choose([tags[entry.tag()], digest]))
        return tags

    async def _fetch(self, descriptor: Descriptor) -> Document | None:
        if await self._source.size(blob_path(descriptor.digest)) is None:
            return None
        body = await self._body(descriptor)
        return parse_document(self._stores.scope.name, body, descriptor.media_type)

    async def _body(self, descriptor: Descriptor) -> bytes:
        await self._check_size(descriptor)
        limit = self._stores.scope.policy.max_manifest_size
        if descriptor.size > limit:
            msg = f"manifest {descriptor.digest} has {descriptor.size} bytes, {limit} are taken"
            raise ManifestTooLargeError(msg, name=self._stores.scope.name, limit=limit)
        body = await self._source.whole(blob_path(descriptor.digest))
        actual = Digest.of(body, descriptor.digest.algorithm)
        if actual != descriptor.digest:
            raise self._damaged(descriptor.digest, actual)
        return body

    async def _referring(self, closure: Closure) -> ReferrersOf:
        """Look through what the layout holds besides *closure* for what refers to it."""
        found: dict[Digest, list[Descriptor]] = {}
        async with aclosing(self._source.blobs()) as blobs:
            async for digest, size in blobs:
                if digest not in closure.manifests and digest not in closure.blobs:
                    await self._note_subject(found, digest, size)

        async def referrers_of(digest: Digest) -> Sequence[Descriptor]:
            return found.get(digest, ())

        return referrers_of

    async def _note_subject(
        self, found: dict[Digest, list[Descriptor]], digest: Digest, size: int
    ) -> None:
        descriptor = await self._described(digest, size)
        document = await self._fetch(descriptor) if descriptor is not None else None
        if descriptor is not None and document is not None and document.subject is not None:
            found.setdefault(document.subject.digest, []).append(descriptor)

    async def _described(self, digest: Digest, size: int | None) -> Descriptor | None:
        """Return the descriptor of the file of *digest* if it looks like a manifest."""
        policy = self._stores.scope.policy
        if size is None or size > policy.max_manifest_size:
            return None
        body = await self._source.whole(blob_path(digest))
        try:
            document = parse_document(self._stores.scope.name, body)
        except ManifestInvalidError:
            return None
        is_taken = document.is_known or policy.unknown_manifests
        return Descriptor(document.media_type, digest, size) if is_taken else None

    async def _missing(self, closure: Closure) -> tuple[Descriptor, ...]:
        """Return what is missing, where the policy allows that; else raise."""
        gone = [each for each in closure.absent.values() if not await self._has_manifest(each)]
        gone += [each for each in closure.blobs.values() if not await self._can_have_blob(each)]
        self._stores.require(gone, self._source.place)
        return tuple(each.descriptor for each in gone)

    async def _has_manifest(self, reference: Reference) -> bool:
        return await self._stores.manifests.exists(reference.descriptor.digest)

    async def _can_have_blob(self, reference: Reference) -> bool:
        digest = reference.descriptor.digest
        if await self._source.size(blob_path(digest)) is not None:
            return True
        return await self._has_blob(reference.descriptor)

    async def _has_blob(self, descriptor: Descriptor) -> bool:
        try:
            return (await self._stores.blobs.stat(descriptor.digest)).size == descriptor.size
        except BlobUnknownError:
            return False

    async def _copy(self, blobs: Sequence[Descriptor], manifests: Sequence[Descriptor]) -> None:
        for descriptor in (*blobs, *manifests):
            self._progress(descriptor, 0)
        await self._stores.scope.runtime.map(self._copy_blob, blobs, PARALLEL)
        for descriptor in manifests:
            await self._copy_manifest(descriptor)

    async def _copy_blob(self, descriptor: Descriptor) -> None:
        if await self._has_blob(descriptor):
            self._skip(descriptor)
            return
        await self._check_size(descriptor)
        content = self._source.read(blob_path(descriptor.digest))
        try:
            async with aclosing(counted(content, descriptor, self._progress)) as chunks:
                await self._put_blob(descriptor, chunks)
        except DigestInvalidError as error:
            raise self._damaged(descriptor.digest, error.actual) from error
        self._copied.append(descriptor)

    async def _put_blob(self, descriptor: Descriptor, chunks: AsyncGenerator[bytes, None]) -> None:
        if descriptor.size > CHUNK_SIZE:
            await self._stores.blobs.put(chunks, descriptor.digest)
        else:
            data = b"".join([chunk async for chunk in chunks])
            await self._stores.blobs.put(data, descriptor.digest)

    async def _copy_manifest(self, descriptor: Descriptor) -> None:
        if await self._stores.manifests.exists(descriptor.digest):
            self._skip(descriptor)
            return
        body = await self._body(descriptor)
        await self._stores.manifests.put(body, descriptor.media_type, descriptor.digest)
        self._copied.append(descriptor)
        self._progress(descriptor, descriptor.size)

    def _skip(self, descriptor: Descriptor) -> None:
        self._skipped.append(descriptor)
        self._progress(descriptor, descriptor.size)

    async def _check_size(self, descriptor: Descriptor) -> None:
        size = await self._source.size(blob_path(descriptor.digest))
        if size != descriptor.size:
            msg = (
                f"{self._source.place}: {descriptor.digest} has {size} bytes where "
                f"{descriptor.size} belong: fetch the layout again"
            )
            raise SizeInvalidError(msg, expected=descriptor.size, actual=size)

    def _damaged(self, digest: Digest, actual: str | None) -> DigestInvalidError:
        msg = f"{self._source.place}: {digest} has digest {actual}: fetch the layout again"
        return DigestInvalidError(msg, digest=str(digest), actual=actual)


def _choose(digests: Iterable[Digest]) -> str:
    return f"choose one by its digest ({', '.join(digests)})"
