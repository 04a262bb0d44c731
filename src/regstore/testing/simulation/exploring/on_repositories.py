"""Operations on a whole repository."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from io import BytesIO
from tempfile import NamedTemporaryFile
from typing import Final

from regstore import AsyncRegistry, layout
from regstore.digest import Digest
from regstore.errors import NameUnknownError
from regstore.oci import parse_document
from regstore.ocilayout import index
from regstore.testing.simulation.exploring.on_tags import TAG, tagged
from regstore.testing.simulation.exploring.operation import NAME, Ending, Operation, Run
from regstore.testing.simulation.violations import Violation

_LATEST: Final = "latest"


def filled(blob: bytes, *bodies: bytes) -> Run:
    """Put *blob*, push *bodies*, the first with the tag, index them, and begin an upload."""

    async def prepare(registry: AsyncRegistry, told: str) -> str:
        repository = registry.repository(NAME)
        await repository.blobs.put(blob)
        await tagged(*bodies, tag=bodies[0])(registry, told)
        await repository.referrers.reindex()
        async with await repository.uploads.create() as upload:
            await upload.write(blob)
        return told

    return prepare


def delete_repository() -> Operation:
    """Delete the repository."""

    async def run(registry: AsyncRegistry, told: str) -> None:
        del told
        await registry.delete_repository(NAME)

    return Operation("delete repository", run, _is_gone, repeated=(NameUnknownError,))


def import_layout(image: bytes, *blobs: bytes) -> Operation:
    """Import *image*, and what it refers to, from a layout, and tag it."""
    archive = _archive(image, blobs)

    async def run(registry: AsyncRegistry, told: str) -> object:
        del told
        with NamedTemporaryFile(suffix=".tar") as file:
            file.write(archive)
            file.flush()
            return await registry.repository(NAME).import_layout(file.name, _LATEST, [TAG])

    return Operation("import", run)


def _archive(image: bytes, blobs: tuple[bytes, ...]) -> bytes:
    """Return a layout; only archives can be read without threads."""
    entry = parse_document(NAME, image).describe(Digest.of(image), len(image)).to_json()
    listed = {**entry, "annotations": {index.REF_NAME: _LATEST}}
    files = {index.blob_path(Digest.of(data)): data for data in (image, *blobs)}
    files[index.LAYOUT_FILE] = index.MARKER
    files[index.INDEX_FILE] = json.dumps({"schemaVersion": 2, "manifests": [listed]}).encode()
    archive = BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, BytesIO(data))
    return archive.getvalue()


def _is_gone(ending: Ending) -> Iterator[Violation]:
    trees = [layout.RepositoryRoot(NAME).path, layout.SubjectsRoot(NAME).path]
    own = (*(f"{tree}/" for tree in trees), layout.ReferrersComplete(NAME).path)
    for key in ending.bucket.contents:
        if key.startswith(own):
            yield Violation("I1", "its repository was deleted, and it is there", key)
