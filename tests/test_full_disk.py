"""A full disk: a typed error, nothing left behind, and everything that was there still is."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import ParamSpec

import pytest

from regstore import ABSENT, Repository
from regstore.errors import NoSpaceError
from tests import places
from tests.images import make_image
from tests.places import Place

NAME = "library/app"
IMAGE = make_image("x", layers=2)
FULL_BYTES = 1 << 20

P = ParamSpec("P")


def refused(step: Callable[P, object], *args: P.args, **options: P.kwargs) -> None:
    with pytest.raises(NoSpaceError):
        step(*args, **options)


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Place]:
    """A store on a disk of one MiB."""
    root = tmp_path / "disk"
    root.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={FULL_BYTES}", "tmpfs", str(root)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount(8) here to make a small disk with")
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    try:
        place = places.local(root / "store")
        IMAGE.push(place.repository(NAME), "v1")
        yield place
    finally:
        subprocess.run(["umount", str(root)], check=True)


TOO_LARGE = os.urandom(FULL_BYTES * 2)
PIECES = [TOO_LARGE[start : start + 64_000] for start in range(0, len(TOO_LARGE), 64_000)]


def upload_too_much(repo: Repository) -> None:
    upload = repo.uploads.create()
    try:
        for piece in PIECES:
            upload.write(piece)
    finally:
        upload.cancel()


def fill(file: Path) -> None:
    """Take what is left of the disk, to the last byte."""
    with file.open("wb", buffering=0) as filler, suppress(OSError):
        while filler.write(bytes(4096)):
            pass


def test_a_full_disk_leaves_nothing(full_disk: Place) -> None:
    repo = full_disk.repository(NAME)
    before = full_disk.files()
    refused(repo.blobs.put, TOO_LARGE)
    refused(repo.blobs.put, [TOO_LARGE])
    refused(repo.blobs.put, PIECES)
    refused(upload_too_much, repo)
    assert full_disk.files() == before
    assert repo.manifests.get("v1").body == IMAGE.manifest
    repo.blobs.put(TOO_LARGE[: FULL_BYTES // 4])


def test_a_disk_without_one_byte_left(full_disk: Place, tmp_path: Path) -> None:
    repo = full_disk.repository(NAME)
    second = make_image("second", layers=0)
    repo.blobs.put(second.blobs[0])
    before = full_disk.files()
    fill(tmp_path / "disk" / "filler")
    refused(repo.blobs.put, b"another")
    refused(repo.manifests.put, second.manifest, tags=["v1"])
    refused(repo.uploads.create)
    refused(repo.tags.set, "v2", IMAGE.digest)
    refused(repo.tags.set, "v2", IMAGE.digest, expect=ABSENT)
    assert full_disk.files() == before
    assert repo.tags.get("v1") == IMAGE.digest

    (tmp_path / "disk" / "filler").unlink()
    repo.manifests.put(second.manifest, tags=["v1"])
    assert repo.manifests.get("v1").body == second.manifest
