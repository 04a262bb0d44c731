from __future__ import annotations

import json
import os
import stat
import tarfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from regstore import Descriptor, Policy, Repository
from regstore.digest import Digest
from regstore.errors import (
    ConfigurationError,
    CorruptContentError,
    LayoutInvalidError,
    ManifestBlobUnknownError,
    ManifestUnknownError,
    PathNotFoundError,
    RegstoreError,
    SizeInvalidError,
)
from regstore.layout import BlobData, RevisionLink
from regstore.oci import OCI_INDEX
from tests import places
from tests.images import Image, make_image, make_index
from tests.ocilayout.layouts import REF_NAME, Layout, as_directory, path_of
from tests.places import Place, files_below


def digest_of(blob: bytes) -> Digest:
    return Digest.of(blob)


def entries(folder: Path) -> dict[str | None, str]:
    """Return the digests that the index lists, by name; one without a name at most."""
    listed = json.loads((folder / "index.json").read_bytes())["manifests"]
    return {each.get("annotations", {}).get(REF_NAME): each["digest"] for each in listed}


def blobs_in(folder: Path) -> dict[str, bytes]:
    return {
        path: content
        for path, content in files_below(folder).items()
        if path.startswith("blobs/") and not path.endswith("/")
    }


def contents(*images: Image) -> dict[str, bytes]:
    return {path_of(each): each for image in images for each in (image.manifest, *image.blobs)}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def test_all_tags_go_out_by_default(repo: Repository, out: Path) -> None:
    one, two = make_image("one", layers=2), make_image("two")
    one.push(repo, "1", "latest")
    two.push(repo, "2")
    make_image("untagged").push(repo)
    result = repo.export_layout(out)
    assert entries(out) == {"1": one.digest, "latest": one.digest, "2": two.digest}
    assert blobs_in(out) == contents(one, two)
    assert json.loads((out / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    assert result.tags == {"1": one.digest, "latest": one.digest, "2": two.digest}
    assert {each.digest for each in result.copied} == {
        digest_of(each) for each in contents(one, two).values()
    }


def test_no_temporary_file_and_no_odd_mode_stays(repo: Repository, out: Path) -> None:
    make_image("one").push(repo, "1")
    repo.export_layout(out)
    assert sorted(path.name for path in out.iterdir()) == ["blobs", "index.json", "oci-layout"]
    umask = os.umask(0)
    os.umask(umask)
    for path in out.rglob("*"):
        expected = (0o777 if path.is_dir() else 0o666) & ~umask
        assert stat.S_IMODE(path.stat().st_mode) == expected, path


def test_tags_and_digests_go_out_when_named(repo: Repository, out: Path) -> None:
    one, two, three = (make_image(name) for name in ("one", "two", "three"))
    one.push(repo, "1")
    two.push(repo, "2")
    three.push(repo, "3")
    repo.export_layout(out, ["1", two.digest])
    assert entries(out) == {"1": one.digest, None: two.digest}
    assert blobs_in(out) == contents(one, two)


def test_an_index_goes_out_with_all_that_it_lists(repo: Repository, out: Path) -> None:
    platforms = [make_image(name, architecture=name) for name in ("amd64", "arm64")]
    inner = make_index(*platforms)
    outer = make_index(inner, annotations={"nested": "yes"})
    for each in (*platforms, inner):
        each.push(repo)
    outer.push(repo, "multi")
    repo.export_layout(out)
    assert entries(out) == {"multi": outer.digest}
    assert blobs_in(out) == contents(*platforms, inner, outer)


def test_a_chain_of_referrers_goes_along_without_names(repo: Repository, out: Path) -> None:
    image = make_image("one")
    tricky = {REF_NAME: "1"}
    bill = make_image(
        "bill", subject=image.described(), artifactType="application/sbom", annotations=tricky
    )
    signature = make_image("signature", subject=bill.described())
    image.push(repo, "1")
    bill.push(repo)
    signature.push(repo)
    repo.export_layout(out)
    listed = json.loads((out / "index.json").read_bytes())["manifests"]
    assert [each["digest"] for each in listed] == [image.digest, bill.digest, signature.digest]
    assert [each.get("annotations") for each in listed] == [{REF_NAME: "1"}, None, None]
    assert listed[1]["artifactType"] == "application/sbom"
    repo.export_layout(out.with_name("bare"), referrers=False)
    assert blobs_in(out.with_name("bare")) == contents(image)


def test_a_layout_is_added_to(repo: Repository, out: Path, layout: Layout) -> None:
    old, kept = make_image("old"), make_image("kept")
    layout.list(old, "1")
    layout.list(kept, "kept")
    layout.files["index.json"] = json.dumps(
        {"schemaVersion": 2, "annotations": {"by": "hand"}, "manifests": layout.entries}
    ).encode()
    as_directory(layout, out)
    new = make_image("new")
    new.push(repo, "1", "2")
    repo.export_layout(out)
    assert entries(out) == {"1": new.digest, "2": new.digest, "kept": kept.digest}
    assert json.loads((out / "index.json").read_bytes())["annotations"] == {"by": "hand"}
    assert blobs_in(out) == contents(old, kept, new)


def test_content_that_has_a_name_gets_no_second_entry_without_one(
    repo: Repository, out: Path
) -> None:
    image = make_image("one")
    image.push(repo, "1")
    repo.export_layout(out, [image.digest])
    assert entries(out) == {None: image.digest}
    repo.export_layout(out, ["1"])
    repo.export_layout(out, [image.digest])
    assert entries(out) == {"1": image.digest}


def test_a_referrer_that_is_gone_is_no_hindrance(place: Place, out: Path) -> None:
    image, repo = make_image("one"), place.repository()
    bill = make_image("bill", subject=image.described())
    image.push(repo, "1")
    bill.push(repo)
    place.delete(RevisionLink("library/app", bill.digest).path)
    repo.export_layout(out)
    assert entries(out) == {"1": image.digest}


def test_exporting_again_changes_nothing_and_copies_nothing(repo: Repository, out: Path) -> None:
    image = make_image("one")
    image.push(repo, "1")
    repo.export_layout(out, ["1", image.digest])
    before = files_below(out)
    again = repo.export_layout(out, ["1", image.digest])
    assert files_below(out) == before
    assert again.copied == ()
    assert len(again.skipped) == 3


def test_a_damaged_blob_of_the_layout_is_replaced(repo: Repository, out: Path) -> None:
    image = make_image("one")
    image.push(repo, "1")
    repo.export_layout(out)
    damaged = out / path_of(image.blobs[1])
    damaged.write_bytes(bytes(len(image.blobs[1])))
    repo.export_layout(out)
    assert damaged.read_bytes() == image.blobs[1]


def test_a_directory_with_other_things_is_left_alone(repo: Repository, out: Path) -> None:
    make_image("one").push(repo, "1")
    out.mkdir()
    (out / "precious").write_bytes(b"data")
    with pytest.raises(ConfigurationError, match="not empty"):
        repo.export_layout(out)
    assert files_below(out) == {"precious": b"data"}


def test_a_layout_of_another_version_is_left_alone(repo: Repository, out: Path) -> None:
    make_image("one").push(repo, "1")
    out.mkdir()
    (out / "oci-layout").write_bytes(b'{"imageLayoutVersion": "2.0.0"}')
    with pytest.raises(LayoutInvalidError):
        repo.export_layout(out)
    assert list(files_below(out)) == ["oci-layout"]


def test_an_archive_has_the_same_bytes_each_time(
    repo: Repository, place: Place, tmp_path: Path
) -> None:
    one, two = make_image("one", layers=3), make_image("two")
    one.push(repo, "1")
    two.push(repo, "2")
    other = place.repository("library/other")
    two.push(other, "2")
    one.push(other, "1")
    repo.export_layout(tmp_path / "first.tar")
    other.export_layout(tmp_path / "second.tar")
    assert (tmp_path / "first.tar").read_bytes() == (tmp_path / "second.tar").read_bytes()
    with tarfile.open(tmp_path / "first.tar") as archive:
        members = archive.getmembers()
    assert [member.name for member in members] == sorted(
        ["oci-layout", "index.json", *contents(one, two)]
    )
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname) for m in members} == {(0, 0, 0, "", "")}
    assert (tmp_path / "first.tar").stat().st_size % tarfile.RECORDSIZE == 0


def test_an_archive_takes_the_place_of_another_whole(repo: Repository, tmp_path: Path) -> None:
    image = make_image("one")
    image.push(repo, "1")
    path = tmp_path / "image.tar"
    path.write_bytes(b"old")
    broken = make_image("broken")
    broken.push(repo, "2")
    with pytest.raises(ManifestUnknownError):
        repo.export_layout(path, ["3"])
    assert path.read_bytes() == b"old"
    repo.export_layout(path, ["1"])
    assert tarfile.is_tarfile(path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["x.tar.gz", "x.tgz", "x.tar.zst"])
def test_compression_is_refused_in_words(name: str, repo: Repository, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="compressed already"):
        repo.export_layout(tmp_path / name, [])


def test_an_archive_where_a_directory_is_or_none_can_be_is_refused(
    repo: Repository, tmp_path: Path
) -> None:
    (tmp_path / "x.tar").mkdir()
    with pytest.raises(ConfigurationError, match="is a directory"):
        repo.export_layout(tmp_path / "x.tar", [])
    with pytest.raises(PathNotFoundError):
        repo.export_layout(tmp_path / "none" / "x.tar", [])


@pytest.mark.parametrize("name", ["out", "out.tar"])
def test_corrupt_content_is_never_exported(name: str, place: Place, tmp_path: Path) -> None:
    image = make_image("one")
    repo = place.repository()
    image.push(repo, "1")
    layer = image.blobs[1]
    place.write(BlobData(digest_of(layer)).path, bytes(len(layer)))
    with pytest.raises(CorruptContentError):
        repo.export_layout(tmp_path / name)
    left = files_below(tmp_path)
    assert path_of(layer) not in str(left)
    assert "index.json" not in str(left)
    assert not (tmp_path / "out.tar").exists()


def test_a_blob_of_another_size_is_found_before_anything_is_written(
    place: Place, tmp_path: Path
) -> None:
    image = make_image("one")
    repo = place.repository()
    image.push(repo, "1")
    place.write(BlobData(digest_of(image.blobs[1])).path, b"short")
    with pytest.raises(SizeInvalidError) as caught:
        repo.export_layout(tmp_path / "out")
    size = len(image.blobs[1])
    assert (caught.value.expected, caught.value.actual) == (size, 5)
    for part in (image.digest, digest_of(image.blobs[1]), f"{size} bytes", "5 are stored", "push"):
        assert part in str(caught.value)
    assert files_below(tmp_path) == {}


def test_the_manifest_is_named_whose_size_of_another_is_wrong(
    repo: Repository, tmp_path: Path
) -> None:
    image = make_image("one")
    image.push(repo)
    wrong = image.described() | {"size": 7}
    body = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [wrong]}
    index = repo.manifests.put(json.dumps(body).encode(), tags=["1"])
    with pytest.raises(SizeInvalidError) as caught:
        repo.export_layout(tmp_path / "out")
    assert f"manifest {index.descriptor.digest} says that {image.digest}" in str(caught.value)
    assert "has 7 bytes" in str(caught.value)


def test_missing_content_is_named_and_nothing_is_written(repo: Repository, tmp_path: Path) -> None:
    image = make_image("one", layers=3)
    image.push(repo, "1")
    lost = [digest_of(blob) for blob in image.blobs[1:3]]
    for digest in lost:
        repo.blobs.delete(digest)
    with pytest.raises(ManifestBlobUnknownError) as caught:
        repo.export_layout(tmp_path / "out")
    assert set(caught.value.missing) == set(lost)
    assert files_below(tmp_path) == {}


def test_a_sparse_index_goes_out_as_it_is(place: Place, tmp_path: Path) -> None:
    here, elsewhere = make_image("here"), make_image("elsewhere")
    repo = place.open(Policy(sparse_indexes=True)).repository("library/app")
    here.push(repo)
    make_index(here, elsewhere).push(repo, "multi")
    result = repo.export_layout(tmp_path / "out")
    assert [each.digest for each in result.missing] == [elsewhere.digest]
    with pytest.raises(ManifestBlobUnknownError):
        place.repository().export_layout(tmp_path / "strict")


def test_progress_adds_up(repo: Repository, out: Path) -> None:
    make_image("one", layers=2).push(repo, "1")
    done: dict[str, int] = {}
    sizes: dict[str, int] = {}

    def progress(descriptor: Descriptor, count: int) -> None:
        assert count > 0 or descriptor.digest not in done
        sizes[descriptor.digest] = descriptor.size
        done[descriptor.digest] = count

    repo.export_layout(out, progress=progress)
    assert done == sizes
    assert len(done) == 4


def test_exports_into_one_layout_at_a_time_lose_no_name(out: Path) -> None:
    place = places.memory()
    tags = [f"v{number}" for number in range(8)]
    for tag in tags:
        make_image(tag).push(place.repository(), tag)
    together = threading.Barrier(len(tags))

    def export(tag: str) -> None:
        together.wait()
        place.repository().export_layout(out, [tag])

    with ThreadPoolExecutor(len(tags)) as pool:
        list(pool.map(export, tags))
    assert sorted(str(name) for name in entries(out)) == tags
    assert len(blobs_in(out)) == 3 * len(tags)


def test_a_file_is_no_place_for_a_directory(repo: Repository, out: Path) -> None:
    make_image("one").push(repo, "1")
    out.write_bytes(b"precious")
    with pytest.raises(RegstoreError):
        repo.export_layout(out)
    assert out.read_bytes() == b"precious"
