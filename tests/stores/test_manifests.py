"""Manifests: stored byte for byte, once all that they refer to is there."""

from __future__ import annotations

import json

import pytest

from regstore import Descriptor, Registry, Repository, layout
from regstore.digest import Digest
from regstore.errors import (
    CorruptContentError,
    DigestInvalidError,
    ManifestBlobUnknownError,
    ManifestInvalidError,
    ManifestTooLargeError,
    ManifestUnknownError,
    TagImmutableError,
    TagInvalidError,
)
from regstore.oci import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, OCTET_STREAM
from regstore.policy import ImmutableTags, Policy
from tests.images import Image, described, make_image, make_index
from tests.places import Place

NAME = "library/app"
FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
UNKNOWN = Digest.of(b"never pushed")


def put_blobs(repo: Repository, image: Image) -> None:
    for blob in image.blobs:
        repo.blobs.put(blob)


def without_type(image: Image) -> bytes:
    fields = json.loads(image.manifest)
    del fields["mediaType"]
    return json.dumps(fields).encode()


@pytest.mark.parametrize("media_type", [OCI_MANIFEST, DOCKER_MANIFEST])
def test_an_image_is_stored_byte_for_byte(place: Place, repo: Repository, media_type: str) -> None:
    image = make_image("x", layers=2, media_type=media_type)
    put_blobs(repo, image)
    body = image.manifest.replace(b": ", b" :\n ")
    result = repo.manifests.put(body, media_type, tags=["v1", "latest"])
    digest = Digest.of(body)
    assert (result.descriptor.media_type, result.descriptor.digest) == (media_type, digest)
    assert (result.descriptor.size, result.tags, result.subject) == (
        len(body),
        ("v1", "latest"),
        None,
    )
    for reference in ("v1", "latest", digest):
        stored = repo.manifests.get(reference)
        assert (stored.body, stored.digest, stored.media_type) == (body, digest, media_type)
        assert stored.descriptor == Descriptor(media_type, digest, len(body))
        assert repo.manifests.exists(reference)
    assert place.read(layout.BlobData(digest).path) == body
    assert place.read(layout.RevisionLink(NAME, digest).path) == digest.encode()


@pytest.mark.parametrize(
    ("child_type", "media_type"), [(OCI_MANIFEST, OCI_INDEX), (DOCKER_MANIFEST, DOCKER_LIST)]
)
def test_an_index_is_stored_once_its_manifests_are(
    repo: Repository, child_type: str, media_type: str
) -> None:
    images = [make_image(seed, media_type=child_type) for seed in ("one", "two")]
    index = make_index(*images, media_type=media_type)
    for image in images:
        with pytest.raises(ManifestBlobUnknownError) as caught:
            index.push(repo, "v1")
        assert set(caught.value.missing) <= {each.digest for each in images}
        image.push(repo)
    index.push(repo, "v1")
    stored = repo.manifests.get("v1")
    assert (stored.body, stored.media_type) == (index.manifest, media_type)
    assert [item.descriptor.digest for item in stored.document.references] == [
        image.digest for image in images
    ]
    assert set(repo.manifests.all()) == {index.digest, *(image.digest for image in images)}


@pytest.mark.parametrize("media_type", [None, OCI_MANIFEST, f"{OCI_MANIFEST}; charset=utf-8"])
def test_the_media_type_is_sniffed(repo: Repository, media_type: str | None) -> None:
    image = make_image("x")
    put_blobs(repo, image)
    for body in (image.manifest, without_type(image)):
        result = repo.manifests.put(body, media_type)
        assert result.descriptor.media_type == OCI_MANIFEST
        assert repo.manifests.get(result.descriptor.digest).media_type == OCI_MANIFEST


def test_an_index_without_a_type_is_told_from_an_image(repo: Repository) -> None:
    result = repo.manifests.put(without_type(make_index()))
    assert result.descriptor.media_type == OCI_INDEX


def test_a_type_that_the_body_denies_is_refused(place: Place, repo: Repository) -> None:
    image = make_image("x")
    put_blobs(repo, image)
    before = place.files()
    with pytest.raises(ManifestInvalidError, match="says of itself"):
        repo.manifests.put(image.manifest, DOCKER_MANIFEST, tags=["v1"])
    assert place.files() == before


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_what_it_refers_to_must_be_here(place: Place, repo: Repository, missing: int) -> None:
    image = make_image("x", layers=2)
    other = place.repository("library/other")
    for number, blob in enumerate(image.blobs):
        (other if number == missing else repo).blobs.put(blob)
    with pytest.raises(ManifestBlobUnknownError) as caught:
        image.push_manifest(repo, "v1")
    assert caught.value.missing == (Digest.of(image.blobs[missing]),)
    assert not repo.manifests.exists(image.digest)
    assert not place.has(layout.TagsRoot(NAME).path)
    repo.blobs.mount(Digest.of(image.blobs[missing]), source="library/other")
    image.push_manifest(repo, "v1")
    assert repo.manifests.get("v1").body == image.manifest


def test_a_reference_whose_data_is_lost_is_missing(place: Place, repo: Repository) -> None:
    image = make_image("x")
    put_blobs(repo, image)
    place.delete(layout.BlobData(Digest.of(image.blobs[1])).path)
    with pytest.raises(ManifestBlobUnknownError):
        image.push_manifest(repo)


def test_sparse_indexes_are_taken_where_the_policy_says(place: Place, repo: Repository) -> None:
    here, elsewhere = make_image("here"), make_image("elsewhere")
    index = make_index(here, elsewhere)
    here.push(repo)
    with pytest.raises(ManifestBlobUnknownError):
        index.push(repo, "v1")
    sparse = place.open(Policy(sparse_indexes=True)).repository(NAME)
    index.push(sparse, "v1")
    assert repo.manifests.get("v1").body == index.manifest
    with pytest.raises(ManifestBlobUnknownError):
        elsewhere.push_manifest(sparse)


def test_foreign_layers_may_be_elsewhere(place: Place, repo: Repository) -> None:
    far = described(b"far", FOREIGN) | {"urls": ["https://example.com/layer"]}
    image = make_image("x", media_type=DOCKER_MANIFEST, layers=0)
    fields = json.loads(image.manifest) | {"layers": [far]}
    body = json.dumps(fields).encode()
    put_blobs(repo, image)
    strict = place.open(Policy(foreign_layers=False)).repository(NAME)
    with pytest.raises(ManifestBlobUnknownError):
        strict.manifests.put(body)
    assert repo.manifests.put(body).descriptor.digest == Digest.of(body)


def test_other_content_of_an_index_is_looked_for_among_blobs(repo: Repository) -> None:
    fields = json.loads(make_index().manifest)
    fields["manifests"] = [described(b"a note", "text/plain")]
    body = json.dumps(fields).encode()
    with pytest.raises(ManifestBlobUnknownError):
        repo.manifests.put(body)
    repo.blobs.put(b"a note")
    repo.manifests.put(body)


def test_unknown_types_are_taken_where_the_policy_says(place: Place, repo: Repository) -> None:
    body = json.dumps({"mediaType": "application/x-own", "blob": UNKNOWN}).encode()
    with pytest.raises(ManifestInvalidError, match="unknown_manifests"):
        repo.manifests.put(body, tags=["v1"])
    assert place.files() == {}
    lenient = place.open(Policy(unknown_manifests=True)).repository(NAME)
    lenient.manifests.put(body, "application/x-own", tags=["v1"])
    stored = repo.manifests.get("v1")
    assert (stored.body, stored.media_type) == (body, "application/x-own")


def test_the_size_is_bounded_by_the_policy(place: Place, repo: Repository) -> None:
    image = make_image("x")
    put_blobs(repo, image)
    before = place.files()
    size = len(image.manifest)
    with pytest.raises(ManifestTooLargeError) as caught:
        image.push_manifest(place.open(Policy(max_manifest_size=size - 1)).repository(NAME), "v1")
    assert caught.value.limit == size - 1
    assert place.files() == before
    image.push_manifest(place.open(Policy(max_manifest_size=size)).repository(NAME), "v1")


def test_a_given_digest_is_verified(place: Place, repo: Repository) -> None:
    image = make_image("x")
    put_blobs(repo, image)
    for algorithm in ("sha256", "sha384", "sha512", "blake3"):
        before = place.files()
        with pytest.raises(DigestInvalidError):
            repo.manifests.put(image.manifest, digest=Digest.of(b"other", algorithm), tags=["v1"])
        assert place.files() == before
        digest = Digest.of(image.manifest, algorithm)
        repo.manifests.put(image.manifest, digest=digest, tags=["v1"])
        assert repo.tags.get("v1") == digest
        assert repo.manifests.get("v1").body == image.manifest
        assert digest in repo.manifests.all()


def test_putting_it_again_changes_nothing(place: Place, repo: Repository) -> None:
    image = make_image("x")
    first = image.push(repo, "v1")
    before = place.files()
    assert image.push(repo, "v1") == first
    assert place.files() == before


def test_a_bad_tag_stops_everything(place: Place, repo: Repository) -> None:
    image = make_image("x")
    put_blobs(repo, image)
    before = place.files()
    with pytest.raises(TagInvalidError):
        image.push_manifest(repo, "good", "../bad")
    assert place.files() == before


def test_the_subject_need_not_be_here(repo: Repository) -> None:
    subject = make_image("never pushed")
    image = make_image("x", subject=subject.described())
    assert image.push(repo).subject == subject.digest


def test_what_is_not_there_is_unknown(repo: Repository) -> None:
    make_image("x").push(repo, "v1")
    for reference in ("v2", UNKNOWN):
        assert not repo.manifests.exists(reference)
        with pytest.raises(ManifestUnknownError) as caught:
            repo.manifests.get(reference)
        assert (caught.value.name, caught.value.reference) == (NAME, reference)
    with pytest.raises(ManifestUnknownError):
        repo.manifests.delete(UNKNOWN)


def test_a_blob_is_no_manifest(repo: Repository) -> None:
    image = make_image("x")
    put_blobs(repo, image)
    assert not repo.manifests.exists(Digest.of(image.blobs[0]))
    with pytest.raises(ManifestUnknownError):
        repo.manifests.get(Digest.of(image.blobs[0]))


def test_a_manifest_of_another_repository_is_unknown(registry: Registry, repo: Repository) -> None:
    image = make_image("x")
    image.push(repo, "v1")
    with pytest.raises(ManifestUnknownError):
        registry.repository("other/app").manifests.get(image.digest)


def test_what_is_stored_is_verified(place: Place, repo: Repository) -> None:
    image = make_image("x")
    image.push(repo, "v1")
    for damage in (b"", b"{}", b"\xff", b"[" * 100_000):
        place.write(layout.BlobData(image.digest).path, damage)
        with pytest.raises(CorruptContentError) as caught:
            repo.manifests.get("v1")
        assert caught.value.digest == image.digest
    image.push(repo)
    assert repo.manifests.get("v1").body == image.manifest


def test_what_old_registries_left_is_given_as_it_is(place: Place, repo: Repository) -> None:
    for body in (b"not json", b"[]", b"[" * 100_000, b"\xff"):
        digest = Digest.of(body)
        place.write(layout.BlobData(digest).path, body)
        place.write(layout.RevisionLink(NAME, digest).path, digest.encode())
        stored = repo.manifests.get(digest)
        assert (stored.body, stored.media_type) == (body, OCTET_STREAM)
        with pytest.raises(ManifestInvalidError):
            _ = stored.document
        repo.manifests.delete(digest)
        assert not repo.manifests.exists(digest)


def test_a_tag_without_its_manifest_is_unknown(place: Place, repo: Repository) -> None:
    image = make_image("x")
    image.push(repo, "v1")
    place.delete(layout.Revision(NAME, image.digest).path)
    assert not repo.manifests.exists("v1")
    with pytest.raises(ManifestUnknownError):
        repo.manifests.get("v1")


def test_delete_takes_the_tags_that_name_it(place: Place, repo: Repository) -> None:
    gone, kept = make_image("gone"), make_image("kept")
    gone.push(repo, "a", "b", "moved")
    kept.push(repo, "c", "moved")
    repo.manifests.delete(gone.digest)
    assert list(repo.tags.all()) == ["c", "moved"]
    assert list(repo.manifests.all()) == [kept.digest]
    with pytest.raises(ManifestUnknownError):
        repo.manifests.get(gone.digest)
    assert place.has(layout.BlobData(gone.digest).path)
    gone.push(repo, "a")
    assert repo.manifests.get("a").body == gone.manifest


def test_delete_spares_what_an_immutable_tag_names(place: Place, repo: Repository) -> None:
    image = make_image("x")
    image.push(repo, "v1", "latest")
    before = place.files()
    guarded = place.open(Policy(tags=ImmutableTags("v*"))).repository(NAME)
    with pytest.raises(TagImmutableError):
        guarded.manifests.delete(image.digest)
    assert place.files() == before


def test_put_respects_immutable_tags(place: Place) -> None:
    guarded = place.open(Policy(tags=ImmutableTags("v*"))).repository(NAME)
    first, second = make_image("first"), make_image("second")
    first.push(guarded, "v1", "latest")
    first.push(guarded, "v1")
    with pytest.raises(TagImmutableError):
        second.push(guarded, "v1")
    second.push(guarded, "latest")
    assert guarded.tags.get("v1") == first.digest
    assert guarded.tags.get("latest") == second.digest
