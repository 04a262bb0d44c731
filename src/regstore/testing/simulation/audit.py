"""What must hold of the true contents of a simulated store.

At every moment, of each version that any key ever had:

- I4: the data of a blob has exactly the bytes of its digest, unless the store itself has torn it.
- I5: a link holds the digest of its path. A layer link of another algorithm than sha256 may hold a
  sha256 digest: the alias that CNCF distribution writes.
- I8: a tag names what was a revision of its repository before, and was in its history.
- I22: no name is foreign to the layout, and what the driver keeps for itself lies where CNCF
  distribution does not stumble upon it.
- referrers: an entry of the index names what was a revision of its repository before.

At rest, when nobody is about to do anything any more:

- I3: a layer link has its data. A revision has its body, and all that the body refers to: data,
  and a link in the same repository. A tag names a revision.
- I17: the record of what is parked in an upload names chunks that are there, as long as it says.
- I18: the saved state of an upload's hash is that of its bytes.
- I20: no session is open that the purge of an upload would not end: it is for a key below that, or
  recorded there.
- referrers: where the index is complete, each revision that has a subject is in it.

Not told, since it is allowed: content that nobody refers to; history of tags that are gone, and a
history without the present value, where a deletion of the tag has overtaken its setting; referrers
that are gone and still listed, where they were deleted while they were added; what is left of
uploads that have ended (:func:`litter`). Told, although it is allowed where a manifest is deleted
while a tag is set to it: a tag that names what is gone (:func:`dangles`). And where the push or the
deletion of a manifest broke off, or other software pushed it: that it is not listed
(:func:`is_unlisted`).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from regstore import hashstates, layout
from regstore.digest import Digest
from regstore.driver import Content
from regstore.drivers.objects.naming import PARKED, is_hidden
from regstore.drivers.objects.records import Record, load_record
from regstore.errors import DigestInvalidError, DriverError, ManifestInvalidError
from regstore.oci import Document, Reference, parse_document
from regstore.testing.simulation.bucket import Bucket, Version
from regstore.testing.simulation.stock_names import is_unseen
from regstore.testing.simulation.violations import Violation

_HEAD: Final = f"/{PARKED}/data/head"
_NO_DATA: Final = "a blob has no data"
_NO_BODY: Final = "a revision has no body"
_REMEMBERED: Final = 1 << 14
"""Keys and bodies that are judged once: explorers ask about the same ones again and again."""


def audit(bucket: Bucket, *, at_rest: bool = True) -> list[Violation]:
    """Return what is wrong with *bucket*, or ever was.

    :param at_rest: also what only must hold once every operation has ended. After a crash that is
        so when everybody has tried again, and what was begun by the dead has been purged.
    """
    found = list(_always(bucket))
    if at_rest:
        found += _at_rest(bucket)
    return found


def dangles(violation: Violation) -> bool:
    """Return whether *violation* is a tag that names what is no revision any more."""
    return violation.invariant == "I3" and isinstance(_parse(violation.key), layout.TagCurrentLink)


def is_unlisted(violation: Violation) -> bool:
    """Return whether *violation* is a manifest that a complete index of referrers lacks."""
    is_revision = isinstance(_parse(violation.key), layout.RevisionLink)
    return violation.invariant == "referrers" and is_revision


def has_no_data(violation: Violation) -> bool:
    """Return whether *violation* is a link of a repository whose content is not at its place."""
    return violation.text in {_NO_DATA, _NO_BODY}


def is_unending(violation: Violation) -> bool:
    """Return whether *violation* is a session for a blob that no upload knows of any more."""
    is_blob = isinstance(_parse(violation.key), layout.BlobData)
    return violation.invariant == "I20" and is_blob


def litter(bucket: Bucket) -> dict[str, layout.Upload]:
    """Return what is left of uploads that have ended: what a purge is for.

    :returns: the upload of each key; of sessions under way the key that they are for.
    """
    under_way = [session.key for session, _ in bucket.open_sessions.values()]
    found = {key: _upload(key) for key in sorted([*bucket.contents, *under_way])}
    return {key: of for key, of in found.items() if of and not _is_live(bucket, of)}


def _always(bucket: Bucket) -> Iterator[Violation]:
    for key, versions in bucket.history.items():
        if not _is_known(key):
            yield Violation("I22", "a name that the layout does not have", key)
        for version in versions:
            if version.content is not None and not version.is_torn:
                yield from _judged(key, version.content.data)
        spec = _parse(key)
        if isinstance(spec, layout.TagCurrentLink):
            yield from _named_before(bucket, spec, versions)
        elif isinstance(spec, layout.Referrer):
            yield from _listed_before(bucket, spec, versions)


def _named_before(
    bucket: Bucket, tag: layout.TagCurrentLink, versions: list[Version]
) -> Iterator[Violation]:
    for version in versions:
        named = None if version.content is None else _link(version.content.data)
        if named is None:
            continue
        revision = layout.RevisionLink(tag.name, named).path
        if not _was_there(bucket, revision, version.time):
            yield Violation("I8", f"it named {named}, which was no revision yet", tag.path)
        if not _was_there(bucket, layout.TagIndexLink(tag.name, tag.tag, named).path, version.time):
            yield Violation("I8", f"it named {named} before its history did", tag.path)


def _listed_before(
    bucket: Bucket, entry: layout.Referrer, versions: list[Version]
) -> Iterator[Violation]:
    revision = layout.RevisionLink(entry.name, entry.digest).path
    for version in versions:
        if version.content is not None and not _was_there(bucket, revision, version.time):
            yield Violation("referrers", "it was listed, and was no revision yet", entry.path)


def _was_there(bucket: Bucket, key: str, time: float) -> bool:
    versions = bucket.history.get(key, ())
    return any(version.time <= time for version in versions[:1])


@lru_cache(_REMEMBERED)
def _judged(key: str, data: bytes) -> tuple[Violation, ...]:
    """Return what is wrong with *data* as the content of *key*, whatever else there is."""
    spec = _parse(key)
    if isinstance(spec, layout.BlobData):
        actual = Digest.of(data, spec.digest.algorithm)
        if actual != spec.digest:
            return (Violation("I4", f"its {len(data)} bytes have digest {actual}", key),)
    if not isinstance(spec, layout.LayerLink | layout.RevisionLink | layout.TagIndexLink):
        is_link = isinstance(spec, layout.TagCurrentLink)
        bad = is_link and _link(data) is None
        return (Violation("I5", f"it holds {data!r}, which is no digest", key),) if bad else ()
    held = _link(data)
    is_alias = isinstance(spec, layout.LayerLink) and _may_be_alias(spec.digest, held)
    if held == spec.digest or is_alias:
        return ()
    return (Violation("I5", f"it holds {data!r}, not the digest of its path", key),)


def _may_be_alias(digest: Digest, held: Digest | None) -> bool:
    return held is not None and digest.algorithm != "sha256" == held.algorithm


def _at_rest(bucket: Bucket) -> Iterator[Violation]:
    for key, content in bucket.contents.items():
        spec = _parse(key)
        if isinstance(spec, layout.RevisionLink):
            yield from _revision(bucket, spec)
        elif isinstance(spec, layout.LayerLink):
            yield from _layer(bucket, spec, _link(content.data))
        elif isinstance(spec, layout.TagCurrentLink):
            yield from _tag(bucket, spec, _link(content.data))
        elif key.endswith(_HEAD):
            yield from _parked(bucket, key, content)
    for session, _ in bucket.open_sessions.values():
        records = f"{session.scratch}/session-"
        is_recorded = any(key.startswith(records) for key in bucket.contents)
        if not (is_recorded or _upload(session.key)):
            yield Violation("I20", "a session that nobody would end is open", session.key)


def _layer(bucket: Bucket, link: layout.LayerLink, held: Digest | None) -> Iterator[Violation]:
    if held is not None and layout.BlobData(held).path not in bucket.contents:
        yield Violation("I3", _NO_DATA, link.path)


def _revision(bucket: Bucket, link: layout.RevisionLink) -> Iterator[Violation]:
    body = bucket.contents.get(layout.BlobData(link.digest).path)
    if body is None:
        yield Violation("I3", _NO_BODY, link.path)
        return
    document = _document(body.data)
    if document is None:
        return
    for reference in document.references:
        digest = reference.descriptor.digest
        if not reference.is_foreign and not _has(bucket, link.name, reference):
            yield Violation("I3", f"the {reference.role} {digest} is missing", link.path)
    if document.subject is not None and not _is_listed(bucket, link, document.subject.digest):
        yield Violation("referrers", "the index is complete, and lacks it", link.path)


def _has(bucket: Bucket, name: str, reference: Reference) -> bool:
    """Return whether the repository *name* has what a manifest refers to, its data included."""
    digest, role = reference.descriptor.digest, reference.role
    layer = bucket.contents.get(layout.LayerLink(name, digest).path)
    target = _link(layer.data) if layer and role != "manifest" else None
    if target is None and role in {"manifest", "blob"}:
        target = digest if layout.RevisionLink(name, digest).path in bucket.contents else None
    return target is not None and layout.BlobData(target).path in bucket.contents


def _is_listed(bucket: Bucket, link: layout.RevisionLink, subject: Digest) -> bool:
    """Return whether the index has it, or does not claim to."""
    entry = layout.Referrer(link.name, subject, link.digest).path
    complete = layout.ReferrersComplete(link.name).path
    return entry in bucket.contents or complete not in bucket.contents


def _tag(bucket: Bucket, tag: layout.TagCurrentLink, named: Digest | None) -> Iterator[Violation]:
    if named is not None and layout.RevisionLink(tag.name, named).path not in bucket.contents:
        yield Violation("I3", f"it names {named}, which is no revision", tag.path)


def _parked(bucket: Bucket, key: str, content: Content) -> Iterator[Violation]:
    """Look at what is parked in a live upload; of an ended one it is litter, however torn."""
    upload = _upload(key)
    if upload is None or not _is_live(bucket, upload):
        return
    try:
        record = load_record(content.data, key, bucket.name)
    except DriverError as error:
        yield Violation("I17", str(error), key)
        return
    chunks = [bucket.contents.get(chunk.key) for chunk in record.chunks]
    sizes = [chunk and len(chunk.data) for chunk in chunks]
    if sizes != [chunk.size for chunk in record.chunks]:
        yield Violation("I17", f"of the chunks {record.chunks} there are {sizes} bytes", key)
    else:
        yield from _hashed(record, b"".join(chunk.data for chunk in chunks if chunk), key)


def _hashed(record: Record, data: bytes, key: str) -> Iterator[Violation]:
    hasher = hashstates.from_note(record.note, len(data))
    if hasher is not None and hasher.digest() != Digest.of(data, hasher.algorithm):
        yield Violation("I18", f"the saved hash is not that of its {len(data)} bytes", key)


def _upload(key: str) -> layout.Upload | None:
    """Return the upload below which *key* lies."""
    head, own, rest = key.partition("/_uploads/")
    spec = _parse(f"{head}{own}{rest.partition('/')[0]}")
    return spec if isinstance(spec, layout.Upload) else None


def _is_live(bucket: Bucket, upload: layout.Upload) -> bool:
    return layout.UploadStartedAt(upload.name, upload.upload_id).path in bucket.contents


@lru_cache(_REMEMBERED)
def _parse(key: str) -> layout.PathSpec:
    return layout.parse(key)


@lru_cache(_REMEMBERED)
def _is_known(key: str) -> bool:
    if is_hidden(key):
        return is_unseen(key)
    return _parse(key).is_file or isinstance(_parse(key.rpartition("/")[0]), layout.ProbeScratch)


@lru_cache(_REMEMBERED)
def _document(body: bytes) -> Document | None:
    try:
        return parse_document("", body)
    except ManifestInvalidError:
        return None


@lru_cache(_REMEMBERED)
def _link(data: bytes) -> Digest | None:
    try:
        return layout.parse_link(data)
    except DigestInvalidError:
        return None
