"""What each of several processes pushes until it is killed, and what a registry must still have."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import regstore
from regstore import Repository
from regstore.digest import Digest
from regstore.layout import BlobData, Foreign, UploadData, parse
from tests.crash.killing import Report
from tests.pushers import CONFIG, NAME, SHARED, SHARED_TAG, manifest

PIECE = 60_000


def content(author: str, number: int) -> bytes:
    """Return a blob that nobody else has."""
    return Random(f"{author} {number}").randbytes(2 * PIECE + number)


class Pusher:
    """Pushes blobs, manifests and tags, its own and those of all, and reports what is stored.

    :param author: a name that no other process has.
    """

    def __init__(self, root: Path, author: str, random: Random) -> None:
        self._root = root
        self._author = author
        self._random = random
        self._number = 0

    def __call__(self, report: Report) -> None:
        repo = regstore.open(str(self._root)).repository(NAME)
        acts = (self._push_blob, self._push_shared_blob, self._push_in_pieces, self._push_manifest)
        while True:
            self._number += 1
            self._random.choice(acts)(repo, report)

    def _push_blob(self, repo: Repository, report: Report) -> None:
        blob = content(self._author, self._number)
        report("blob", repo.blobs.put(blob).digest)

    def _push_shared_blob(self, repo: Repository, report: Report) -> None:
        report("blob", repo.blobs.put(self._random.choice(SHARED)).digest)

    def _push_in_pieces(self, repo: Repository, report: Report) -> None:
        blob = content(self._author, self._number)
        with repo.uploads.create() as upload:
            upload.write(blob[:PIECE])
        report("parked", upload.id, self._author, self._number)
        upload = repo.uploads.resume(upload.id)
        upload.write(blob[PIECE:])
        report("committing", upload.id)
        report("blob", upload.commit(Digest.of(blob), size=len(blob)).digest)

    def _push_manifest(self, repo: Repository, report: Report) -> None:
        tag = f"{self._author}-{self._number % 3}"
        repo.blobs.put(CONFIG)
        body = manifest(author=self._author, number=str(self._number))
        digest = repo.manifests.put(body, tags=[tag, SHARED_TAG]).descriptor.digest
        report("tagged", tag, digest, self._number)


@dataclass
class Pushed:
    """What was acknowledged to processes that are dead now."""

    blobs: set[str] = field(default_factory=set)
    manifests: set[str] = field(default_factory=set)
    tags: dict[str, int] = field(default_factory=dict)
    parked: dict[str, tuple[str, int]] = field(default_factory=dict)

    def take(self, told: list[list[Any]]) -> None:
        """Believe what processes have reported."""
        for what, *details in told:
            match what, details:
                case "blob", [digest]:
                    self.blobs.add(digest)
                case "tagged", [tag, digest, number]:
                    self.manifests.add(digest)
                    self.tags[tag] = number
                case "parked", [upload_id, author, number]:
                    self.parked[upload_id] = (author, number)
                case "committing", [upload_id]:
                    del self.parked[upload_id]
                case _:
                    raise AssertionError("\n".join(map(str, details)))

    def check(self, repo: Repository) -> None:
        """Hold the registry to all of it, and go on with every upload."""
        for digest in self.blobs:
            assert Digest.of(repo.blobs.get(digest)) == digest
        for digest in self.manifests:
            assert Digest.of(repo.manifests.get(digest).body) == digest
        for tag, number in self.tags.items():
            assert _number(repo.manifests.get(tag).body) >= number, f"{tag} is old"
        for tag in repo.tags.all(verify=True):
            body = json.loads(repo.manifests.get(tag).body)
            assert repo.blobs.get(body["config"]["digest"]) == CONFIG
        while self.parked:
            upload_id, (author, number) = self.parked.popitem()
            _finish(repo, upload_id, content(author, number))


def _number(body: bytes) -> int:
    return int(json.loads(body)["annotations"]["number"])


def _finish(repo: Repository, upload_id: str, blob: bytes) -> None:
    upload = repo.uploads.resume(upload_id)
    assert upload.offset >= PIECE, "acknowledged bytes are lost"
    upload.write(blob[upload.offset :])
    assert repo.blobs.get(upload.commit(Digest.of(blob)).digest) == blob


def check_files(root: Path) -> None:
    """Hold every file of the tree to what its place says of it."""
    for file in root.rglob("*"):
        if file.is_dir():
            continue
        path = str(file.relative_to(root))
        spec, data = parse(path), file.read_bytes()
        assert not isinstance(spec, Foreign), f"{path}: {spec}"
        assert data or isinstance(spec, UploadData), f"{path} is empty"
        if isinstance(spec, BlobData):
            assert Digest.of(data) == spec.digest, f"{path} is torn"
