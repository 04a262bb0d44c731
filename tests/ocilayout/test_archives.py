"""Archives that others made, some with ill will."""

from __future__ import annotations

import gzip
import json
import tarfile
from pathlib import Path

import pytest

from regstore import Repository
from regstore.errors import LayoutInvalidError, ManifestBlobUnknownError, PathNotFoundError
from tests.images import make_image
from tests.ocilayout.layouts import (
    Layout,
    as_directory,
    as_tar,
    members_of,
    path_of,
    special,
    write_tar,
)


def test_hostile_members_are_passed_over(repo: Repository, layout: Layout, tmp_path: Path) -> None:
    image = make_image("one")
    layout.list(image, "1")
    outside = tmp_path / "outside"
    hostile = [
        special("../../etc/passwd", tarfile.REGTYPE),
        special("/etc/passwd", tarfile.REGTYPE),
        special("blobs/../blobs/sha256/00", tarfile.REGTYPE),
        special(str(outside), tarfile.REGTYPE),
        special("blobs/sha256/link", tarfile.SYMTYPE, "/etc/passwd"),
        special("null", tarfile.CHRTYPE),
        special("pipe", tarfile.FIFOTYPE),
        special("blobs", tarfile.SYMTYPE, "/etc"),
    ]
    path = write_tar(tmp_path / "x.tar", [*hostile, *members_of(layout), *hostile])
    before = sorted(tmp_path.rglob("*"))
    repo.import_layout(path)
    assert repo.manifests.get("1").body == image.manifest
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_a_blob_that_is_no_plain_file_is_missing(
    kind: bytes, repo: Repository, layout: Layout, tmp_path: Path
) -> None:
    image = make_image("one")
    layout.list(image, "1")
    path = path_of(image.blobs[1])
    del layout.files[path]
    secret = tmp_path / "secret"
    secret.write_bytes(image.blobs[1])
    link = special(path, kind, str(secret))
    with pytest.raises(ManifestBlobUnknownError):
        repo.import_layout(write_tar(tmp_path / "x.tar", [*members_of(layout), link]))


def test_a_link_out_of_a_directory_is_not_followed(
    repo: Repository, layout: Layout, tmp_path: Path
) -> None:
    image = make_image("one")
    layout.list(image, "1")
    folder = as_directory(layout, tmp_path / "layout")
    blob = folder / path_of(image.blobs[1])
    secret = tmp_path / "secret"
    blob.rename(secret)
    blob.symlink_to(secret)
    with pytest.raises(PermissionError):
        repo.import_layout(folder)
    assert list(repo.manifests.all()) == []


def test_of_two_members_of_one_name_the_later_one_counts(
    repo: Repository, layout: Layout, tmp_path: Path
) -> None:
    image = make_image("one")
    other = Layout(dict(layout.files))
    layout.list(image, "1")
    members = [*members_of(other), *members_of(layout)]
    assert repo.import_layout(write_tar(tmp_path / "x.tar", members)).tags == {"1": image.digest}


def test_what_docker_saves_comes_in(repo: Repository, layout: Layout, tmp_path: Path) -> None:
    image = make_image("one")
    layout.list(image, "1.0")
    annotations = layout.entries[0]["annotations"]
    assert isinstance(annotations, dict)
    annotations["io.containerd.image.name"] = "docker.io/library/one:1.0"
    layout.files["manifest.json"] = json.dumps([{"Config": "blobs/sha256/0"}]).encode()
    layout.files["repositories"] = b"{}"
    assert repo.import_layout(as_tar(layout, tmp_path / "x.tar")).tags == {"1.0": image.digest}


def test_what_old_docker_saved_is_refused_with_advice(repo: Repository, tmp_path: Path) -> None:
    layout = Layout({"manifest.json": b"[]"})
    with pytest.raises(LayoutInvalidError, match=r"skopeo copy docker-archive:"):
        repo.import_layout(as_tar(layout, tmp_path / "x.tar"))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("keep", [0, 300, 1536, -4096])
def test_an_archive_that_is_cut_short_is_refused(
    keep: int, packed: bool, repo: Repository, layout: Layout, tmp_path: Path
) -> None:
    layout.list(make_image("one", layers=6), "1")
    path = as_tar(layout, tmp_path / "x.tar")
    whole = path.read_bytes().rstrip(b"\0")
    whole = gzip.compress(whole) if packed else whole
    path.write_bytes(whole[: keep // 8 if packed else keep])
    with pytest.raises((LayoutInvalidError, ManifestBlobUnknownError)):
        repo.import_layout(path)
    assert list(repo.manifests.all()) == []


@pytest.mark.parametrize("content", [b"x" * 2000, b"BZh91AY", b"\x1f\x8b\x08\x00garbage"])
def test_what_is_no_tar_is_refused(content: bytes, repo: Repository, tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(content)
    with pytest.raises(LayoutInvalidError, match=r"no tar archive"):
        repo.import_layout(tmp_path / "x.tar")


def test_a_damaged_checksum_of_gzip_is_found(
    repo: Repository, layout: Layout, tmp_path: Path
) -> None:
    layout.list(make_image("one"), "1")
    path = as_tar(layout, tmp_path / "x.tar")
    packed = bytearray(gzip.compress(path.read_bytes().rstrip(b"\0")))
    packed[-8] ^= 1
    path.write_bytes(packed)
    with pytest.raises(LayoutInvalidError):
        repo.import_layout(path)


def test_a_sparse_member_is_refused_in_words(
    repo: Repository, layout: Layout, tmp_path: Path
) -> None:
    image = make_image("one")
    layout.list(image, "1")
    member, content = next(m for m in members_of(layout) if m[0].name == path_of(image.blobs[1]))
    member.pax_headers = {"GNU.sparse.size": str(len(content) + 512), "GNU.sparse.map": "0,512"}
    with pytest.raises(LayoutInvalidError, match="sparse"):
        repo.import_layout(write_tar(tmp_path / "x.tar", [(member, content)]))


def test_a_device_is_no_archive(repo: Repository) -> None:
    with pytest.raises(PathNotFoundError, match="neither a file nor a directory"):
        repo.import_layout("/dev/null")
