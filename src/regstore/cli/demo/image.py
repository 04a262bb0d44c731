"""A small but real image, made of files of the Python that runs."""

from __future__ import annotations

import encodings
import gzip
import io
import json
import platform
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Final

from regstore.digest import Digest
from regstore.oci import OCI_MANIFEST

CONFIG_TYPE: Final = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
_ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer: a tar of one package, compressed with gzip.

    :ivar diff_id: the digest of the tar itself, which the image's config lists.
    """

    package: str
    files: int
    blob: bytes
    diff_id: Digest

    @property
    def digest(self) -> Digest:
        """The digest under which it is stored."""
        return Digest.of(self.blob)


@dataclass(frozen=True, slots=True)
class Image:
    """An image: layers, a config that lists them, and the manifest that names both."""

    layers: Sequence[Layer]
    config: bytes
    manifest: bytes

    @property
    def digest(self) -> Digest:
        """The digest of its manifest."""
        return Digest.of(self.manifest)


def build_image(version: str) -> Image:
    """Build an image with two packages of the standard library, the same bytes each time.

    :param version: goes into an annotation, so that each version has its own digest.
    """
    layers = [_layer(package) for package in (json, encodings)]
    config = _config(layers)
    fields = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": described(config, CONFIG_TYPE),
        "layers": [described(layer.blob, LAYER_TYPE) for layer in layers],
        "annotations": {"org.opencontainers.image.version": version},
    }
    return Image(layers, config, _dumps(fields))


def build_bill(image: Image) -> tuple[bytes, bytes]:
    """Return a bill of materials of *image*, and the manifest that attaches it.

    It follows "Guidelines for Artifact Usage" in the OCI image specification 1.1 (``manifest.md``).
    """
    packages = [{"name": layer.package, "files": layer.files} for layer in image.layers]
    bill = _dumps({"spdxVersion": "SPDX-2.3", "name": "regstore demo", "packages": packages})
    fields = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": "application/spdx+json",
        "config": described(b"{}", "application/vnd.oci.empty.v1+json"),
        "layers": [described(bill, "application/spdx+json")],
        "subject": described(image.manifest, OCI_MANIFEST),
    }
    return bill, _dumps(fields)


def described(content: bytes, media_type: str) -> dict[str, object]:
    """Return the descriptor of *content*."""
    return {"mediaType": media_type, "digest": Digest.of(content), "size": len(content)}


def _layer(package: ModuleType) -> Layer:
    name = package.__name__
    folder = Path(str(package.__file__)).parent
    sources = sorted(folder.glob("*.py"))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for source in sources:
            member = tarfile.TarInfo(f"usr/lib/python/{name}/{source.name}")
            content = source.read_bytes()
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    tar = buffer.getvalue()
    return Layer(name, len(sources), gzip.compress(tar, mtime=0), Digest.of(tar))


def _config(layers: Sequence[Layer]) -> bytes:
    machine = platform.machine().lower()
    return _dumps(
        {
            "architecture": _ARCHITECTURES.get(machine, machine),
            "os": "linux",
            "config": {"WorkingDir": "/usr/lib/python"},
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
            "history": [{"created_by": f"regstore demo: {layer.package}"} for layer in layers],
        }
    )


def _dumps(fields: object) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode()
