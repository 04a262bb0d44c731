from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from regstore import Descriptor, Policy, Repository
from regstore.errors import (
    ConfigurationError,
    DigestInvalidError,
    LayoutInvalidError,
    ManifestBlobUnknownError,
    ManifestInvalidError,
    ManifestTooLargeError,
    ManifestUnknownError,
    PathNotFoundError,
    ReadOnlyError,
    SizeInvalidError,
    TagImmutableError,
    TagInvalidError,
)
from regstore.policy import ImmutableTags
from tests import places
from tests.images import described, make_image, make_index
from tests.ocilayout.layouts import REF_NAME, SAVES, Layout, Save, as_directory, path_of
from tests.places import Place


@pytest.mark.parametrize("save", SAVES)
def test_every_entry_comes_in_under_its_name(
    save: Save, repo: Repository, layout: Layout, tmp_path: Path
) -> None:
    one, two = make_image("one", layers=3), make_image("two")
    layout.list(one, "1")
    layout.list(two, "2")
    result = repo.import_layout(save(layout, tmp_path / "layout"))
    assert result.tags == {"1": one.digest, "2": two.digest}
    assert repo.manifests.get("1").body == one.manifest
    assert repo.manifests.get("2").body == two.manifest
    for blob in (*one.blobs, *two.blobs):
        assert repo.blobs.get(str(described(blob, "")["digest"])) == blob


def test_a_blob_of_many_chunks_streams_in(repo: Repository, layout: Layout, tmp_path: Path) -> None:
    large = bytes(range(256)) * 4096 * 3 + b"tail"
    image = make_image("large")
    layer = described(large, "application/vnd.oci.image.layer.v1.tar")
    manifest = json.loads(image.manifest) | {"layers": [layer]}
    image = type(image)(json.dumps(manifest).encode(), image.media_type, (image.blobs[0], large))
    layout.list(image, "large")
    told: list[tuple[Descriptor, int]] = []
    repo.import_layout(
        as_directory(layout, tmp_path / "layout"),
        progress=lambda descriptor, done: told.append((descriptor, done)),
    )
    assert repo.blobs.get(str(layer["digest"])) == large
    steps = [done for descriptor, done in told if descriptor.digest == layer["digest"]]
    assert steps[0] == 0
    assert steps[-1] == len(large)
    assert len(steps) > 3
    assert steps == sorted(steps)


def test_all_work_is_announced_before_the_first_byte(
    repo: Repository, layout: Layout, tmp_path: Path
) -> None:
    layout.list(make_image("a", layers=2), "a")
    told: list[int] = []
    repo.import_layout(
        as_directory(layout, tmp_path / "layout"), progress=lambda _, done: told.append(done)
    )
    announced = 4  # a config, two layers, a manifest
    assert told[:announced] == [0] * announced
    assert 0 not in told[announced:]


def test_progress_ends_at_every_size(repo: Repository, layout: Layout, tmp_path: Path) -> None:
    image = make_image("one", layers=2)
    layout.list(image, "1")
    folder = as_directory(layout, tmp_path / "layout")
    repo.blobs.put(image.blobs[2])
    sizes = {
        described(content, "")["digest"]: len(content) for content in (image.manifest, *image.blobs)
    }
    done: dict[object, int] = {}
    for _ in range(2):
        done.clear()
        repo.import_layout(folder, progress=lambda each, count: done.update({each.digest: count}))
        assert done == sizes


def test_one_entry_comes_in_under_its_name_alone(
    repo: Repository, layout: Layout, tmp_path: Path
) -> None:
    one, two = make_image("one"), make_image("two")
    layout.list(one, "1")
    layout.list(two, "2")
    result = repo.import_layout(as_directory(layout, tmp_path / "layout"), "2")
    assert result.tags == {"2": two.digest}
    assert list(repo.tags.all()) == ["2"]
    assert not repo.manifests.exists(one.digest)


def test_one_entry_comes_in_under_other_names(
    repo: Repository, layout: Layout, tmp_path: Path
) -> None:
    image = make_image("one")
    layout.list(image, "1")
    layout.list(make_image("two"), "2")
    repo.import_layout(as_directory(layout, tmp_path / "layout"), "1", ["stable", "newest"])
    assert sorted(repo.tags.all()) == ["newest", "stable"]
    assert repo.tags.get("stable") == image.digest


def test_a_single_image_needs_no_reference_to_be_tagged(
    repo: Repository, layout: Layout, tmp_path: Path
) -> None:
    image = make_image("one")
    bill = make_image("bill", subject=image.described(), artifactType="application/sbom")
    layout.list(image)
    layout.list(bill)
    repo.import_layout(as_directory(layout, tmp_path / "layout"), tags=["v1"])
    assert repo.tags.get("v1") == image.digest
    assert [each.digest for each in repo.referrers.all(image.digest)] == [bill.digest]


def test_which_of_two_images_to_tag_must_be_said(
    repo: Repository, layout: Layout, tmp_path: Path
) -> None:
    one, two = make_image("one"), make_image("two")
    layout.list(one)
    layout.list(two)
    with pytest.raises(ConfigurationError, match=one.digest):
        repo.import_layout(as_directory(layout, tmp_path / "layout"), tags=["v1"])


@pytest.mark.parametrize(
    ("ref_name", "tag"),
    [
        ("docker.io/library/x:1", "1"),
        ("localhost:5000/x:1.0-rc", "1.0-rc"),
        (f"x:1@sha256:{'0' * 64}", "1"),
        ("latest", "latest"),
    ],
)
def test_a_full_name_gives_its_tag(
    ref_name: str, tag: str, repo: Repository, layout: Layout, tmp_path: Path
) -> None:
    layout.list(make_image("one"), ref_name)
    folder = as_directory(layout, tmp_path / "layout")
    assert list(repo.import_layout(folder).tags) == [tag]
    assert list(repo.import_layout(folder, ref_name).tags) == [tag]
    assert list(repo.import_layout(folder, tag).tags) == [tag]


def test_what_is_asked_for_by_digest_gets_no_tag_unasked(
    repo: Repository, layout: Layout, tmp_path: Path
) -> None:
    image = make_image("one")
    layout.list(image, "1")
    folder = as_directory(layout, tmp_path / "layout")
    assert repo.import_layout(folder, image.digest).tags == {}
    assert repo.manifests.exists(image.digest)
    assert not repo.manifests.exists("1")


@pytest.mark.parametrize("ref_name", ["docker.io/library/x:", "library/x y", "x:-1", "a/:../b"])
def test_a_name_without_a_tag_is_refused_before_anything_is_copied(
    ref_name: str, place: Place, layout: Layout, tmp_path: Path
) -> None:
    layout.list(make_image("one"), ref_name)
    with pytest.raises(TagInvalidError, match="give one"):
        place.repository().import_layout(as_directory(layout, tmp_path / "layout"))
    assert place.files() == {}


def test_two_entries_of_one_tag_are_refused(
    repo: Repository, layout: Layout, tmp_path: Path
) -> None:
    one, two = make_image("one"), make_image("two")
    layout.list(one, "docker.io/library/one:1")
    layout.list(two, "docker.io/library/two:1")
    folder = as_directory(layout, tmp_path / "layout")
    with pytest.raises(ConfigurationError, match=two.digest):
        repo.import_layout(folder)
    with pytest.raises(ConfigurationError, match=two.digest):
        repo.import_layout(folder, "1")
    repo.import_layout(folder, "docker.io/library/two:1")
    assert repo.tags.get("1") == two.digest


def test_a_digest_names_what_the_index_does_not_list(
    repo: Repository, layout: Layout, tmp_path: Path
) -> None:
    child = make_image("child", architecture="arm64")
    index = make_index(child)
    layout.hold(child)
    layout.list(index, "multi")
    folder = as_directory(layout, tmp_path / "layout")
    assert repo.import_layout(folder, child.digest).tags == {}
    assert repo.manifests.exists(child.digest)
    assert not repo.manifests.exists(index.digest)
    assert repo.import_layout(folder, child.digest, ["arm"]).tags == {"arm": child.digest}


def test_an_index_brings_what_it_lists(repo: Repository, layout: Layout, tmp_path: Path) -> None:
    platforms = [make_image(name, architecture=name) for name in ("amd64", "arm64")]
    inner = make_index(*platforms)
    outer = make_index(inner, annotations={"nested": "yes"})
    layout.hold(*platforms, inner)
    layout.list(outer, "multi")
    result = repo.import_layout(as_directory(layout, tmp_path / "layout"))
    order = [each.digest for each in result.manifests]
    assert set(order) == {*(each.digest for each in platforms), inner.digest, outer.digest}
    assert order.index(platforms[0].digest) < order.index(inner.digest) < order.index(outer.digest)
    assert repo.manifests.get("multi").body == outer.manifest


@pytest.mark.parametrize("listed", [True, False])
def test_a_chain_of_referrers_comes_along(
    listed: bool, repo: Repository, layout: Layout, tmp_path: Path
) -> None:
    image = make_image("one")
    bill = make_image("bill", subject=image.described(), artifactType="application/sbom")
    signature = make_image("signature", subject=bill.described(), artifactType="application/sig")
    stranger = make_image("stranger", subject=make_image("elsewhere").described())
    layout.list(image, "1")
    for each in (signature, bill):
        if listed:
            layout.list(each)
        else:
            layout.hold(each)
    layout.hold(stranger)
    repo.import_layout(as_directory(layout, tmp_path / "layout"), "1")
    (found,) = repo.referrers.all(image.digest)
    assert (found.digest, found.artifact_type) == (bill.digest, "application/sbom")
    assert [each.digest for each in repo.referrers.all(bill.digest)] == [signature.digest]
    assert not repo.manifests.exists(stranger.digest)


def test_what_is_there_is_skipped(repo: Repository, layout: Layout, tmp_path: Path) -> None:
    image = make_image("one", layers=2)
    layout.list(image, "1")
    folder = as_directory(layout, tmp_path / "layout")
    repo.blobs.put(image.blobs[1])
    first = repo.import_layout(folder)
    assert {each.digest for each in first.skipped} == {described(image.blobs[1], "")["digest"]}
    second = repo.import_layout(folder)
    assert second.copied == ()
    assert len(second.skipped) == 4


def test_a_lost_blob_comes_back_although_its_manifest_is_there(
    place: Place, layout: Layout, tmp_path: Path
) -> None:
    image = make_image("one")
    layout.list(image, "1")
    folder = as_directory(layout, tmp_path / "layout")
    repo = place.repository()
    repo.import_layout(folder)
    digest = str(described(image.blobs[1], "")["digest"])
    repo.blobs.delete(digest)
    repo.import_layout(folder)
    assert repo.blobs.get(digest) == image.blobs[1]


def test_missing_content_is_named_and_nothing_is_copied(
    place: Place, layout: Layout, tmp_path: Path
) -> None:
    image = make_image("one", layers=2)
    layout.list(image, "1")
    for blob in image.blobs[1:]:
        del layout.files[path_of(blob)]
    with pytest.raises(ManifestBlobUnknownError) as caught:
        place.repository().import_layout(as_directory(layout, tmp_path / "layout"))
    assert set(caught.value.missing) == {described(blob, "")["digest"] for blob in image.blobs[1:]}
    assert place.files() == {}


def test_content_that_the_repository_has_need_not_be_in_the_layout(
    repo: Repository, layout: Layout, tmp_path: Path
) -> None:
    child = make_image("child")
    child.push(repo)
    image = make_image("one", layers=2)
    repo.blobs.put(image.blobs[2])
    index = make_index(image, child)
    layout.hold(image)
    layout.list(index, "1")
    del layout.files[path_of(image.blobs[2])]
    repo.import_layout(as_directory(layout, tmp_path / "layout"))
    assert repo.tags.get("1") == index.digest


def test_a_sparse_index_is_taken_where_the_policy_says_so(
    place: Place, layout: Layout, tmp_path: Path
) -> None:
    here, elsewhere = make_image("here"), make_image("elsewhere")
    layout.hold(here)
    layout.list(make_index(here, elsewhere), "multi")
    folder = as_directory(layout, tmp_path / "layout")
    with pytest.raises(ManifestBlobUnknownError, match="sparse_indexes=True"):
        place.repository().import_layout(folder)
    sparse = place.open(Policy(sparse_indexes=True)).repository("library/app")
    result = sparse.import_layout(folder)
    assert [each.digest for each in result.missing] == [elsewhere.digest]
    assert sparse.manifests.exists("multi")


def test_a_foreign_layer_may_be_elsewhere(place: Place, layout: Layout, tmp_path: Path) -> None:
    image = make_image("one", layers=2)
    manifest = json.loads(image.manifest)
    manifest["layers"][1]["mediaType"] = "application/vnd.oci.image.layer.nondistributable.v1.tar"
    foreign = type(image)(json.dumps(manifest).encode(), image.media_type, image.blobs[:2])
    layout.list(foreign, "1")
    folder = as_directory(layout, tmp_path / "layout")
    result = place.repository().import_layout(folder)
    assert [each.digest for each in result.missing] == [manifest["layers"][1]["digest"]]
    strict = place.open(Policy(foreign_layers=False)).repository("library/strict")
    with pytest.raises(ManifestBlobUnknownError):
        strict.import_layout(folder)


@pytest.mark.parametrize("save", SAVES)
def test_a_damaged_blob_is_refused_and_leaves_no_tag(
    save: Save, repo: Repository, layout: Layout, tmp_path: Path
) -> None:
    image = make_image("one")
    layout.list(image, "1")
    path = path_of(image.blobs[1])
    layout.files[path] = bytes([layout.files[path][0] ^ 1]) + layout.files[path][1:]
    with pytest.raises(DigestInvalidError, match="fetch the layout again"):
        repo.import_layout(save(layout, tmp_path / "layout"))
    assert list(repo.manifests.all()) == []
    assert not repo.blobs.exists(str(described(image.blobs[1], "")["digest"]))


def test_a_damaged_manifest_is_refused_before_anything_is_copied(
    place: Place, layout: Layout, tmp_path: Path
) -> None:
    image = make_image("one")
    layout.list(image, "1")
    layout.files[path_of(image.manifest)] = image.manifest.replace(b"config", b"confix", 1)
    with pytest.raises(DigestInvalidError):
        place.repository().import_layout(as_directory(layout, tmp_path / "layout"))
    assert place.files() == {}


@pytest.mark.parametrize("which", ["manifest", "blob"])
def test_a_wrong_size_is_refused(
    which: str, repo: Repository, layout: Layout, tmp_path: Path
) -> None:
    image = make_image("one")
    layout.list(image, "1")
    path = path_of(image.manifest if which == "manifest" else image.blobs[1])
    layout.files[path] += b" "
    with pytest.raises(SizeInvalidError) as caught:
        repo.import_layout(as_directory(layout, tmp_path / "layout"))
    assert caught.value.actual == caught.value.expected + 1


def test_indexes_that_list_each_other_are_refused_not_followed_for_ever(
    repo: Repository, layout: Layout, tmp_path: Path
) -> None:
    index = make_index()
    own = described(index.manifest, index.media_type)
    ring = b""
    for _ in range(2):  # its size has to say how long it is, its own digits included
        ring = json.dumps(json.loads(index.manifest) | {"manifests": [own]}).encode()
        own["size"] = len(ring)
    layout.entries.append(own | {"annotations": {REF_NAME: "ring"}})
    layout.files[path_of(index.manifest)] = ring
    with pytest.raises(DigestInvalidError):
        repo.import_layout(as_directory(layout, tmp_path / "layout"))


def test_a_deep_chain_of_indexes_is_no_recursion(layout: Layout, tmp_path: Path) -> None:
    repo, image = places.memory().repository(), make_image("bottom")
    layout.hold(image)
    for _ in range(sys.getrecursionlimit() + 10):
        image = make_index(image)
        layout.hold(image)
    layout.list(image, "deep")
    repo.import_layout(as_directory(layout, tmp_path / "layout"))
    assert repo.tags.get("deep") == image.digest


def test_what_is_listed_many_times_is_read_once(layout: Layout, tmp_path: Path) -> None:
    repo, image = places.memory().repository(), make_image("bottom")
    layout.hold(image)
    for _ in range(40):  # two to the power of forty ways to the bottom
        image = make_index(image, image)
        layout.hold(image)
    layout.list(image, "wide")
    assert len(repo.import_layout(as_directory(layout, tmp_path / "layout")).manifests) == 41


def test_a_manifest_too_large_is_refused(place: Place, layout: Layout, tmp_path: Path) -> None:
    layout.list(make_image("one", annotations={"padding": "x" * 4000}), "1")
    repo = place.open(Policy(max_manifest_size=3000)).repository("library/app")
    with pytest.raises(ManifestTooLargeError):
        repo.import_layout(as_directory(layout, tmp_path / "layout"))


def test_unknown_references_say_what_there_is(
    repo: Repository, layout: Layout, tmp_path: Path
) -> None:
    layout.list(make_image("one"), "1")
    folder = as_directory(layout, tmp_path / "layout")
    with pytest.raises(ManifestUnknownError, match=r"it has 1$"):
        repo.import_layout(folder, "2")
    with pytest.raises(ManifestUnknownError):
        repo.import_layout(folder, f"sha256:{'0' * 64}")


def test_other_content_in_the_index_is_a_blob(
    repo: Repository, layout: Layout, tmp_path: Path
) -> None:
    layout.list(make_image("one"), "1")
    layout.files[path_of(b"<xml/>")] = b"<xml/>"
    layout.entries.append(described(b"<xml/>", "application/xml"))
    repo.import_layout(as_directory(layout, tmp_path / "layout"))
    assert repo.blobs.get(str(described(b"<xml/>", "")["digest"])) == b"<xml/>"


def test_a_contradicting_media_type_is_refused(
    repo: Repository, layout: Layout, tmp_path: Path
) -> None:
    image = make_image("one")
    layout.list(image, "1")
    layout.entries[0]["mediaType"] = "application/vnd.oci.image.index.v1+json"
    with pytest.raises(ManifestInvalidError):
        repo.import_layout(as_directory(layout, tmp_path / "layout"))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("oci-layout", b""),
        ("oci-layout", b"[]"),
        ("oci-layout", b'{"imageLayoutVersion": "2.0.0"}'),
        ("index.json", b"not json"),
        ("index.json", b"[]"),
        ("index.json", b'{"schemaVersion": 1, "manifests": []}'),
        ("index.json", b'{"schemaVersion": 2, "manifests": [{"digest": "sha256:12"}]}'),
        ("index.json", b" " * (16 << 20) + b"{}"),
    ],
)
def test_what_is_no_layout_is_refused(
    name: str, content: bytes, repo: Repository, layout: Layout, tmp_path: Path
) -> None:
    layout.files[name] = content
    with pytest.raises(LayoutInvalidError) as caught:
        repo.import_layout(as_directory(layout, tmp_path / "layout"))
    assert caught.value.path == str(tmp_path / "layout")


@pytest.mark.parametrize("name", ["oci-layout", "index.json"])
def test_a_layout_without_its_marks_is_refused(
    name: str, repo: Repository, layout: Layout, tmp_path: Path
) -> None:
    folder = as_directory(layout, tmp_path / "layout")
    (folder / name).unlink()
    with pytest.raises(LayoutInvalidError, match=f"has no {name}"):
        repo.import_layout(folder)


def test_nothing_there_is_not_found(repo: Repository, tmp_path: Path) -> None:
    with pytest.raises(PathNotFoundError):
        repo.import_layout(tmp_path / "nothing")


def test_policies_hold(place: Place, layout: Layout, tmp_path: Path) -> None:
    layout.list(make_image("one"), "v1")
    folder = as_directory(layout, tmp_path / "layout")
    with pytest.raises(ReadOnlyError):
        place.open(read_only=True).repository("library/app").import_layout(folder)
    fixed = place.open(Policy(tags=ImmutableTags("v*"))).repository("library/app")
    fixed.import_layout(folder)
    fixed.import_layout(folder)
    layout.entries.clear()
    layout.list(make_image("two"), "v1")
    with pytest.raises(TagImmutableError):
        fixed.import_layout(as_directory(layout, tmp_path / "other"))
