"""Small but real images, so that clients which check what they pull are content."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path

from regstore import Repository
from regstore.digest import Digest
from regstore.manifests import PutResult
from regstore.oci import DOCKER_LIST, DOCKER_MANIFEST, INDEXES, OCI_INDEX, OCI_MANIFEST

Json = dict[str, object]

_TYPES = {
    OCI_MANIFEST: (
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.oci.image.layer.v1.tar+gzip",
    ),
    DOCKER_MANIFEST: (
        "application/vnd.docker.container.image.v1+json",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
    ),
}


@dataclass(frozen=True)
class Image:
    """A manifest or index, and the blobs that it refers to itself."""

    manifest: bytes
    media_type: str
    blobs: tuple[bytes, ...] = ()
    architecture: str = "amd64"

    @property
    def digest(self) -> Digest:
        return Digest.of(self.manifest)

    def described(self) -> Json:
        """The descriptor, as an index lists it."""
        fields = described(self.manifest, self.media_type)
        if self.media_type not in INDEXES:
            fields["platform"] = {"architecture": self.architecture, "os": "linux"}
        return fields

    def push(self, repository: Repository, *tags: str) -> PutResult:
        for blob in self.blobs:
            repository.blobs.put(blob)
        return self.push_manifest(repository, *tags)

    def push_manifest(self, repository: Repository, *tags: str) -> PutResult:
        return repository.manifests.put(self.manifest, self.media_type, tags=tags)


def described(content: bytes, media_type: str, algorithm: str = "sha256") -> Json:
    """The descriptor of *content*."""
    digest = str(Digest.of(content, algorithm))
    return {"mediaType": media_type, "digest": digest, "size": len(content)}


def make_image(
    seed: str,
    *,
    layers: int = 1,
    architecture: str = "amd64",
    media_type: str = OCI_MANIFEST,
    algorithm: str = "sha256",
    **fields: object,
) -> Image:
    """Make an image whose content depends on *seed*; *fields* go into its manifest.

    :param algorithm: of the digests by which it refers to its blobs.
    """
    config_type, layer_type = _TYPES[media_type]
    tars = [_tar(f"{seed}-{number}") for number in range(layers)]
    packed = [gzip.compress(tar, mtime=0) for tar in tars]
    config = _config(tars, architecture)
    manifest = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": described(config, config_type, algorithm),
        "layers": [described(layer, layer_type, algorithm) for layer in packed],
    }
    body = json.dumps(manifest | fields).encode()
    return Image(body, media_type, (config, *packed), architecture)


def with_layer(image: Image, layer: bytes) -> Image:
    """Return *image* with one more layer, of any gzipped bytes."""
    manifest = json.loads(image.manifest)
    media_type = manifest["layers"][0]["mediaType"]
    manifest["layers"].append(described(layer, media_type))
    body = json.dumps(manifest).encode()
    return Image(body, image.media_type, (*image.blobs, layer), image.architecture)


def make_index(*images: Image, media_type: str = OCI_INDEX, **fields: object) -> Image:
    """Make an index of *images*; *fields* go into it."""
    manifest = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "manifests": [image.described() for image in images],
    }
    return Image(json.dumps(manifest | fields).encode(), media_type)


def make_docker_list(*images: Image) -> Image:
    return make_index(*images, media_type=DOCKER_LIST)


def _tar(name: str) -> bytes:
    content = f"{name}\n".encode() * 100
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _config(tars: list[bytes], architecture: str) -> bytes:
    diff_ids = [f"sha256:{hashlib.sha256(tar).hexdigest()}" for tar in tars]
    fields = {
        "architecture": architecture,
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": [{"created_by": "tests"} for _ in tars],
    }
    return json.dumps(fields).encode()


def contents(*images: Image) -> dict[str, bytes]:
    """Every byte of *images*, by its digest's hex."""
    return {
        Digest.of(content).hex: content
        for image in images
        for content in (image.manifest, *image.blobs)
    }


def lay_out(root: Path, tag: str, image: Image, *children: Image) -> None:
    """Write *image*, and the *children* that it lists, as an OCI image layout (image-layout.md)."""
    folder = root / "blobs" / "sha256"
    folder.mkdir(parents=True)
    for each in (image, *children):
        for content in (each.manifest, *each.blobs):
            (folder / Digest.of(content).hex).write_bytes(content)
    annotations = {"org.opencontainers.image.ref.name": tag}
    entry = described(image.manifest, image.media_type) | {"annotations": annotations}
    (root / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    (root / "oci-layout").write_text(json.dumps({"imageLayoutVersion": "1.0.0"}))
