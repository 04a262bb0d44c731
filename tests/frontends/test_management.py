"""OCI distribution specification, "Content Management": what is deleted, and what may not be."""

from __future__ import annotations

import pytest

from regstore import ImmutableTags, Policy
from regstore.digest import Digest
from regstore.drivers.memory import MemoryDriver
from regstore.oci import OCI_MANIFEST
from tests.frontends.client import Repo, codes
from tests.frontends.conftest import Embed
from tests.images import make_image

IMAGE = make_image("managed")
ABSENT = Digest.of(b"never pushed")


# Deleting tags


def test_deleting_tags(repo: Repo) -> None:
    repo.push(IMAGE, "v1", "v2")
    assert repo.ask("DELETE", "manifests/v1").status_code == 202
    for method in ("GET", "HEAD", "DELETE"):
        assert repo.ask(method, "manifests/v1").status_code == 404
    assert repo.tags() == ["v2"]
    assert repo.ask("GET", f"manifests/{IMAGE.digest}").status_code == 200


# Deleting Manifests


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_deleting_manifests(repo: Repo, algorithm: str) -> None:
    repo.push(IMAGE, "v0")
    digest = Digest.of(IMAGE.manifest, algorithm)
    repo.put_manifest(f"{digest}?tag=v1&tag=v2", IMAGE.manifest, OCI_MANIFEST)
    assert repo.ask("DELETE", f"manifests/{digest}").status_code == 202
    for reference in (digest, "v1", "v2"):
        assert repo.ask("GET", f"manifests/{reference}").status_code == 404
        assert repo.ask("HEAD", f"manifests/{reference}").status_code == 404
    assert repo.ask("DELETE", f"manifests/{digest}").status_code == 404


@pytest.mark.parametrize("exists", [True, False])
def test_deleting_manifests_that_are_not_there(repo: Repo, exists: bool) -> None:
    if exists:
        repo.push(IMAGE)
    answer = repo.ask("DELETE", f"manifests/{ABSENT}")
    assert (answer.status_code, codes(answer)) == (404, ["MANIFEST_UNKNOWN"])


# Deleting Blobs


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_deleting_blobs(repo: Repo, other: Repo, algorithm: str) -> None:
    digest = repo.push_blob(b"to be deleted", algorithm)
    other.push_blob(b"to be deleted", algorithm)
    assert repo.ask("DELETE", f"blobs/{digest}").status_code == 202
    for method in ("GET", "HEAD", "DELETE"):
        assert repo.ask(method, f"blobs/{digest}").status_code == 404
    assert other.ask("GET", f"blobs/{digest}").content == b"to be deleted"
    assert repo.push_blob(b"to be deleted", algorithm) == digest
    assert repo.ask("GET", f"blobs/{digest}").status_code == 200


def test_deleting_blobs_that_are_not_there(repo: Repo) -> None:
    answer = repo.ask("DELETE", f"blobs/{ABSENT}")
    assert (answer.status_code, codes(answer)) == (404, ["BLOB_UNKNOWN"])


# Disabled


def test_deletion_is_disabled_where_nothing_may_be_written(embed: Embed) -> None:
    driver = MemoryDriver()
    with embed(driver) as http:
        Repo(http, "a").push(IMAGE, "v1")
    with embed(driver, read_only=True) as http:
        repo = Repo(http, "a")
        blob = Digest.of(IMAGE.blobs[0])
        for path in ("manifests/v1", f"manifests/{IMAGE.digest}", f"blobs/{blob}"):
            answer = repo.ask("DELETE", path)
            assert answer.status_code == 405
            assert answer.headers["Allow"] == "GET, HEAD"
            assert repo.ask("GET", path).status_code == 200
        assert repo.ask("POST", "blobs/uploads/").status_code == 405


def test_tag_deletion_is_disabled_where_tags_are_immutable(embed: Embed) -> None:
    with embed(policy=Policy(tags=ImmutableTags("v*"))) as http:
        repo = Repo(http, "a")
        repo.push(IMAGE, "v1", "latest")
        for path in ("manifests/v1", f"manifests/{IMAGE.digest}"):
            answer = repo.ask("DELETE", path)
            assert (answer.status_code, codes(answer)) == (400, ["DENIED"])
        assert repo.ask("DELETE", "manifests/latest").status_code == 202
