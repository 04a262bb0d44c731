"""Layouts made by hand, so that they can be wrong in every way."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from regstore.digest import Digest
from tests.images import Image, Json, described

REF_NAME = "org.opencontainers.image.ref.name"

Save = Callable[["Layout", Path], Path]


@dataclass
class Layout:
    """The files of a layout, by name."""

    files: dict[str, bytes] = field(
        default_factory=lambda: {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}
    )
    entries: list[Json] = field(default_factory=list)

    def hold(self, *images: Image) -> None:
        for image in images:
            for content in (image.manifest, *image.blobs):
                self.files[path_of(content)] = content

    def list(self, image: Image, ref_name: str | None = None) -> None:
        """Hold *image*, and name it in the index."""
        self.hold(image)
        annotations = {"annotations": {REF_NAME: ref_name}} if ref_name else {}
        self.entries.append(described(image.manifest, image.media_type) | annotations)

    def contents(self) -> dict[str, bytes]:
        index = json.dumps({"schemaVersion": 2, "manifests": self.entries}).encode()
        return {"index.json": index} | self.files


def path_of(content: bytes, algorithm: str = "sha256") -> str:
    return f"blobs/{algorithm}/{Digest.of(content, algorithm).hex}"


def as_directory(layout: Layout, folder: Path) -> Path:
    for name, content in layout.contents().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def as_tar(layout: Layout, path: Path) -> Path:
    """The index comes first, as a reader may not hope."""
    return write_tar(path, [_member(name, data) for name, data in layout.contents().items()])


def as_tar_backwards(layout: Layout, path: Path) -> Path:
    """As ``tar -c .`` does it, and the index last."""
    items = sorted(layout.contents().items())
    return write_tar(path, [_directory("./"), *(_member(f"./{n}", d) for n, d in items)])


def as_tar_gz(layout: Layout, path: Path) -> Path:
    as_tar(layout, path)
    path.write_bytes(gzip.compress(path.read_bytes()))
    return path


SAVES: tuple[Save, ...] = (as_directory, as_tar, as_tar_backwards, as_tar_gz)


def write_tar(path: Path, members: Iterable[tuple[tarfile.TarInfo, bytes]]) -> Path:
    with tarfile.open(path, "w") as archive:
        for member, content in members:
            archive.addfile(member, io.BytesIO(content))
    return path


def special(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    """A member that is no plain file."""
    member = tarfile.TarInfo(name)
    member.type = kind
    member.linkname = target
    return member, b""


def _member(name: str, content: bytes) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    return member, content


def _directory(name: str) -> tuple[tarfile.TarInfo, bytes]:
    return special(name, tarfile.DIRTYPE)


def members_of(layout: Layout) -> list[tuple[tarfile.TarInfo, bytes]]:
    return [_member(name, content) for name, content in layout.contents().items()]
