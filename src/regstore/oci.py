"""The documents of the field: descriptors, image manifests, indexes, and what they refer to.

Facts: OCI image specification 1.1 (``descriptor.md``, ``manifest.md``, ``image-index.md``) and CNCF
distribution's Docker formats (``manifest/schema2``, ``manifest/manifestlist``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, cast

from regstore.digest import Digest
from regstore.errors import ManifestInvalidError

OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_SCHEMA1: Final = "application/vnd.docker.distribution.manifest.v1+prettyjws"
OCTET_STREAM: Final = "application/octet-stream"

IMAGES: Final = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
INDEXES: Final = frozenset({OCI_INDEX, DOCKER_LIST})
FOREIGN_LAYERS: Final = frozenset(
    {
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
    }
)
"""Layers that a registry may lack: clients fetch them from their ``urls``."""

Json = Mapping[str, object]
Role = Literal["config", "layer", "manifest", "blob"]


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What content is: its media type, digest and size in bytes.

    :ivar artifact_type: set on descriptors of artifacts, as the referrers list gives them.
    :ivar annotations: as in the document.
    :ivar urls: where else the content may be fetched.
    :ivar platform: of a manifest in an index, as in the document.
    """

    media_type: str
    digest: Digest
    size: int
    artifact_type: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)
    urls: tuple[str, ...] = ()
    platform: Mapping[str, object] | None = field(default=None, hash=False)

    def to_json(self) -> dict[str, object]:
        """Return the descriptor as the specification's JSON object."""
        optional = {
            "artifactType": self.artifact_type,
            "annotations": dict(self.annotations),
            "urls": list(self.urls),
            "platform": self.platform,
        }
        required = {"mediaType": self.media_type, "digest": str(self.digest), "size": self.size}
        return required | {key: value for key, value in optional.items() if value}

    @classmethod
    def from_json(cls, value: object) -> Descriptor:
        """Parse the specification's JSON object; fields that it does not name are ignored.

        :raises ValueError: it is not a descriptor (:exc:`~regstore.errors.DigestInvalidError` for
            its digest).
        """
        fields = _object(value, "a descriptor")
        size = fields.get("size")
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            msg = f"a descriptor's size must be a number of bytes, not {size!r}"
            raise ValueError(msg)
        return cls(
            media_type=_text(fields, "mediaType") or OCTET_STREAM,
            digest=Digest(_text(fields, "digest") or ""),
            size=size,
            artifact_type=_text(fields, "artifactType"),
            annotations=_annotations(fields),
            urls=tuple(str(url) for url in _array(fields, "urls")),
            platform=_object(fields["platform"], "platform") if fields.get("platform") else None,
        )


@dataclass(frozen=True, slots=True)
class Reference:
    """What a manifest refers to, and as what."""

    role: Role
    descriptor: Descriptor

    @property
    def is_foreign(self) -> bool:
        """Whether clients fetch it from elsewhere, so that a registry may lack it."""
        return self.role == "layer" and self.descriptor.media_type in FOREIGN_LAYERS


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed manifest or index.

    :ivar media_type: what it says it is, or what it looks like.
    :ivar references: everything that it is made of, in document order; not the subject.
    :ivar subject: the manifest that it refers to, if any.
    :ivar artifact_type: ``artifactType``, or an image's config media type where absent
        (OCI distribution specification 1.1, "Listing Referrers").
    """

    media_type: str
    references: tuple[Reference, ...] = ()
    subject: Descriptor | None = None
    artifact_type: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_known(self) -> bool:
        """Whether the format is one whose references regstore can follow."""
        return self.media_type in IMAGES | INDEXES

    def describe(self, digest: Digest, size: int) -> Descriptor:
        """Return the descriptor of this document as the referrers list gives it."""
        return Descriptor(self.media_type, digest, size, self.artifact_type, self.annotations)


def parse_document(name: str, body: bytes, media_type: str | None = None) -> Document:
    """Parse the manifest *body*, whose media type is *media_type* or is sniffed.

    :param name: the repository, for errors.
    :raises ManifestInvalidError: it is no JSON object, contradicts *media_type*, or breaks the
        format that it claims.
    """
    try:
        fields = _object(_load(body), "a manifest")
        return _parse(fields, _media_type(fields, media_type))
    except (ValueError, RecursionError) as error:
        msg = f"the manifest is refused: {error}"
        raise ManifestInvalidError(msg, name=name) from error


def sniff(body: bytes) -> str:
    """Return the media type of a stored manifest, whatever old registries left there."""
    try:
        fields = _object(json.loads(body), "a manifest")
        return _media_type(fields, None)
    except (ValueError, RecursionError):
        return OCTET_STREAM


def _load(body: bytes) -> object:
    """Parse JSON that every other reader takes for the same: Go knows neither NaN nor UTF-16."""
    return json.loads(
        body.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse_constant
    )


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        msg = f"it says twice what {next(name for name in names if names.count(name) > 1)!r} is"
        raise ValueError(msg)
    return fields


def _refuse_constant(name: str) -> None:
    msg = f"{name} is no JSON number"
    raise ValueError(msg)


def _media_type(fields: Json, claimed: str | None) -> str:
    """Return what a document is; only OCI's may leave it unsaid (``schema2/manifest.go``)."""
    stated = _text(fields, "mediaType")
    if claimed:
        plain = claimed.partition(";")[0].strip()
        if stated != plain and (stated or plain in {DOCKER_MANIFEST, DOCKER_LIST}):
            msg = f"sent as {plain}, but says of itself {stated}"
            raise ValueError(msg)
        return plain
    return stated or _looks_like(fields)


def _looks_like(fields: Json) -> str:
    if fields.get("schemaVersion") == 1:
        return DOCKER_SCHEMA1
    if "manifests" in fields:
        return OCI_INDEX
    if "config" in fields or "layers" in fields:
        return OCI_MANIFEST
    msg = "it has no mediaType, and looks like no known format"
    raise ValueError(msg)


def _parse(fields: Json, media_type: str) -> Document:
    subject = fields.get("subject")
    return Document(
        media_type=media_type,
        references=tuple(_references(fields, media_type)),
        subject=None if subject is None else Descriptor.from_json(subject),
        artifact_type=_text(fields, "artifactType") or _config_type(fields, media_type),
        annotations=_annotations(fields),
    )


def _references(fields: Json, media_type: str) -> Iterator[Reference]:
    if media_type in IMAGES | INDEXES and fields.get("schemaVersion") != 2:  # noqa: PLR2004
        msg = f"schemaVersion must be 2, not {fields.get('schemaVersion')!r}"
        raise ValueError(msg)
    if media_type in IMAGES:
        _forbid(fields, "manifests")
        yield Reference("config", Descriptor.from_json(fields.get("config")))
        for layer in _array(fields, "layers"):
            yield Reference("layer", Descriptor.from_json(layer))
    elif media_type in INDEXES:
        _forbid(fields, "layers")
        for child in _array(fields, "manifests"):
            yield _child(Descriptor.from_json(child))


def _child(descriptor: Descriptor) -> Reference:
    """Tell manifests from other content, which an index may list too (OCI image-index.md)."""
    is_manifest = descriptor.media_type in IMAGES | INDEXES | {DOCKER_SCHEMA1}
    return Reference("manifest" if is_manifest else "blob", descriptor)


def _forbid(fields: Json, key: str) -> None:
    """Refuse a document that two readers could take for two things (CVE-2021-41190)."""
    if key in fields:
        msg = f"a document of this media type has no {key!r}"
        raise ValueError(msg)


def _config_type(fields: Json, media_type: str) -> str | None:
    config = fields.get("config")
    if media_type in IMAGES and isinstance(config, dict):
        return _text(config, "mediaType")
    return None


def _object(value: object, what: str) -> Json:
    if not isinstance(value, dict):
        msg = f"{what} must be a JSON object"
        raise ValueError(msg)  # noqa: TRY004 - callers handle one kind of error for bad documents
    return cast("Json", value)


def _array(fields: Json, key: str) -> list[object]:
    value = fields.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        msg = f"{key} must be an array"
        raise ValueError(msg)  # noqa: TRY004
    return cast("list[object]", value)


def _text(fields: Json, key: str) -> str | None:
    value = fields.get(key)
    if value is not None and not isinstance(value, str):
        msg = f"{key} must be a string"
        raise ValueError(msg)
    return value or None


def _annotations(fields: Json) -> Mapping[str, str]:
    stated = fields.get("annotations")
    value = _object({} if stated is None else stated, "annotations")
    if not all(isinstance(item, str) for item in value.values()):
        msg = "annotations must be strings"
        raise ValueError(msg)
    return cast("Mapping[str, str]", dict(value))
