"""Referrers: what refers to a manifest, told by an index that any reader can build again."""

from __future__ import annotations

import json
from functools import partial

import pytest

from regstore import Descriptor, Registry, Repository, layout
from regstore.digest import Digest
from regstore.errors import CorruptContentError, DigestInvalidError
from regstore.oci import OCI_INDEX, OCI_MANIFEST
from tests.images import Image, make_image, make_index
from tests.paging import pages
from tests.places import Place

NAME = "library/app"
SUBJECT = make_image("subject", layers=0)
SBOM, SIGNATURE = "application/x-sbom", "application/x-signature"


def referrer(number: int, artifact_type: str = SBOM, subject: Image = SUBJECT) -> Image:
    return make_image(
        "referrer",
        layers=0,
        subject=subject.described(),
        artifactType=artifact_type,
        annotations={"number": str(number)},
    )


def push_many(repo: Repository, count: int) -> list[Digest]:
    """Push *count* referrers of two types, in turns; return their digests in order."""
    images = [referrer(n, SBOM if n % 2 else SIGNATURE) for n in range(count)]
    for image in images:
        image.push(repo)
    return sorted(image.digest for image in images)


def plant(place: Place, image: Image) -> None:
    """Push a manifest as other software does, which knows nothing of the index."""
    place.write(layout.BlobData(image.digest).path, image.manifest)
    place.write(layout.RevisionLink(NAME, image.digest).path, image.digest.encode())


def found(repo: Repository, subject: Image = SUBJECT) -> list[Digest]:
    return [descriptor.digest for descriptor in repo.referrers.all(subject.digest)]


def test_a_referrer_is_described_in_full(repo: Repository) -> None:
    image = referrer(7)
    image.push(repo)
    assert list(repo.referrers.all(SUBJECT.digest)) == [
        Descriptor(OCI_MANIFEST, image.digest, len(image.manifest), SBOM, {"number": "7"})
    ]


def test_an_artifact_type_is_that_of_the_config_where_none_is_given(repo: Repository) -> None:
    make_image("x", subject=SUBJECT.described()).push(repo)
    (descriptor,) = repo.referrers.all(SUBJECT.digest)
    assert descriptor.artifact_type == "application/vnd.oci.image.config.v1+json"


def test_an_index_may_refer_too(repo: Repository) -> None:
    index = make_index(subject=SUBJECT.described(), artifactType=SBOM)
    index.push(repo)
    (descriptor,) = repo.referrers.all(SUBJECT.digest, SBOM)
    assert (descriptor.digest, descriptor.media_type) == (index.digest, OCI_INDEX)


def test_they_come_in_order_and_by_type(repo: Repository) -> None:
    digests = push_many(repo, 5)
    assert found(repo) == digests
    by_type = [list(repo.referrers.all(SUBJECT.digest, kind)) for kind in (SBOM, SIGNATURE)]
    assert [len(each) for each in by_type] == [2, 3]
    for kind, each in zip((SBOM, SIGNATURE), by_type, strict=True):
        assert {descriptor.artifact_type for descriptor in each} == {kind}
    assert list(repo.referrers.all(SUBJECT.digest, "application/x-other")) == []


@pytest.mark.parametrize("read_only", [False, True])
def test_they_are_paged(place: Place, repo: Repository, *, read_only: bool) -> None:
    digests = push_many(repo, 5)
    reading = place.open(read_only=read_only).repository(NAME)
    for limit in (1, 2, 5, 6):
        found = pages(partial(reading.referrers.page, SUBJECT.digest), limit)
        assert [[descriptor.digest for descriptor in page] for page in found] == [
            digests[at : at + limit] for at in range(0, len(digests), limit)
        ]
    of_type = reading.referrers.page(SUBJECT.digest, 2, artifact_type=SIGNATURE)
    assert (len(of_type.items), of_type.more) == (2, True)
    rest = reading.referrers.page(SUBJECT.digest, 2, of_type.last, SIGNATURE)
    assert (len(rest.items), rest.more) == (1, False)
    after_all = reading.referrers.page(SUBJECT.digest, 2, digests[-1])
    assert (after_all.items, after_all.last, after_all.more) == ((), None, False)


def test_a_page_cannot_be_negative(repo: Repository) -> None:
    with pytest.raises(ValueError, match="a page cannot have"):
        repo.referrers.page(SUBJECT.digest, -1)


def test_digests_of_several_algorithms_are_paged_in_one_order(repo: Repository) -> None:
    image = referrer(1)
    image.push(repo)
    sha512 = Digest.of(image.manifest, "sha512")
    repo.manifests.put(image.manifest, digest=sha512)
    assert found(repo) == [image.digest, sha512]
    first = repo.referrers.page(SUBJECT.digest, 1)
    second = repo.referrers.page(SUBJECT.digest, 1, first.last)
    assert [second.items[0].digest, second.more] == [sha512, False]
    assert repo.referrers.page(SUBJECT.digest, 1, second.last).items == ()


def test_a_page_begins_after_a_digest_only(repo: Repository) -> None:
    for last in ("", "sha256:short", "../../x"):
        with pytest.raises(DigestInvalidError):
            repo.referrers.page(SUBJECT.digest, 10, last)


def test_the_subject_may_come_later_or_go(place: Place, repo: Repository) -> None:
    assert found(repo) == []
    image = referrer(1)
    image.push(repo)
    assert found(repo) == [image.digest]
    SUBJECT.push(repo)
    repo.manifests.delete(SUBJECT.digest)
    assert found(place.repository()) == [image.digest]


def test_a_referrer_that_is_deleted_is_forgotten(place: Place, repo: Repository) -> None:
    kept, gone = referrer(1), referrer(2)
    for image in (kept, gone):
        image.push(repo)
    repo.manifests.delete(gone.digest)
    assert found(repo) == found(place.repository()) == [kept.digest]
    gone.push(repo)
    assert found(repo) == sorted([kept.digest, gone.digest])


def test_repositories_know_nothing_of_each_other(registry: Registry, repo: Repository) -> None:
    nested = registry.repository(f"{NAME}/nested")
    referrer(1).push(repo)
    referrer(2).push(nested)
    assert found(repo) == [referrer(1).digest]
    assert found(nested) == [referrer(2).digest]
    registry.delete_repository(NAME)
    assert found(repo) == []
    assert found(nested) == [referrer(2).digest]


def test_what_other_software_pushed_before_is_found(place: Place, repo: Repository) -> None:
    plant(place, SUBJECT)
    plant(place, referrer(1))
    assert found(repo) == [referrer(1).digest]
    assert place.has(layout.ReferrersComplete(NAME).path)


def test_what_other_software_pushes_later_is_found_by_a_reindex(
    place: Place, repo: Repository
) -> None:
    referrer(1).push(repo)
    assert found(repo) == [referrer(1).digest]
    plant(place, referrer(2))
    plant(place, SUBJECT)
    assert found(repo) == [referrer(1).digest]
    assert repo.referrers.reindex() == 2
    assert found(repo) == sorted([referrer(1).digest, referrer(2).digest])


def test_the_index_can_be_thrown_away(place: Place, repo: Repository) -> None:
    digests = push_many(repo, 3)
    assert found(repo) == digests
    place.delete(layout.StateRoot().path)
    assert found(place.repository()) == digests


def test_a_reindex_passes_over_what_is_no_manifest(place: Place, repo: Repository) -> None:
    for body in (b"not json", b"[]", b"\xff", b"[" * 100_000):
        digest = Digest.of(body)
        place.write(layout.BlobData(digest).path, body)
        place.write(layout.RevisionLink(NAME, digest).path, digest.encode())
    lost = Digest.of(b"its data is lost")
    place.write(layout.RevisionLink(NAME, lost).path, lost.encode())
    plant(place, referrer(1))
    assert found(repo) == [referrer(1).digest]


def test_to_ask_a_repository_that_is_not_there_leaves_nothing(
    place: Place, repo: Repository
) -> None:
    assert found(repo) == []
    assert repo.referrers.page(SUBJECT.digest, 10).items == ()
    assert repo.referrers.reindex() == 0
    assert place.files() == {}


def test_without_leave_to_write_the_manifests_are_read_each_time(
    place: Place, repo: Repository
) -> None:
    plant(place, referrer(1))
    before = place.files()
    reading = place.open(read_only=True).repository(NAME)
    assert found(reading) == [referrer(1).digest]
    plant(place, referrer(2))
    assert found(reading) == sorted([referrer(1).digest, referrer(2).digest])
    assert [each.digest for each in reading.referrers.all(SUBJECT.digest, SIGNATURE)] == []
    assert not place.has(layout.StateRoot().path)
    assert place.files().items() > before.items()
    assert found(repo) == found(reading)


def test_a_damaged_entry_says_what_to_do(place: Place, repo: Repository) -> None:
    image = referrer(1)
    image.push(repo)
    assert found(repo) == [image.digest]
    path = layout.Referrer(NAME, SUBJECT.digest, image.digest).path
    for damage in (b"", b"{", b"[]", b'{"digest": "sha256:short"}'):
        place.write(path, damage)
        with pytest.raises(CorruptContentError, match="reindex") as caught:
            found(repo)
        assert caught.value.path == path
    repo.referrers.reindex()
    assert found(repo) == [image.digest]


def test_an_entry_is_the_descriptor_as_the_specification_writes_it(
    place: Place, repo: Repository
) -> None:
    image = referrer(1)
    image.push(repo)
    path = layout.Referrer(NAME, SUBJECT.digest, image.digest).path
    assert json.loads(place.read(path)) == {
        "mediaType": OCI_MANIFEST,
        "digest": image.digest,
        "size": len(image.manifest),
        "artifactType": SBOM,
        "annotations": {"number": "1"},
    }
    assert place.read(layout.Format().path) == b"1"
