"""OCI distribution specification, "Pull": each MUST and SHOULD that is the registry's."""

from __future__ import annotations

import json

import httpx
import pytest

from regstore.digest import Digest
from regstore.oci import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from tests.frontends.client import Repo, codes
from tests.images import make_image, make_index

IMAGE = make_image("pull", layers=2)
BLOB = bytes(range(256)) * 8
ABSENT = Digest.of(b"never pushed")


# Pulling manifests


@pytest.mark.parametrize("name", ["a", "a.b", "a_b", "a__b", "a--b", "a/b-c/d.e", "0/1/2/3"])
def test_pulling_manifests_takes_every_name_of_the_grammar(http: httpx.Client, name: str) -> None:
    Repo(http, name).push(IMAGE, "v1")
    assert Repo(http, name).ask("GET", "manifests/v1").content == IMAGE.manifest


@pytest.mark.parametrize("name", ["A", "a..b", "-a", "a-", "a___b", "a/_b", "a/", "a//b", "a:5000"])
def test_pulling_manifests_takes_no_other_name(http: httpx.Client, name: str) -> None:
    answer = Repo(http, name).ask("GET", "manifests/v1")
    assert (answer.status_code, codes(answer)) == (400, ["NAME_INVALID"])


@pytest.mark.parametrize("tag", ["v1", "_", "A.b-C_d", "1" * 128])
def test_pulling_manifests_takes_every_tag_of_the_grammar(repo: Repo, tag: str) -> None:
    repo.push(IMAGE, tag)
    assert repo.ask("GET", f"manifests/{tag}").content == IMAGE.manifest


@pytest.mark.parametrize("reference", [".a", "-a", "a b", "1" * 129, "é", "sha256:abc", "x:y:z"])
def test_pulling_manifests_takes_no_other_reference(repo: Repo, reference: str) -> None:
    repo.push(IMAGE, "v1")
    for method in ("GET", "PUT", "DELETE"):
        answer = repo.ask(method, f"manifests/{reference}", IMAGE.manifest)
        assert answer.status_code == 400
        assert codes(answer)[0] in {"MANIFEST_INVALID", "DIGEST_INVALID"}


@pytest.mark.parametrize("reference", ["v1", IMAGE.digest])
def test_pulling_manifests_gives_the_manifest(repo: Repo, reference: str) -> None:
    repo.push(IMAGE, "v1")
    answer = repo.ask("GET", f"manifests/{reference}", Accept=OCI_MANIFEST)
    assert answer.status_code == 200
    assert answer.content == IMAGE.manifest
    assert answer.headers["Docker-Content-Digest"] == IMAGE.digest
    assert answer.headers["Content-Length"] == str(len(IMAGE.manifest))


@pytest.mark.parametrize("media_type", [OCI_MANIFEST, DOCKER_MANIFEST])
def test_pulling_manifests_content_type_is_the_pushed_one(repo: Repo, media_type: str) -> None:
    image = make_image("typed", media_type=media_type)
    repo.push(image, "v1")
    assert repo.ask("GET", "manifests/v1").headers["Content-Type"] == media_type


@pytest.mark.parametrize("kind", [OCI_MANIFEST, OCI_INDEX])
def test_pulling_manifests_content_type_of_what_has_no_media_type(repo: Repo, kind: str) -> None:
    repo.push(IMAGE)
    fields = json.loads((IMAGE if kind == OCI_MANIFEST else make_index(IMAGE)).manifest)
    del fields["mediaType"]
    assert repo.put_manifest("v1", json.dumps(fields).encode(), kind).status_code == 201
    assert repo.ask("GET", "manifests/v1").headers["Content-Type"] == kind


@pytest.mark.parametrize("reference", ["v2", ABSENT, Digest.of(b"x", "sha512")])
@pytest.mark.parametrize("exists", [True, False])
def test_pulling_manifests_that_are_not_there(repo: Repo, reference: str, exists: bool) -> None:
    if exists:
        repo.push(IMAGE, "v1")
    answer = repo.ask("GET", f"manifests/{reference}")
    assert (answer.status_code, codes(answer)) == (404, ["MANIFEST_UNKNOWN"])
    assert repo.ask("HEAD", f"manifests/{reference}").status_code == 404


# Pulling blobs


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_pulling_blobs_gives_the_blob(repo: Repo, algorithm: str) -> None:
    digest = repo.push_blob(BLOB, algorithm)
    answer = repo.ask("GET", f"blobs/{digest}")
    assert answer.status_code == 200
    assert answer.content == BLOB
    assert answer.headers["Docker-Content-Digest"] == digest
    assert answer.headers["Content-Length"] == str(len(BLOB))
    assert answer.headers["Accept-Ranges"] == "bytes"


def test_pulling_blobs_that_have_no_bytes(repo: Repo) -> None:
    digest = repo.push_blob(b"")
    answer = repo.ask("GET", f"blobs/{digest}")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Length"] == "0"


def test_pulling_blobs_that_are_not_there(repo: Repo, other: Repo) -> None:
    digest = other.push_blob(BLOB)
    for absent in (ABSENT, digest):
        answer = repo.ask("GET", f"blobs/{absent}")
        assert (answer.status_code, codes(answer)) == (404, ["BLOB_UNKNOWN"])
        assert repo.ask("GET", f"blobs/{absent}", Range="bytes=0-1").status_code == 404


@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [
        ("bytes=500-1499", 500, 1500),
        ("bytes=500-", 500, 2048),
        ("bytes=-500", 1548, 2048),
        ("bytes=2000-5000", 2000, 2048),
        ("bytes=-5000", 0, 2048),
        ("bytes=0-0", 0, 1),
        ("bytes=0-", 0, 2048),
        ("bytes=2047-2047", 2047, 2048),
    ],
)
def test_pulling_blobs_by_range(repo: Repo, wanted: str, start: int, stop: int) -> None:
    digest = repo.push_blob(BLOB)
    answer = repo.ask("GET", f"blobs/{digest}", Range=wanted)
    assert answer.status_code == 206
    assert answer.content == BLOB[start:stop]
    assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/2048"
    assert answer.headers["Content-Length"] == str(stop - start)


@pytest.mark.parametrize("wanted", ["bytes=500-0", "bytes=5000-10000", "bytes=2048-", "bytes=-0"])
def test_pulling_blobs_by_a_range_without_bytes(repo: Repo, wanted: str) -> None:
    answer = repo.ask("GET", f"blobs/{repo.push_blob(BLOB)}", Range=wanted)
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == "bytes */2048"


@pytest.mark.parametrize("wanted", ["lines=1-2", "bytes=", "bytes=-", "bytes=a-b", "bytes=0-1,4-5"])
def test_pulling_blobs_by_a_range_that_may_be_ignored(repo: Repo, wanted: str) -> None:
    answer = repo.ask("GET", f"blobs/{repo.push_blob(BLOB)}", Range=wanted)
    assert (answer.status_code, answer.content) == (200, BLOB)


def test_pulling_blobs_goes_on_where_it_was_interrupted(repo: Repo) -> None:
    blob = BLOB * 2000
    digest = repo.push_blob(blob)
    taken = b""
    while len(taken) < len(blob):
        with repo.http.stream(
            "GET", f"/v2/{repo.name}/blobs/{digest}", headers={"Range": f"bytes={len(taken)}-"}
        ) as answer:
            for piece in answer.iter_bytes(1_500_000):
                taken += piece
                break
    assert taken == blob


# Checking if content exists in the registry


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_checking_if_a_blob_exists(repo: Repo, algorithm: str) -> None:
    digest = repo.push_blob(BLOB, algorithm)
    answer = repo.ask("HEAD", f"blobs/{digest}")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Docker-Content-Digest"] == digest
    assert answer.headers["Content-Length"] == str(len(BLOB))


@pytest.mark.parametrize("reference", ["v1", IMAGE.digest])
def test_checking_if_a_manifest_exists(repo: Repo, reference: str) -> None:
    repo.push(IMAGE, "v1")
    answer = repo.ask("HEAD", f"manifests/{reference}")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Docker-Content-Digest"] == IMAGE.digest
    assert answer.headers["Content-Length"] == str(len(IMAGE.manifest))
    assert answer.headers["Content-Type"] == OCI_MANIFEST


@pytest.mark.parametrize("path", ["manifests/v1", f"manifests/{ABSENT}", f"blobs/{ABSENT}"])
def test_checking_for_what_does_not_exist(repo: Repo, path: str) -> None:
    assert repo.ask("HEAD", path).status_code == 404
