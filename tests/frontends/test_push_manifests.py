"""OCI distribution specification, "Pushing Manifests", and "Pushing Manifests with Subject"."""

from __future__ import annotations

import json
import random

import pytest

from regstore import Policy
from regstore.digest import Digest
from regstore.oci import OCI_INDEX, OCI_MANIFEST
from tests.frontends.client import Repo, chunked, codes
from tests.frontends.conftest import Embed
from tests.images import Image, described, make_image, make_index

IMAGE = make_image("push", layers=2)
LIMIT = 4 << 20
MISSING = Digest.of(b"never pushed")
FOREIGN = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"


def padded(image: Image, size: int) -> bytes:
    """The same manifest with so many blanks at its end that it has *size* bytes."""
    return image.manifest.ljust(size)


def test_pushing_manifests_by_tag(repo: Repo) -> None:
    answer = repo.push(IMAGE, "v1")
    assert answer.headers["Docker-Content-Digest"] == IMAGE.digest
    pulled = repo.ask("GET", answer.headers["Location"])
    assert (pulled.status_code, pulled.content) == (200, IMAGE.manifest)
    assert repo.ask("GET", f"manifests/{IMAGE.digest}").status_code == 200


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_pushing_manifests_by_digest(repo: Repo, algorithm: str) -> None:
    image = make_image("by digest", algorithm=algorithm)
    for blob in image.blobs:
        repo.push_blob(blob, algorithm)
    digest = Digest.of(image.manifest, algorithm)
    answer = repo.put_manifest(digest, image.manifest, OCI_MANIFEST)
    assert answer.status_code == 201
    assert answer.headers["Docker-Content-Digest"] == digest
    assert repo.ask("GET", answer.headers["Location"]).content == image.manifest
    assert repo.tags() == []


def test_pushing_manifests_by_the_digest_of_something_else(repo: Repo) -> None:
    repo.push(IMAGE)
    answer = repo.put_manifest(MISSING, IMAGE.manifest, OCI_MANIFEST)
    assert (answer.status_code, codes(answer)) == (400, ["DIGEST_INVALID"])


def test_pushing_manifests_keeps_each_byte(repo: Repo) -> None:
    repo.push(IMAGE)
    fields = json.loads(IMAGE.manifest) | {
        "org.example.unknown": {"b": [1.50, None], "a": "\u00e9"}
    }
    body = json.dumps(fields, indent=3, ensure_ascii=False).encode() + b"\n\n"
    assert repo.put_manifest("v1", body, OCI_MANIFEST).status_code == 201
    assert repo.ask("GET", "manifests/v1").content == body


def test_pushing_manifests_moves_the_tag(repo: Repo) -> None:
    later = make_image("later")
    repo.push(IMAGE, "v1")
    repo.push(later, "v1")
    assert repo.ask("GET", "manifests/v1").content == later.manifest
    assert repo.ask("GET", f"manifests/{IMAGE.digest}").status_code == 200


def test_pushing_manifests_whose_content_type_has_parameters(repo: Repo) -> None:
    repo.push(IMAGE)
    answer = repo.put_manifest("v1", IMAGE.manifest, f"{OCI_MANIFEST}; charset=utf-8")
    assert answer.status_code == 201
    assert repo.ask("GET", "manifests/v1").headers["Content-Type"] == OCI_MANIFEST


def test_pushing_manifests_under_another_content_type(repo: Repo) -> None:
    repo.push(IMAGE)
    answer = repo.put_manifest("v1", IMAGE.manifest, OCI_INDEX)
    assert (answer.status_code, codes(answer)) == (400, ["MANIFEST_INVALID"])


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"schemaVersion": 2}'])
def test_pushing_manifests_that_are_none(repo: Repo, body: bytes) -> None:
    answer = repo.put_manifest("v1", body, OCI_MANIFEST)
    assert (answer.status_code, codes(answer)) == (400, ["MANIFEST_INVALID"])


def test_pushing_manifests_without_blobs(repo: Repo) -> None:
    repo.push(make_image("no layers", layers=0), "v1")
    repo.push(make_index(), "v2")
    assert repo.tags() == ["v1", "v2"]


def test_pushing_manifests_whose_blobs_are_missing(repo: Repo) -> None:
    answer = repo.put_manifest("v1", IMAGE.manifest, OCI_MANIFEST)
    assert answer.status_code == 400
    assert set(codes(answer)) == {"MANIFEST_BLOB_UNKNOWN"}
    assert repo.ask("GET", "manifests/v1").status_code == 404


def test_pushing_manifests_of_at_least_four_megabytes(repo: Repo) -> None:
    repo.push(IMAGE)
    body = padded(IMAGE, 4_000_000)
    assert repo.put_manifest("v1", body, OCI_MANIFEST).status_code == 201
    assert repo.ask("GET", "manifests/v1").content == body
    assert repo.put_manifest("v1", padded(IMAGE, LIMIT), OCI_MANIFEST).status_code == 201


@pytest.mark.parametrize("size", [LIMIT + 1, 20 << 20])
@pytest.mark.parametrize("is_announced", [True, False])
def test_pushing_manifests_over_the_limit(repo: Repo, size: int, is_announced: bool) -> None:
    repo.push(IMAGE)
    body = padded(IMAGE, size)
    sent = body if is_announced else chunked(body, 1 << 20)
    answer = repo.ask("PUT", "manifests/v1", sent, Content_Type=OCI_MANIFEST)
    assert (answer.status_code, codes(answer)) == (413, ["MANIFEST_INVALID"])


def test_pulling_from_a_repository_that_is_not_there(repo: Repo) -> None:
    assert repo.ask("GET", "manifests/latest").status_code == 404


# Tags given as parameters


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_pushing_tags_by_parameter(repo: Repo, algorithm: str) -> None:
    repo.push(IMAGE)
    digest = Digest.of(IMAGE.manifest, algorithm)
    wanted = ["1.2.3", "1.2", "1", "latest", *(f"t{number}" for number in range(16))]
    query = "&".join(f"tag={tag}" for tag in wanted)
    answer = repo.put_manifest(f"{digest}?{query}", IMAGE.manifest, OCI_MANIFEST)
    assert answer.status_code == 201
    told = ",".join(answer.headers.get_list("OCI-Tag")).split(",")
    assert [tag.strip() for tag in told] == wanted
    assert repo.tags() == sorted(wanted)
    pulled = repo.ask("GET", "manifests/latest")
    assert (pulled.content, pulled.headers["Docker-Content-Digest"]) == (IMAGE.manifest, digest)


def test_pushing_too_many_tags_by_parameter(repo: Repo) -> None:
    repo.push(IMAGE)
    query = "&".join(f"tag={number}" for number in range(101))
    answer = repo.put_manifest(f"{IMAGE.digest}?{query}", IMAGE.manifest, OCI_MANIFEST)
    assert answer.status_code == 414
    assert repo.tags() == []


def test_pushing_no_tag_by_parameter_where_one_is_invalid(repo: Repo) -> None:
    repo.push(IMAGE)
    query = "tag=fine&tag=.wrong"
    answer = repo.put_manifest(f"{IMAGE.digest}?{query}", IMAGE.manifest, OCI_MANIFEST)
    assert answer.status_code == 400
    assert repo.tags() == []


# Pushing Manifests with Subject


@pytest.mark.parametrize("exists", [True, False])
def test_pushing_manifests_with_subject(repo: Repo, exists: bool) -> None:
    if exists:
        repo.push(IMAGE)
    subject = described(IMAGE.manifest, OCI_MANIFEST)
    for referrer in (make_image("r", subject=subject), make_index(subject=subject)):
        answer = repo.push(referrer)
        assert answer.headers["OCI-Subject"] == IMAGE.digest


def test_pushing_manifests_without_subject_names_none(repo: Repo) -> None:
    assert "OCI-Subject" not in repo.push(IMAGE).headers


# Kinds of content that registries must be able to hold


def test_indexes_in_indexes(repo: Repo) -> None:
    children = [make_image("amd"), make_image("arm", architecture="arm64")]
    inner, empty = make_index(*children), make_index()
    outer = make_index(inner, empty)
    for each in (*children, inner, empty, outer):
        repo.push(each)
    assert repo.ask("GET", f"manifests/{outer.digest}").content == outer.manifest


def test_sparse_manifests_are_refused_or_taken_by_the_policy(embed: Embed) -> None:
    index = make_index(IMAGE, make_image("absent"))
    with embed() as http:
        strict = Repo(http, "a")
        strict.push(IMAGE)
        answer = strict.put_manifest("v1", index.manifest, OCI_INDEX)
        assert (answer.status_code, codes(answer)) == (400, ["MANIFEST_BLOB_UNKNOWN"])
    with embed(policy=Policy(sparse_indexes=True, sparse_images=True)) as http:
        sparse = Repo(http, "a")
        assert sparse.put_manifest("v1", IMAGE.manifest, OCI_MANIFEST).status_code == 201
        assert sparse.put_manifest("v2", index.manifest, OCI_INDEX).status_code == 201


def test_layers_that_may_not_be_distributed(repo: Repo) -> None:
    layer = {"mediaType": FOREIGN, "digest": MISSING, "size": 9, "urls": ["https://x.example/l"]}
    fields = json.loads(IMAGE.manifest)
    fields["layers"].append(layer)
    repo.push(IMAGE)
    assert repo.put_manifest("v1", json.dumps(fields).encode(), OCI_MANIFEST).status_code == 201


def test_descriptors_with_data(repo: Repo) -> None:
    fields = json.loads(make_image("data", layers=0).manifest)
    fields["config"] = described(b"{}", "application/vnd.oci.empty.v1+json") | {"data": "e30="}
    fields["artifactType"] = "application/vnd.example"
    repo.push_blob(b"{}")
    body = json.dumps(fields).encode()
    assert repo.put_manifest("v1", body, OCI_MANIFEST).status_code == 201
    assert repo.ask("GET", "manifests/v1").content == body


def test_annotations_that_fill_a_manifest(repo: Repo) -> None:
    many = {
        f"org.example.{number}": random.Random(number).randbytes(5000).hex()
        for number in range(300)
    }
    image = make_image("large", annotations=many)
    repo.push(image, "v1")
    assert repo.ask("GET", "manifests/v1").content == image.manifest


def test_everything_by_sha512(repo: Repo) -> None:
    image = make_image("sha512", algorithm="sha512")
    for blob in image.blobs:
        repo.push_blob(blob, "sha512")
    child = Digest.of(image.manifest, "sha512")
    assert repo.put_manifest(child, image.manifest, OCI_MANIFEST).status_code == 201
    listed = described(image.manifest, OCI_MANIFEST, "sha512")
    index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [listed]}).encode()
    answer = repo.put_manifest(Digest.of(index, "sha512"), index, OCI_INDEX)
    assert answer.status_code == 201
    assert repo.ask("GET", answer.headers["Location"]).content == index
