"""The few names and contents that all actors share, so that they get into each other's way."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from regstore.digest import Digest
from regstore.oci import OCI_INDEX, OCI_MANIFEST
from regstore.testing.material import content

REPOSITORIES: Final = ("app", "base")
TAGS: Final = ("v1", "v2")


@dataclass(frozen=True, slots=True)
class Blob:
    """Content of which everybody knows the digest."""

    data: bytes
    digest: Digest


@dataclass(frozen=True, slots=True)
class Image:
    """A manifest and what must be there before it.

    :ivar blobs: what it refers to.
    :ivar images: the manifests that it refers to; those of an index.
    :ivar subject: what it is attached to, which need not be there.
    """

    body: bytes
    digest: Digest
    blobs: tuple[Blob, ...] = ()
    images: tuple[Image, ...] = ()
    subject: Image | None = None


CONFIG_TYPE: Final = "application/vnd.example.config"


def _blob(size: int) -> Blob:
    data = content(size, "blob")
    return Blob(data, Digest.of(data))


def _described(media_type: str, digest: Digest, size: int) -> dict[str, object]:
    return {"mediaType": media_type, "digest": str(digest), "size": size}


def _manifest(config: Blob, layers: Iterable[Blob], subject: Image | None = None) -> Image:
    layers = tuple(layers)
    document: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": _described(CONFIG_TYPE, config.digest, len(config.data)),
        "layers": [
            _described("application/vnd.example.layer", layer.digest, len(layer.data))
            for layer in layers
        ],
    }
    if subject is not None:
        document["subject"] = _described(OCI_MANIFEST, subject.digest, len(subject.body))
    body = json.dumps(document).encode()
    return Image(body, Digest.of(body), (config, *layers), subject=subject)


def _index(images: Iterable[Image]) -> Image:
    images = tuple(images)
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [_described(OCI_MANIFEST, image.digest, len(image.body)) for image in images],
    }
    body = json.dumps(document).encode()
    return Image(body, Digest.of(body), images=images)


BLOBS: Final = tuple(_blob(size) for size in (20, 40, 150, 200))
"""From less than a part of the simulated store to several."""

_FIRST = _manifest(BLOBS[0], BLOBS[1:3])
IMAGES: Final = (_FIRST, _manifest(BLOBS[0], BLOBS[2:4], subject=_FIRST), _index([_FIRST]))

IMAGE_OF: Final = {str(image.digest): image for image in IMAGES}
