"""Tags, manifests and listings that others change meanwhile, or that hold what is odd."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from regstore import Descriptor, Registry, Repository, layout
from regstore.digest import Digest
from regstore.errors import ConfigurationError, ManifestUnknownError, TagImmutableError
from regstore.oci import OCI_INDEX
from regstore.policy import ImmutableTags, Policy
from tests import places
from tests.images import described, make_image
from tests.places import Place
from tests.stores.faults import Call, Hook, Hooked, Moment, once

NAME = "library/app"
ONE, TWO = (make_image("same", layers=0, annotations={"is": name}) for name in ("one", "two"))
SIGNATURE = make_image("signature", layers=0, subject=ONE.described())


@pytest.fixture(params=["memory", "local"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return places.memory() if request.param == "memory" else places.local(tmp_path / "store")


@pytest.fixture
def repo(place: Place) -> Repository:
    return place.repository(NAME)


def hooked(place: Place, hook: Hook) -> Repository:
    return Place(Hooked(place.driver, hook), place.root).repository(NAME)


def at_call(number: int, moment: Moment, act: Callable[[], object]) -> Hook:
    return once(lambda call: call.number == number, act, moment)


def calls(place: Place, act: Callable[[Registry], object]) -> list[Call]:
    driver = Hooked(place.driver)
    act(Registry(driver))
    return driver.calls


def delete_two(registry: Registry) -> None:
    registry.repository(NAME).manifests.delete(TWO.digest)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_no_tag_names_a_manifest_that_was_deleted_meanwhile(place: Place, moment: Moment) -> None:
    repo = place.repository(NAME)
    ONE.push(repo, "kept")
    TWO.push(repo, "old")
    count = len(
        calls(place, lambda registry: registry.repository(NAME).manifests.delete(TWO.digest))
    )

    def tag() -> None:
        if repo.manifests.exists(TWO.digest):
            repo.tags.set("new", TWO.digest)

    for number in range(1, count + 1):
        TWO.push(repo, "old")
        hooked(place, at_call(number, moment, tag)).manifests.delete(TWO.digest)
        assert list(repo.tags.all()) == ["kept"]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_tag_that_moves_on_while_its_manifest_is_deleted_stays(
    place: Place, repo: Repository, moment: Moment
) -> None:
    ONE.push(repo)
    TWO.push(repo, "moves")
    made = calls(place, delete_two)
    gone = next(call.number for call in made if call.name == "delete_file")
    for number in range(1, gone + 1):
        TWO.push(repo, "moves")
        act = at_call(number, moment, lambda: repo.tags.set("moves", ONE.digest))
        hooked(place, act).manifests.delete(TWO.digest)
        assert repo.tags.get("moves") == ONE.digest


def test_a_tag_is_deleted_by_value_not_by_version(place: Place, repo: Repository) -> None:
    ONE.push(repo, "v1")
    again = once(lambda call: call.name == "delete_file", lambda: repo.tags.set("v1", ONE.digest))
    hooked(place, again).tags.delete("v1", expect=ONE.digest)
    assert not repo.manifests.exists("v1")
    assert list(repo.tags.all()) == []


def test_a_tag_set_by_value_finds_it_set_already(place: Place, repo: Repository) -> None:
    ONE.push(repo, "v1")
    TWO.push(repo)
    again = once(
        lambda call: call.name == "put_content" and "current" in call.path,
        lambda: repo.tags.set("v1", TWO.digest),
    )
    hooked(place, again).tags.set("v1", TWO.digest, expect=ONE.digest)
    assert repo.tags.get("v1") == TWO.digest


def test_a_tag_that_is_set_while_it_is_deleted_keeps_its_history(
    place: Place, repo: Repository
) -> None:
    ONE.push(repo, "v1")
    TWO.push(repo)
    again = once(
        lambda call: call.name in {"delete", "delete_file"} and "index" in call.path,
        lambda: repo.tags.set("v1", TWO.digest),
    )
    hooked(place, again).tags.delete("v1")
    assert repo.tags.get("v1") == TWO.digest
    assert place.has(layout.TagIndexLink(NAME, "v1", TWO.digest).path)


def test_the_history_of_a_tag_without_an_index_is_what_it_is_now(
    place: Place, repo: Repository
) -> None:
    ONE.push(repo, "v1")
    place.delete(layout.TagIndex(NAME, "v1").path)
    assert [change.digest for change in repo.tags.history("v1")] == [ONE.digest]


def test_where_one_tag_is_immutable_none_is_set(place: Place, repo: Repository) -> None:
    ONE.push(repo, "v1", "latest")
    for blob in TWO.blobs:
        repo.blobs.put(blob)
    before = place.files()
    strict = place.open(Policy(tags=ImmutableTags("v*"))).repository(NAME)
    with pytest.raises(TagImmutableError):
        TWO.push_manifest(strict, "latest", "v1")
    assert place.files() == before


def test_an_index_may_list_a_manifest_of_unknown_type(place: Place) -> None:
    repo = place.open(Policy(unknown_manifests=True)).repository(NAME)
    kind = "application/vnd.oci.artifact.manifest.v1+json"
    artifact = json.dumps({"mediaType": kind, "artifactType": "x", "blobs": []}).encode()
    index = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [described(artifact, kind)],
    }
    repo.manifests.put(artifact)
    repo.manifests.put(json.dumps(index).encode(), tags=["v1"])
    assert repo.manifests.get("v1").document.references[0].descriptor.media_type == kind


def test_the_catalog_lists_each_directory_once(place: Place) -> None:
    for name in ("a", "a/b", "a/b/c", "d/e"):
        ONE.push(place.repository(name))
    listed = Counter(
        call.path
        for call in calls(place, lambda registry: list(registry.repositories.all()))
        if call.name == "list"
    )
    assert set(listed.values()) == {1}
    root = layout.RepositoriesRoot().path
    names = ("a", "a/b", "a/b/c", "d", "d/e")
    assert set(listed) == {root, *(f"{root}/{name}" for name in names)}


def test_a_layer_that_is_listed_often_is_looked_for_once(place: Place, repo: Repository) -> None:
    image = make_image("layered")
    fields = json.loads(image.manifest)
    fields["layers"] *= 1000
    for blob in image.blobs:
        repo.blobs.put(blob)
    layer = layout.BlobData(Digest.of(image.blobs[1])).path
    body = json.dumps(fields).encode()
    made = calls(place, lambda registry: registry.repository(NAME).manifests.put(body))
    assert [call.name for call in made if call.path == layer] == ["stat"]
    assert len(repo.manifests.get(Digest.of(body)).document.references) == 1001


def test_a_referrer_that_goes_while_they_are_read_is_left_out(
    place: Place, repo: Repository
) -> None:
    others = [
        make_image("other", layers=0, subject=ONE.described(), annotations={"n": n}) for n in "123"
    ]
    for image in others:
        image.push(repo)
    repo.referrers.reindex()
    first, gone, last = sorted(image.digest for image in others)
    vanish = once(
        lambda call: call.name == "get_content" and call.path.endswith(first.hex),
        lambda: repo.manifests.delete(gone),
    )
    found = hooked(place, vanish).referrers.all(ONE.digest)
    assert [each.digest for each in found] == [first, last]


def test_a_reindex_forgets_what_is_gone(place: Place, repo: Repository) -> None:
    ONE.push(repo)
    SIGNATURE.push(repo)
    assert [each.digest for each in repo.referrers.all(ONE.digest)] == [SIGNATURE.digest]
    place.delete(layout.RevisionLink(NAME, SIGNATURE.digest).path)
    assert repo.referrers.reindex() == 0
    assert list(repo.referrers.all(ONE.digest)) == []
    assert not place.has(layout.Referrer(NAME, ONE.digest, SIGNATURE.digest).path)


def test_descriptors_are_hashable() -> None:
    plain = Descriptor("application/x", ONE.digest, 3)
    rich = Descriptor(
        "application/x",
        ONE.digest,
        3,
        annotations={"a": "b"},
        urls=("https://example.com",),
        platform={"os": "linux"},
    )
    assert len({plain, rich, Descriptor("application/x", ONE.digest, 3)}) == 2


@pytest.mark.parametrize("body", [b"9" * 5000, b"2", b"-1", b"", b"one", b"\xc2\xb2"])
def test_a_format_that_is_not_known_is_refused(place: Place, body: bytes) -> None:
    place.write(layout.Format().path, body)
    with pytest.raises(ConfigurationError, match="upgrade"):
        place.repository(NAME).referrers.reindex()
    assert place.files() == {layout.Format().path: body}


def test_of_two_that_write_the_format_first_the_newer_one_is_heard(
    place: Place, repo: Repository
) -> None:
    for blob in SIGNATURE.blobs:
        repo.blobs.put(blob)
    newer = once(
        lambda call: call.name == "put_content" and call.path == layout.Format().path,
        lambda: place.write(layout.Format().path, b"2"),
    )
    with pytest.raises(ConfigurationError, match="upgrade"):
        SIGNATURE.push_manifest(hooked(place, newer))
    assert place.read(layout.Format().path) == b"2"
    assert not place.has(layout.SubjectsRoot(NAME).path)


def test_a_manifest_that_is_pushed_and_deleted_at_once_is_not_half_there(
    place: Place, repo: Repository
) -> None:
    ONE.push(repo)
    for blob in SIGNATURE.blobs:
        repo.blobs.put(blob)
    SIGNATURE.push_manifest(repo)
    meddle = once(
        lambda call: call.name == "put_content" and "revisions" in call.path,
        lambda: repo.manifests.delete(SIGNATURE.digest),
    )
    SIGNATURE.push_manifest(hooked(place, meddle), "v1")
    assert repo.manifests.get("v1").body == SIGNATURE.manifest
    assert [each.digest for each in repo.referrers.all(ONE.digest)] == [SIGNATURE.digest]
    repo.manifests.delete(SIGNATURE.digest)
    with pytest.raises(ManifestUnknownError):
        repo.manifests.delete(SIGNATURE.digest)
    assert list(repo.referrers.all(ONE.digest)) == []
