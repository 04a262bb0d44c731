from __future__ import annotations

import dataclasses
import re

import pytest

from regstore import layout
from regstore.digest import Digest
from regstore.errors import InvalidPathError
from regstore.layout import Foreign, PathSpec, StockTemporary, parse

A = Digest("sha256:" + "0123456789abcdef" * 4)
B = Digest("sha512:" + "fedcba9876543210" * 8)
C = Digest("blake3:" + "ab" * 32)
UUID = "2f0b9e0c-7d1e-4a53-9f5e-0d6f5b8b1c11"

GOLDEN = {
    layout.RegistryRoot(): "docker/registry/v2",
    layout.BlobsRoot(): "docker/registry/v2/blobs",
    layout.BlobsAlgorithm("sha384"): "docker/registry/v2/blobs/sha384",
    layout.BlobsShard("sha256", "0f"): "docker/registry/v2/blobs/sha256/0f",
    layout.Blob(A): (
        "docker/registry/v2/blobs/sha256/01/"
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    ),
    layout.BlobData(A): (
        "docker/registry/v2/blobs/sha256/01/"
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef/data"
    ),
    layout.BlobData(B): (
        "docker/registry/v2/blobs/sha512/fe/"
        "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
        "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210/data"
    ),
    layout.BlobData(C): (
        "docker/registry/v2/blobs/blake3/ab/"
        "abababababababababababababababababababababababababababababababab/data"
    ),
    layout.RepositoriesRoot(): "docker/registry/v2/repositories",
    layout.RepositoryRoot("a/b"): "docker/registry/v2/repositories/a/b",
    layout.ManifestsRoot("a"): "docker/registry/v2/repositories/a/_manifests",
    layout.RevisionsRoot("a"): "docker/registry/v2/repositories/a/_manifests/revisions",
    layout.RevisionsAlgorithm("a", "sha256"): (
        "docker/registry/v2/repositories/a/_manifests/revisions/sha256"
    ),
    layout.Revision("library/alpine", A): (
        "docker/registry/v2/repositories/library/alpine/_manifests/revisions/sha256/"
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    ),
    layout.RevisionLink("library/alpine", A): (
        "docker/registry/v2/repositories/library/alpine/_manifests/revisions/sha256/"
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef/link"
    ),
    layout.TagsRoot("a"): "docker/registry/v2/repositories/a/_manifests/tags",
    layout.Tag("a", "V1.0"): "docker/registry/v2/repositories/a/_manifests/tags/V1.0",
    layout.TagCurrent("a", "x"): "docker/registry/v2/repositories/a/_manifests/tags/x/current",
    layout.TagCurrentLink("a", "_x"): (
        "docker/registry/v2/repositories/a/_manifests/tags/_x/current/link"
    ),
    layout.TagIndex("a", "x"): "docker/registry/v2/repositories/a/_manifests/tags/x/index",
    layout.TagIndexAlgorithm("a", "x", "sha256"): (
        "docker/registry/v2/repositories/a/_manifests/tags/x/index/sha256"
    ),
    layout.TagIndexEntry("a", "x", A): (
        "docker/registry/v2/repositories/a/_manifests/tags/x/index/sha256/"
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    ),
    layout.TagIndexLink("a", "x", A): (
        "docker/registry/v2/repositories/a/_manifests/tags/x/index/sha256/"
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef/link"
    ),
    layout.LayersRoot("a"): "docker/registry/v2/repositories/a/_layers",
    layout.LayersAlgorithm("a", "sha512"): "docker/registry/v2/repositories/a/_layers/sha512",
    layout.Layer("a", A): (
        "docker/registry/v2/repositories/a/_layers/sha256/"
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    ),
    layout.LayerLink("a", A): (
        "docker/registry/v2/repositories/a/_layers/sha256/"
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef/link"
    ),
    layout.UploadsRoot("a"): "docker/registry/v2/repositories/a/_uploads",
    layout.Upload("a", UUID): (
        "docker/registry/v2/repositories/a/_uploads/2f0b9e0c-7d1e-4a53-9f5e-0d6f5b8b1c11"
    ),
    layout.UploadData("a", UUID): (
        "docker/registry/v2/repositories/a/_uploads/2f0b9e0c-7d1e-4a53-9f5e-0d6f5b8b1c11/data"
    ),
    layout.UploadSealed("a", UUID): (
        "docker/registry/v2/repositories/a/_uploads/2f0b9e0c-7d1e-4a53-9f5e-0d6f5b8b1c11/sealed"
    ),
    layout.UploadPurging("a", UUID): (
        "docker/registry/v2/repositories/a/_uploads/2f0b9e0c-7d1e-4a53-9f5e-0d6f5b8b1c11/purging"
    ),
    layout.UploadStartedAt("a", UUID): (
        "docker/registry/v2/repositories/a/_uploads/2f0b9e0c-7d1e-4a53-9f5e-0d6f5b8b1c11/startedat"
    ),
    layout.UploadHashStatesRoot("a", "id"): (
        "docker/registry/v2/repositories/a/_uploads/id/hashstates"
    ),
    layout.UploadHashStates("a", "id", "sha256"): (
        "docker/registry/v2/repositories/a/_uploads/id/hashstates/sha256"
    ),
    layout.UploadHashState("a", "id", "sha256", 0): (
        "docker/registry/v2/repositories/a/_uploads/id/hashstates/sha256/0"
    ),
    layout.UploadHashState("a", "id", "sha512", 1048576): (
        "docker/registry/v2/repositories/a/_uploads/id/hashstates/sha512/1048576"
    ),
    layout.StateRoot(): "docker/registry/regstore/v1",
    layout.Format(): "docker/registry/regstore/v1/format",
    layout.Caps(): "docker/registry/regstore/v1/caps.json",
    layout.CollectionRoot(): "docker/registry/regstore/v1/gc",
    layout.CollectionState(): "docker/registry/regstore/v1/gc/state",
    layout.TombstonesRoot(): "docker/registry/regstore/v1/gc/condemned",
    layout.Tombstones(C): (
        "docker/registry/regstore/v1/gc/condemned/blake3/ab/"
        "abababababababababababababababababababababababababababababababab"
    ),
    layout.Tombstone(C, "host-1"): (
        "docker/registry/regstore/v1/gc/condemned/blake3/ab/"
        "abababababababababababababababababababababababababababababababab/host-1"
    ),
    layout.SavedRoot(): "docker/registry/regstore/v1/gc/saved",
    layout.SavedDigest(C): (
        "docker/registry/regstore/v1/gc/saved/blake3/ab/"
        "abababababababababababababababababababababababababababababababab"
    ),
    layout.TrashRoot(): "docker/registry/regstore/v1/gc/trash",
    layout.Trash(C): (
        "docker/registry/regstore/v1/gc/trash/blake3/ab/"
        "abababababababababababababababababababababababababababababababab"
    ),
    layout.Quarantined(C, "host-1"): (
        "docker/registry/regstore/v1/gc/trash/blake3/ab/"
        "abababababababababababababababababababababababababababababababab/host-1/data"
    ),
    layout.ProbesRoot(): "docker/registry/regstore/v1/probes",
    layout.ProbeScratch("0123456789abcdef"): (
        "docker/registry/regstore/v1/probes/0123456789abcdef"
    ),
    layout.ReferrersRoot("a/b"): "docker/registry/regstore/v1/referrers/a/b",
    layout.ReferrersComplete("a/b"): "docker/registry/regstore/v1/referrers/a/b/_complete",
    layout.SubjectsRoot("a"): "docker/registry/regstore/v1/referrers/a/_subjects",
    layout.SubjectsAlgorithm("a", "sha256"): (
        "docker/registry/regstore/v1/referrers/a/_subjects/sha256"
    ),
    layout.Subject("a", C): (
        "docker/registry/regstore/v1/referrers/a/_subjects/blake3/"
        "abababababababababababababababababababababababababababababababab"
    ),
    layout.ReferrersAlgorithm("a", C, "sha256"): (
        "docker/registry/regstore/v1/referrers/a/_subjects/blake3/"
        "abababababababababababababababababababababababababababababababab/sha256"
    ),
    layout.Referrer("a", C, A): (
        "docker/registry/regstore/v1/referrers/a/_subjects/blake3/"
        "abababababababababababababababababababababababababababababababab/sha256/"
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    ),
    layout.SignaturesRoot("a", C): (
        "docker/registry/v2/repositories/a/_manifests/revisions/blake3/"
        "abababababababababababababababababababababababababababababababab/signatures"
    ),
    layout.SignatureLink("a", C, A): (
        "docker/registry/v2/repositories/a/_manifests/revisions/blake3/"
        "abababababababababababababababababababababababababababababababab/signatures/sha256/"
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef/link"
    ),
    layout.TarsumLayerLink("a", "v1", "sha256", "0aF3"): (
        "docker/registry/v2/repositories/a/_layers/tarsum/v1/sha256/0aF3/link"
    ),
    layout.TarsumBlobData("v0", "SHA1", "0aF3"): (
        "docker/registry/v2/blobs/tarsum/v0/SHA1/0a/0aF3/data"
    ),
    StockTemporary(
        "docker/registry/v2/repositories/a/_manifests/tags/x/current/"
        "link.2f0b9e0c-7d1e-4a53-9f5e-0d6f5b8b1c11.tmp"
    ): (
        "docker/registry/v2/repositories/a/_manifests/tags/x/current/"
        "link.2f0b9e0c-7d1e-4a53-9f5e-0d6f5b8b1c11.tmp"
    ),
}


@pytest.mark.parametrize(("spec", "path"), GOLDEN.items(), ids=lambda item: str(item)[-60:])
def test_golden_paths(spec: PathSpec, path: str) -> None:
    assert spec.path == path
    assert parse(path) == spec


def test_every_class_has_a_golden_path() -> None:
    assert {type(spec) for spec in GOLDEN} == {*layout.SPECS, StockTemporary}


def test_the_drawing_names_every_class() -> None:
    assert layout.__doc__ is not None
    drawn = set(re.findall(r"\w+", layout.__doc__))
    assert {cls.__name__ for cls in [*layout.SPECS, StockTemporary, Foreign]} <= drawn


@pytest.mark.parametrize("cls", [*layout.SPECS, StockTemporary, Foreign])
def test_specs_are_exported_frozen_and_slotted(cls: type[PathSpec]) -> None:
    assert getattr(layout, cls.__name__) is cls
    assert cls.__name__ in layout.__all__
    spec = next((spec for spec in GOLDEN if type(spec) is cls), Foreign("x", "y"))
    assert not hasattr(spec, "__dict__")
    for field in dataclasses.fields(cls):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(spec, field.name, "x")


def test_files_are_told_from_directories() -> None:
    files = {cls.__name__ for cls in layout.SPECS if cls.is_file}
    assert files == {
        "BlobData",
        "Caps",
        "CollectionState",
        "Format",
        "LayerLink",
        "Quarantined",
        "Referrer",
        "ReferrersComplete",
        "RevisionLink",
        "SavedDigest",
        "SignatureLink",
        "TagCurrentLink",
        "TagIndexLink",
        "TarsumBlobData",
        "TarsumLayerLink",
        "Tombstone",
        "UploadData",
        "UploadHashState",
        "UploadPurging",
        "UploadSealed",
        "UploadStartedAt",
    }


@pytest.mark.parametrize(
    "path",
    [
        "data",
        "x/_uploads/id/data",
        "docker/registry/v2/repositories/a/_uploads/data",
        "docker/registry/v2/repositories/a/_uploads/id/hashstates/data",
        "docker/registry/v2/repositories/_uploads/id/data",
        "docker/registry/v2/repositories/a/_uploads/id/data/",
        "docker/registry/v2/repositories/a/_uploads/id/xdata",
    ],
)
def test_not_upload_data(path: str) -> None:
    assert not layout.is_upload_data(path)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("", "no such place"),
        ("docker/registry", "no such place"),
        ("/docker/registry/v2/blobs", "no such place"),
        ("docker/registry/v2/blobs/", "unsupported digest algorithm ''"),
        ("docker/registry/v2//blobs", "no such place"),
        ("docker/registry/v2/scheduler-state.json", "no such place"),
        ("docker/registry/v2/blobs/md5", "unsupported digest algorithm 'md5'"),
        (f"docker/registry/v2/blobs/md5/ab/{'ab' * 16}/data", "unsupported digest algorithm"),
        (f"docker/registry/v2/blobs/sha256/ff/{A.hex}/data", f"/sha256/01/{A.hex}/data"),
        (f"docker/registry/v2/blobs/sha256/01/{A.hex[:-1]}/data", "64 digits, not 63"),
        (f"docker/registry/v2/blobs/sha256/AB/{'AB' * 32}/data", "lower case"),
        (f"docker/registry/v2/blobs/sha256/b64/01/{A.hex}/data", "'sha256+b64'"),
        (f"docker/registry/v2/repositories/a/_layers/sha256/b64/{A.hex}/link", "'sha256+b64'"),
        (f"docker/registry/v2/repositories/a/_layers/sha256+b64/{A.hex}/link", "'sha256+b64'"),
        ("docker/registry/v2/repositories/_manifests", "is not a repository name"),
        ("docker/registry/v2/repositories/A/_manifests", "is not a repository name"),
        ("docker/registry/v2/repositories/a/../b/_manifests", "is not a repository name"),
        ("docker/registry/v2/repositories/a/_trust", "no such place"),
        ("docker/registry/v2/repositories/a/_manifests/b/_layers", "no such place"),
        ("docker/registry/v2/repositories/a/_manifests/tags/-x", "is not a tag"),
        ("docker/registry/v2/repositories/a/_uploads/../data", "no upload '..'"),
        ("docker/registry/v2/repositories/a/_uploads/x/hashstates/sha256/0x10", "0x10"),
        ("docker/registry/v2/repositories/a/_uploads/x/hashstates/sha256/010", "sha256/10'"),
        ("docker/registry/v2/repositories/a/_uploads/x/.regstore-part", "belong to the driver"),
        ("docker/registry/v2/blobs/tarsum/v1/sha256/ab/zz/data", "is not a tarsum"),
        ("docker/registry/v2/blobs/tarsum/v1/sha256/ab/a/data", "is not a tarsum"),
        (f"docker/registry/regstore/v1/format.{UUID}.tmp", "no such place"),
    ],
)
def test_foreign_paths_say_why(path: str, reason: str) -> None:
    found = parse(path)
    assert isinstance(found, Foreign)
    assert reason in found.reason


def test_a_directory_named_like_a_temporary_is_what_it_is() -> None:
    tagged = parse(f"docker/registry/v2/repositories/a/_manifests/tags/x.{UUID}.tmp")
    assert tagged == layout.Tag("a", f"x.{UUID}.tmp")
    upload = parse(f"docker/registry/v2/repositories/a/_uploads/x.{UUID}.tmp/data")
    assert upload == layout.UploadData("a", f"x.{UUID}.tmp")


def test_a_stock_temporary_tells_its_target() -> None:
    target = layout.UploadHashState("a", "id", "sha256", 5)
    assert StockTemporary(f"{target.path}.{UUID}.tmp").target == target


@pytest.mark.parametrize(
    "path",
    [
        "",
        layout.BlobData(A).path,
        f"{layout.Blob(A).path}.{UUID}.tmp",
        f"{layout.BlobData(A).path}.{UUID.upper()}.tmp",
        f"{layout.BlobData(A).path}.{UUID}.tmp.{UUID}.tmp",
        f"{layout.BlobData(A).path}.{UUID}.tmp\n",
        f"docker/registry/v2/../x.{UUID}.tmp",
    ],
)
def test_other_paths_are_no_stock_temporaries(path: str) -> None:
    with pytest.raises(InvalidPathError) as caught:
        StockTemporary(path)
    assert caught.value.path == path
