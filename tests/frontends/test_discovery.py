"""OCI distribution specification, "Content Discovery": tags and referrers."""

from __future__ import annotations

import pytest

from regstore.digest import Digest
from regstore.oci import OCI_INDEX, OCI_MANIFEST
from tests.frontends.client import Repo, codes, next_page
from tests.images import Image, described, make_image, make_index

IMAGE = make_image("found", layers=0)
TAGS = ["1", "10", "2", "A", "B-1", "_", "a", "a.1", "b"]
SBOM, SIGNATURE = "application/vnd.example.sbom.v1", "application/vnd.example.signature.v1"
SUBJECT = described(IMAGE.manifest, OCI_MANIFEST)


@pytest.fixture
def tagged(repo: Repo) -> Repo:
    query = "&".join(f"tag={tag}" for tag in reversed(TAGS))
    repo.push(IMAGE)
    repo.put_manifest(f"{IMAGE.digest}?{query}", IMAGE.manifest, OCI_MANIFEST)
    return repo


# Listing Tags


def test_listing_tags(tagged: Repo) -> None:
    answer = tagged.ask("GET", "tags/list")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {"name": tagged.name, "tags": TAGS}
    assert "Link" not in answer.headers


def test_listing_tags_where_there_are_none(repo: Repo) -> None:
    repo.push(IMAGE)
    assert repo.ask("GET", "tags/list").json() == {"name": repo.name, "tags": []}


def test_listing_tags_of_a_repository_that_is_not_there(repo: Repo) -> None:
    answer = repo.ask("GET", "tags/list")
    assert (answer.status_code, codes(answer)) == (404, ["NAME_UNKNOWN"])


@pytest.mark.parametrize("n", [1, 2, 4, 8, 9, 10, 1000])
def test_listing_tags_by_pages(tagged: Repo, n: int) -> None:
    found: list[str] = []
    path: str | None = f"tags/list?n={n}"
    while path is not None:
        answer = tagged.ask("GET", path)
        page = answer.json()["tags"]
        assert len(page) == min(n, len(TAGS) - len(found))
        found += page
        path = next_page(answer)
    assert found == TAGS


def test_listing_tags_none_at_a_time(tagged: Repo) -> None:
    answer = tagged.ask("GET", "tags/list?n=0")
    assert (answer.status_code, answer.json()["tags"]) == (200, [])
    assert "Link" not in answer.headers


@pytest.mark.parametrize("last", ["1", "10", "A", "b", "0", "zzz", "a.0"])
def test_listing_tags_after_another(tagged: Repo, last: str) -> None:
    after = [tag for tag in TAGS if tag > last]
    assert tagged.tags(f"?last={last}") == after
    assert tagged.tags(f"?n=2&last={last}") == after[:2]


@pytest.mark.parametrize("n", ["-1", "x", "1.5", "", "9" * 40])
def test_listing_tags_by_what_is_no_number(tagged: Repo, n: str) -> None:
    answer = tagged.ask("GET", f"tags/list?n={n}")
    assert (answer.status_code, codes(answer)) == (400, ["UNSUPPORTED"])


# Listing Referrers


@pytest.fixture
def referred(repo: Repo) -> dict[str, Image]:
    """Push referrers of :data:`IMAGE`, by what they are."""
    notes = {"org.example.note": "read me"}
    images = {
        "sbom": make_image("1", artifactType=SBOM, annotations=notes, subject=SUBJECT),
        "signature": make_image("2", artifactType=SIGNATURE, subject=SUBJECT),
        "image": make_image("3", subject=SUBJECT),
        "index": make_index(subject=SUBJECT, annotations=notes),
        "typed index": make_index(subject=SUBJECT, artifactType=SBOM),
    }
    for image in images.values():
        repo.push(image)
    repo.push(make_image("unrelated", layers=0), "unrelated")
    return images


def expected(image: Image, **fields: object) -> dict[str, object]:
    return described(image.manifest, image.media_type) | fields


def test_listing_referrers(repo: Repo, referred: dict[str, Image]) -> None:
    answer = repo.referrers(IMAGE.digest)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == OCI_INDEX
    assert "OCI-Filters-Applied" not in answer.headers
    index = answer.json()
    assert (index["schemaVersion"], index["mediaType"]) == (2, OCI_INDEX)
    notes = {"org.example.note": "read me"}
    config_type = "application/vnd.oci.image.config.v1+json"
    wanted = [
        expected(referred["sbom"], artifactType=SBOM, annotations=notes),
        expected(referred["signature"], artifactType=SIGNATURE),
        expected(referred["image"], artifactType=config_type),
        expected(referred["index"], annotations=notes),
        expected(referred["typed index"], artifactType=SBOM),
    ]
    by_digest = {entry["digest"]: entry for entry in index["manifests"]}
    assert by_digest == {entry["digest"]: entry for entry in wanted}
    assert len(index["manifests"]) == len(wanted)


def test_listing_referrers_by_artifact_type(repo: Repo, referred: dict[str, Image]) -> None:
    answer = repo.referrers(IMAGE.digest, f"?artifactType={SBOM}")
    assert answer.headers["OCI-Filters-Applied"] == "artifactType"
    assert {entry["digest"] for entry in answer.json()["manifests"]} == {
        referred["sbom"].digest,
        referred["typed index"].digest,
    }
    none = repo.referrers(IMAGE.digest, "?artifactType=application/none")
    assert (none.status_code, none.json()["manifests"]) == (200, [])
    assert none.headers["OCI-Filters-Applied"] == "artifactType"


@pytest.mark.parametrize("kind", ["", f"&artifactType={SBOM}"])
def test_listing_referrers_by_pages(repo: Repo, referred: dict[str, Image], kind: str) -> None:
    found: list[str] = []
    path: str | None = f"referrers/{IMAGE.digest}?n=1{kind}"
    while path is not None:
        answer = repo.ask("GET", path)
        assert answer.headers["Content-Type"] == OCI_INDEX
        found += [entry["digest"] for entry in answer.json()["manifests"]]
        path = next_page(answer)
    assert len(found) == len(set(found)) == (2 if kind else len(referred))


@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_listing_referrers_where_there_are_none(repo: Repo, exists: bool, algorithm: str) -> None:
    if exists:
        repo.push(IMAGE)
    answer = repo.referrers(Digest.of(b"unknown", algorithm))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == OCI_INDEX
    assert answer.json()["manifests"] == []


@pytest.mark.parametrize("digest", ["sha256:short", "nonsense", "latest", f"sha256:{'G' * 64}"])
def test_listing_referrers_of_an_invalid_digest(repo: Repo, digest: str) -> None:
    repo.push(IMAGE)
    answer = repo.referrers(digest)
    assert (answer.status_code, codes(answer)) == (400, ["DIGEST_INVALID"])


def test_listing_referrers_of_a_subject_pushed_later(repo: Repo) -> None:
    referrer = make_image("early", subject=SUBJECT)
    repo.push(referrer)
    repo.push(IMAGE, "v1")
    entries = repo.referrers(IMAGE.digest).json()["manifests"]
    assert [entry["digest"] for entry in entries] == [referrer.digest]


def test_listing_referrers_in_this_repository_alone(repo: Repo, other: Repo) -> None:
    other.push(make_image("elsewhere", subject=SUBJECT))
    repo.push(IMAGE)
    assert repo.referrers(IMAGE.digest).json()["manifests"] == []


def test_listing_referrers_leaves_out_the_deleted(repo: Repo, referred: dict[str, Image]) -> None:
    assert repo.ask("DELETE", f"manifests/{referred['sbom'].digest}").status_code == 202
    entries = repo.referrers(IMAGE.digest, f"?artifactType={SBOM}").json()["manifests"]
    assert [entry["digest"] for entry in entries] == [referred["typed index"].digest]


# Enabling the Referrers API


def test_enabling_the_referrers_api_finds_what_was_there(repo: Repo) -> None:
    """A client without the API leaves the list under a tag; what it lists is found as well."""
    referrer = make_image("old", subject=SUBJECT)
    repo.push(IMAGE)
    repo.push(referrer)
    repo.push(make_index(referrer), IMAGE.digest.replace(":", "-"))
    entries = repo.referrers(IMAGE.digest).json()["manifests"]
    assert [entry["digest"] for entry in entries] == [referrer.digest]
