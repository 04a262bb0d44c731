"""The manifests of one repository: immutable, stored by digest, whole or not at all."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial

from regstore import content, layout
from regstore.chunks import Chunks, check_body, gathered
from regstore.digest import Digest
from regstore.errors import (
    CorruptContentError,
    DigestInvalidError,
    ManifestBlobUnknownError,
    ManifestInvalidError,
    ManifestTooLargeError,
    ManifestUnknownError,
    PathNotFoundError,
)
from regstore.events import Action
from regstore.links import linked_digests, read_link
from regstore.oci import Descriptor, Document, Reference, parse_document, sniff
from regstore.reference import check_tag, parse_reference
from regstore.referrers import AsyncReferrers
from regstore.scope import Scope
from regstore.tags import ANY, AsyncTags, Expect
from regstore.tombstones import (
    Claim,
    Link,
    in_quarantine,
    is_collecting,
    is_late,
    learning,
)


@dataclass(frozen=True)
class Manifest:
    """A stored manifest, byte for byte as it was pushed, and verified against its digest.

    :ivar body: the bytes.
    :ivar descriptor: media type, digest, size.
    """

    body: bytes
    descriptor: Descriptor

    @property
    def media_type(self) -> str:
        """What the body says that it is, or looks like."""
        return self.descriptor.media_type

    @property
    def digest(self) -> Digest:
        """The digest under which it is stored."""
        return self.descriptor.digest

    @cached_property
    def document(self) -> Document:
        """The body, parsed; ``is_known`` tells whether its references could be followed.

        :raises ManifestInvalidError: it is no JSON object, or breaks the format that it claims.
        """
        return parse_document("", self.body, self.media_type)


@dataclass(frozen=True, slots=True)
class PutResult:
    """What a push did.

    :ivar descriptor: of the manifest.
    :ivar tags: those that now name it.
    :ivar subject: the manifest that it refers to; servers answer with it in ``OCI-Subject``.
    """

    descriptor: Descriptor
    tags: tuple[str, ...]
    subject: Digest | None


class AsyncManifests:
    """The manifests of one repository."""

    def __init__(self, scope: Scope, tags: AsyncTags, referrers: AsyncReferrers) -> None:
        self._scope = scope
        self._driver = scope.driver
        self._tags = tags
        self._referrers = referrers

    async def put(
        self,
        body: bytes | Chunks,
        media_type: str | None = None,
        digest: str | None = None,
        tags: Iterable[str] = (),
        expect: Expect = ANY,
    ) -> PutResult:
        """Store a manifest, and make *tags* name it.

        What it refers to must be in this repository already (exceptions: :class:`Policy`); its
        subject need not be. Idempotent. Order: content, revision link, referrers, tags, so that a
        crash leaves nothing that names what is not there.

        With n different children and one tag it costs 2n + 4 requests in 4 round trips: links,
        children and body at the same time, then revision link, tag index, tag. n + 4 requests where
        fresh links vouch (:class:`Policy`), in 5 round trips where some do not. One more with a
        subject, and once per process another, to look at the format of regstore's own state.

        :param body: the whole, or its chunks, of which no more are asked for than may be taken.
        :param media_type: as sent; sniffed where absent. Must be what the body says of itself.
        :param digest: what the body must have; its sha256 by default.
        :param expect: what each of *tags* must be now, as for :meth:`AsyncTags.set`.
        :raises ManifestInvalidError: it is no manifest, or of a type that is not taken.
        :raises ManifestTooLargeError: it is larger than ``Policy.max_manifest_size``.
        :raises ManifestBlobUnknownError: what it refers to is missing; the error says what.
        :raises DigestInvalidError: the body does not have *digest*, or *digest* is malformed.
        :raises TagInvalidError: one of *tags* is no tag; nothing was written.
        :raises TagConflictError: one of *tags* is not what was expected; the manifest is stored,
            and the tags before that one are set.
        :raises TagImmutableError: the policy forbids to move one of *tags*.
        :raises UnsupportedMethodError: *expect* is not ANY and the store cannot keep conditions.
        :raises ConfigurationError: it has a subject, and regstore's own state in this store was
            written by a newer regstore; nothing was written.
        :raises ReadOnlyError: the registry was opened read-only.
        """
        await self._scope.writing()
        check_body(body)
        names = tuple(check_tag(tag) for tag in ([tags] if isinstance(tags, str) else tags))
        whole = await self._gather(body)
        document = self._parse(whole, media_type)
        actual = self._verify(whole, digest)
        descriptor = Descriptor(document.media_type, actual, len(whole))
        await self._tags.require_settable(names, actual)
        if document.subject is not None:
            await self._scope.writing_own()
        begun, restore = self._scope.runtime.monotonic(), partial(self._store, actual, whole)
        children, _ = await self._scope.runtime.both(
            self._check_references(document, begun), self._store(actual, whole)
        )
        await self._keep(children, begun)
        link = layout.RevisionLink(self._scope.name, actual)
        await Claim(self._scope, actual, link, begun, restore).hold()
        if is_late(self._scope, begun):  # until now no collector has seen what needs them
            await self._keep(children, begun)
        await self._referrers.add(document, document.describe(actual, len(whole)))
        for tag in names:
            await self._tags.point(tag, actual, expect)
        self._scope.tell(Action.MANIFEST_PUSHED, digest=actual, size=len(whole))
        subject = document.subject.digest if document.subject else None
        return PutResult(descriptor, names, subject)

    async def get(self, reference: str) -> Manifest:
        """Return the manifest that *reference*, a tag or a digest, names.

        Costs two requests in one round trip; by tag one before them.

        :raises ManifestUnknownError: there is no such tag or manifest.
        :raises TagInvalidError: *reference* is neither a tag nor a digest.
        :raises CorruptContentError: what is stored does not have its digest.
        """
        manifest = await self._load(reference)
        self._scope.tell(Action.MANIFEST_PULLED, digest=manifest.digest, size=len(manifest.body))
        return manifest

    async def stat(self, reference: str) -> Descriptor:
        """Describe the manifest that *reference*, a tag or a digest, names.

        Costs as much as :meth:`get`, since only the body tells the media type.

        :raises ManifestUnknownError: there is no such tag or manifest.
        :raises TagInvalidError: *reference* is neither a tag nor a digest.
        :raises CorruptContentError: what is stored does not have its digest.
        """
        return (await self._load(reference)).descriptor

    async def exists(self, reference: str) -> bool:
        """Return whether *reference*, a tag or a digest, names a manifest whose content is here.

        Costs as much as :meth:`get`, since to read a small object is no dearer than to look for it.
        """
        try:
            digest = await self._resolve(reference)
            await self._read_linked(digest, reference)
        except ManifestUnknownError:
            return False
        return True

    async def delete(self, digest: str) -> None:
        """Delete a manifest from this repository, and the tags that name it.

        Its content stays, for other repositories and for collection. Costs two listings of the
        tags, one read per tag and another per tag that stays, what it costs to delete each tag that
        names it, one read and one deletion.

        :raises ManifestUnknownError: this repository has no such manifest.
        :raises ConfigurationError: it has a subject, and regstore's own state in this store was
            written by a newer regstore; nothing was deleted.
        :raises TagImmutableError: an immutable tag names it; nothing was deleted.
        :raises ReadOnlyError: the registry was opened read-only.
        """
        await self._scope.writing()
        wanted = Digest(digest)
        tags = await self._tags.listed()
        await self._tags.require_deletable(wanted, tags)
        await self._forget_subject(wanted)
        await self._tags.release(wanted, tags)
        try:
            await self._driver.delete_file(self._revision(wanted))
        except PathNotFoundError as error:
            raise self._unknown(digest) from error
        await self._tags.release(wanted, await self._tags.listed())  # those set meanwhile
        self._scope.tell(Action.MANIFEST_DELETED, digest=wanted)

    async def all(self) -> AsyncGenerator[Digest, None]:
        """Yield the digest of every manifest of this repository, in unspecified order."""
        root = layout.RevisionsRoot(self._scope.name).path
        async for digest in linked_digests(self._driver, root, layout.RevisionLink):
            yield digest

    async def _load(self, reference: str) -> Manifest:
        digest = await self._resolve(reference)
        body = await self._read(digest, reference)
        return Manifest(body, Descriptor(sniff(body), digest, len(body)))

    async def _resolve(self, reference: str) -> Digest:
        parsed = parse_reference(reference)
        return parsed if isinstance(parsed, Digest) else await self._tags.get(parsed)

    async def _read_linked(self, digest: Digest, reference: str) -> bytes:
        """Return the content of a manifest of this repository, unverified.

        Link and content are asked for at once; a link proves that content is there which may have
        come only after it was asked for.
        """
        _, body = await self._scope.runtime.both(
            self._read_revision(digest, reference), self._find_data(digest)
        )
        if body is None:
            body = await self._find_data(digest, must_exist=True)
        return body if body is not None else await self._read_copy(digest, reference)

    async def _read(self, digest: Digest, reference: str) -> bytes:
        body = await self._read_linked(digest, reference)
        if Digest.of(body, digest.algorithm) != digest:
            path = layout.BlobData(digest).path
            msg = f"the content at {path} does not have its digest: push the manifest again"
            raise CorruptContentError(msg, path=path, digest=str(digest))
        return body

    async def _read_revision(self, digest: Digest, reference: str) -> Digest:
        is_named = reference != digest  # by a tag, which is set after the revision
        try:
            return await read_link(self._driver, self._revision(digest), must_exist=is_named)
        except PathNotFoundError as error:
            raise self._unknown(reference) from error

    async def _find_data(self, digest: Digest, *, must_exist: bool = False) -> bytes | None:
        path = layout.BlobData(digest).path
        try:
            data = await self._driver.get_content(path, must_exist=must_exist)
        except PathNotFoundError:
            return None
        return data.data

    async def _read_copy(self, digest: Digest, reference: str) -> bytes:
        copy = await in_quarantine(self._scope, digest, self._driver.get_content)
        if copy is None:
            raise self._unknown(reference)
        return copy.data

    async def _forget_subject(self, digest: Digest) -> None:
        """Take the manifest from the referrers of its subject, where it can still be read."""
        try:
            data = await self._find_data(digest, must_exist=True)
            body = data if data is not None else await self._read_copy(digest, digest)
            document = parse_document(self._scope.name, body)
        except (ManifestUnknownError, ManifestInvalidError):
            return
        await self._referrers.remove(document, digest)

    async def _store(self, digest: Digest, body: bytes) -> None:
        await learning(self._scope, content.store(self._scope, digest, body))

    async def _keep(self, linked: Iterable[content.Linked], begun: float) -> None:
        """Keep what the manifest refers to from collectors that are at work."""
        if await is_collecting(self._scope) or is_late(self._scope, begun):
            await self._scope.runtime.map(lambda each: self._claim(each, begun), linked)

    async def _claim(self, linked: content.Linked, begun: float) -> None:
        try:
            await linked.keep(self._scope, begun)
        except PathNotFoundError as error:
            raise self._lacking([linked.link.digest]) from error

    async def _check_references(self, document: Document, begun: float) -> list[content.Linked]:
        """Find what the manifest refers to."""
        may_lack = self._scope.policy.may_lack
        needed = {(item.role, item.descriptor.digest): item for item in document.references}
        items = [item for item in needed.values() if not may_lack(item)]
        found = await self._scope.runtime.map(lambda item: self._find(item, begun), items)
        pairs = list(zip(items, found, strict=True))
        missing = [item.descriptor.digest for item, linked in pairs if linked is None]
        if missing:
            raise self._lacking(missing)
        return [each for each in found if each is not None]

    def _lacking(self, missing: Iterable[Digest]) -> ManifestBlobUnknownError:
        names = tuple(str(digest) for digest in missing)
        msg = f"repository {self._scope.name!r} lacks {', '.join(names)}: push them first"
        return ManifestBlobUnknownError(msg, name=self._scope.name, missing=names)

    async def _find(self, reference: Reference, begun: float) -> content.Linked | None:
        """Return what gives this repository *reference*; ``None`` if it does not have it."""
        digest = reference.descriptor.digest
        revision, layer = (
            kind(self._scope.name, digest) for kind in (layout.RevisionLink, layout.LayerLink)
        )
        links: dict[str, tuple[Link, ...]] = {
            "manifest": (revision,),
            "blob": (revision, layer),  # of a type that may have been pushed as a manifest
        }
        with suppress(PathNotFoundError):
            linked = await content.find_linked(self._scope, *links.get(reference.role, (layer,)))
            if not linked.has_data:
                await linked.claim(self._scope, begun).restore()
            return linked
        return None

    async def _gather(self, body: bytes | Chunks) -> bytes:
        limit = self._scope.policy.max_manifest_size
        whole = body if isinstance(body, bytes) else await gathered(body, limit)
        if len(whole) > limit:
            msg = f"the manifest has more than the {limit} bytes that are taken"
            raise ManifestTooLargeError(msg, name=self._scope.name, limit=limit)
        return whole

    def _parse(self, body: bytes, media_type: str | None) -> Document:
        document = parse_document(self._scope.name, body, media_type)
        if not document.is_known and not self._scope.policy.unknown_manifests:
            msg = (
                f"manifests of type {document.media_type} are not taken: push OCI or Docker "
                "schema 2, or allow others with Policy(unknown_manifests=True)"
            )
            raise ManifestInvalidError(msg, name=self._scope.name)
        return document

    def _verify(self, body: bytes, digest: str | None) -> Digest:
        wanted = Digest(digest) if digest is not None else None
        actual = Digest.of(body, wanted.algorithm if wanted else "sha256")
        if wanted is not None and actual != wanted:
            msg = f"the manifest has digest {actual}, not {wanted}"
            raise DigestInvalidError(msg, digest=str(wanted), actual=str(actual))
        return actual

    def _revision(self, digest: Digest) -> str:
        return layout.RevisionLink(self._scope.name, digest).path

    def _unknown(self, reference: str) -> ManifestUnknownError:
        msg = f"repository {self._scope.name!r} has no manifest {reference}"
        return ManifestUnknownError(msg, name=self._scope.name, reference=str(reference))
