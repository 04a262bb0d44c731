"""What each of several processes does to one directory at the same time."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from typing import TypeVar

import regstore
from regstore import Repository
from regstore.digest import Digest
from regstore.errors import (
    BlobUploadUnknownError,
    PreconditionFailedError,
    TagConflictError,
    UploadOffsetError,
)
from regstore.oci import OCI_MANIFEST
from tests.images import described

NAME = "library/app"
CONFIG = b"{}"
SHARED = [random.Random(seed).randbytes(50_000 + seed) for seed in range(4)]
SHARED_TAG = "latest"

T = TypeVar("T")

_start: Barrier


def remember(barrier: Barrier) -> None:
    """Let all processes begin their next task together."""
    global _start  # noqa: PLW0603 - a process of the pool has no other place for it
    _start = barrier


@dataclass(frozen=True)
class Pushed:
    """What one process was told is stored."""

    blobs: list[bytes]
    manifests: dict[str, bytes]  # by tag
    latest: bytes


def together(task: Callable[..., T], *arguments: object) -> T:
    _start.wait(60)
    return task(*arguments)


def manifest(**annotations: str) -> bytes:
    """A manifest that nobody else makes, without layers of its own."""
    fields = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": described(CONFIG, "application/vnd.oci.empty.v1+json"),
        "layers": [],
        "annotations": annotations,
    }
    return json.dumps(fields).encode()


def push(root: str, number: int) -> Pushed:
    """Push blobs that all push and blobs of its own, in pieces, each under its tag."""
    repo = regstore.open(root).repository(NAME)
    own = [random.Random(f"{number}-{blob}").randbytes(30_000) for blob in range(3)]
    blobs = [*SHARED, *own, CONFIG]
    random.Random(number).shuffle(blobs)
    for blob in blobs:
        push_blob(repo, blob)
    manifests = {
        f"v{version}-{number}": manifest(process=str(number), version=str(version))
        for version in range(3)
    }
    for tag, body in manifests.items():
        repo.manifests.put(body, tags=[tag, SHARED_TAG])
    return Pushed(blobs, manifests, manifests[f"v2-{number}"])


def push_blob(repo: Repository, blob: bytes) -> None:
    """Push in three pieces, and through two uploads where the first was let go."""
    with repo.uploads.create() as upload:
        upload.write(blob[: len(blob) // 3])
    upload = repo.uploads.resume(upload.id)
    upload.write(blob[len(blob) // 3 : len(blob) // 2])
    upload.write(blob[len(blob) // 2 :])
    upload.commit(Digest.of(blob), size=len(blob))


def count_up(root: str, number: int, times: int) -> int:
    """Add links to the chain that the tag ends, by compare-and-swap; return lost attempts."""
    repo = regstore.open(root).repository(NAME)
    lost = 0
    for step in range(times):
        while True:
            before = repo.tags.get("chain")
            body = manifest(process=str(number), step=str(step), before=before)
            digest = repo.manifests.put(body).descriptor.digest
            try:
                repo.tags.set("chain", digest, expect=before)
            except TagConflictError:
                lost += 1
                continue
            break
    return lost


def claim(root: str, number: int) -> bool:
    """Say whether this process set the tag which only one of them can set."""
    repo = regstore.open(root).repository(NAME)
    body = manifest(claimed_by=str(number))
    digest = repo.manifests.put(body).descriptor.digest
    try:
        repo.tags.set("claimed", digest, expect=regstore.ABSENT)
    except TagConflictError:
        return False
    return True


def resume(root: str, upload_id: str, offset: int, whole: bytes, pieces: int) -> Digest | None:
    """Write what follows *offset*, in *pieces*; return the digest, ``None`` where others won."""
    upload = regstore.open(root).repository(NAME).uploads.resume(upload_id)
    size = -(-(len(whole) - offset) // pieces)
    try:
        for start in range(offset, len(whole), size):
            upload.write(whole[start : start + size], offset=start)
        return upload.commit(Digest.of(whole)).digest
    except (BlobUploadUnknownError, PreconditionFailedError, UploadOffsetError):
        return None
