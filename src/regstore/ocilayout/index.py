"""The files of a layout that are no blobs: ``oci-layout`` and ``index.json``."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from regstore.digest import Digest
from regstore.errors import (
    DigestInvalidError,
    LayoutInvalidError,
    ManifestInvalidError,
    TagInvalidError,
)
from regstore.oci import OCI_INDEX, Descriptor, Json, Reference, parse_document
from regstore.reference import check_tag

LAYOUT_FILE: Final = "oci-layout"
INDEX_FILE: Final = "index.json"
BLOBS_DIRECTORY: Final = "blobs"
REF_NAME: Final = "org.opencontainers.image.ref.name"
MARKER: Final = b'{"imageLayoutVersion":"1.0.0"}'
MAX_INDEX_SIZE: Final = 16 << 20
"""Bytes; tens of thousands of entries."""

_BLOB_PATH = re.compile(rf"{BLOBS_DIRECTORY}/([a-z0-9]+)/([a-f0-9]+)", re.ASCII)


def blob_path(digest: Digest) -> str:
    """Return where a layout keeps the content of *digest*."""
    return f"{BLOBS_DIRECTORY}/{digest.algorithm}/{digest.hex}"


def blob_at(path: str) -> Digest | None:
    """Return the digest of the content that a layout keeps at *path*, if it is a blob's."""
    match = _BLOB_PATH.fullmatch(path)
    try:
        return Digest(f"{match[1]}:{match[2]}") if match else None
    except DigestInvalidError:
        return None


def check_marker(body: bytes, place: str) -> None:
    """Check the content of ``oci-layout``.

    :raises LayoutInvalidError: it is not that of a layout of version 1.
    """
    try:
        version = json.loads(body)["imageLayoutVersion"]
    except (ValueError, TypeError, KeyError) as error:
        msg = f"{place}: {LAYOUT_FILE} is not {MARKER.decode()}"
        raise LayoutInvalidError(msg, path=place) from error
    if not str(version).startswith("1."):
        msg = f"{place}: a layout of version {version!r}, and only version 1 is known here"
        raise LayoutInvalidError(msg, path=place)


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of ``index.json``.

    :ivar ref_name: its name there: a tag, or a whole reference as some tools write it.
    """

    reference: Reference
    ref_name: str | None

    @property
    def descriptor(self) -> Descriptor:
        """What it names."""
        return self.reference.descriptor

    @property
    def is_manifest(self) -> bool:
        """Whether it names a manifest, not other content."""
        return self.reference.role == "manifest"

    def answers_to(self, wanted: str) -> bool:
        """Return whether *wanted* is its name, the tag in its name, or its digest."""
        if self.ref_name is None:
            return wanted == self.descriptor.digest
        return wanted in (self.ref_name, tag_part(self.ref_name), self.descriptor.digest)

    def tag(self) -> str:
        """Return the tag to give it, which is its name or the tag in it.

        :raises TagInvalidError: there is none.
        """
        name = self.ref_name or ""
        try:
            return check_tag(tag_part(name))
        except TagInvalidError as error:
            msg = f"the layout calls {self.descriptor.digest} {name!r}, which has no tag: give one"
            raise TagInvalidError(msg, tag=name) from error


def tag_part(name: str) -> str:
    """Return the tag of a whole reference (``docker.io/library/x:1`` gives ``1``), else *name*."""
    tail = name.rpartition("/")[2].partition("@")[0]
    return tail.rpartition(":")[2] if ":" in tail else name


def parse_index(body: bytes, place: str) -> list[Entry]:
    """Return the entries of the ``index.json`` *body*, in order.

    :raises LayoutInvalidError: it is no index.
    """
    try:
        document = parse_document("", body, OCI_INDEX)
    except ManifestInvalidError as error:
        msg = f"{place}: {INDEX_FILE} is no image index: {error}"
        raise LayoutInvalidError(msg, path=place) from error
    return [
        Entry(reference, reference.descriptor.annotations.get(REF_NAME))
        for reference in document.references
    ]


def new_entry(descriptor: Descriptor, tag: str | None) -> dict[str, object]:
    """Return the entry for *descriptor* under the name *tag*, or under none.

    The descriptor's own annotations stay in its manifest: among them may be such a name.
    """
    plain = Descriptor(
        descriptor.media_type,
        descriptor.digest,
        descriptor.size,
        artifact_type=descriptor.artifact_type,
        annotations={REF_NAME: tag} if tag else {},
    )
    return plain.to_json()


def merge_index(body: bytes | None, added: Sequence[Json], place: str) -> bytes:
    """Return ``index.json`` with the entries *added*: each replaces those of its name.

    An entry without a name is left out where another one names the same content.

    :param body: what is there; everything else in it is kept.
    :raises LayoutInvalidError: it is no index.
    """
    index: dict[str, object] = {"schemaVersion": 2, "mediaType": OCI_INDEX}
    entries: list[Json] = []
    if body is not None:
        parse_index(body, place)
        index = json.loads(body)
        entries = cast("list[Json]", index.get("manifests") or [])
    keys = {_key(entry) for entry in added}
    entries = [entry for entry in entries if _key(entry) not in keys] + list(added)
    named = {entry["digest"] for entry in entries if _name(entry)}
    index["manifests"] = [
        entry for entry in entries if _name(entry) or entry["digest"] not in named
    ]
    return json.dumps(index, separators=(",", ":")).encode()


def _key(entry: Json) -> tuple[object, object]:
    name = _name(entry)
    return (name, None) if name else (None, entry["digest"])


def _name(entry: Json) -> str | None:
    return Descriptor.from_json(entry).annotations.get(REF_NAME)
