"""OCI distribution specification, "API": support, endpoints, errors, and HTTP's own semantics."""

from __future__ import annotations

import re

import httpx
import pytest

from examples.oci_http import UnauthorizedError
from regstore.digest import Digest
from tests.frontends.client import OCTETS, Repo, codes
from tests.frontends.conftest import Embed
from tests.frontends.frontends import deny
from tests.images import make_image

CODES = {
    "BLOB_UNKNOWN",
    "BLOB_UPLOAD_INVALID",
    "BLOB_UPLOAD_UNKNOWN",
    "DIGEST_INVALID",
    "MANIFEST_BLOB_UNKNOWN",
    "MANIFEST_INVALID",
    "MANIFEST_UNKNOWN",
    "NAME_INVALID",
    "NAME_UNKNOWN",
    "SIZE_INVALID",
    "UNAUTHORIZED",
    "DENIED",
    "UNSUPPORTED",
    "TOOMANYREQUESTS",
}
IMAGE = make_image("api")
DIGEST = Digest.of(b"x")
UPLOAD = "blobs/uploads/00000000-0000-4000-8000-000000000000"
FAILURES = [
    ("GET", "/v2/library/A/tags/list", 400),
    ("GET", "tags/list", 404),
    ("GET", "manifests/latest", 404),
    ("GET", "manifests/.x", 400),
    ("PUT", "manifests/latest", 400),
    ("DELETE", "manifests/latest", 404),
    ("GET", f"blobs/{DIGEST}", 404),
    ("GET", "blobs/sha256:x", 400),
    ("DELETE", f"blobs/{DIGEST}", 404),
    ("GET", UPLOAD, 404),
    ("PATCH", UPLOAD, 404),
    ("PUT", f"{UPLOAD}?digest={DIGEST}", 404),
    ("DELETE", UPLOAD, 404),
    ("POST", "blobs/uploads/?digest=x", 400),
    ("GET", "referrers/x", 400),
    ("GET", "/v2/_catalog?n=x", 400),
    ("GET", "/v2/nothing", 404),
    ("GET", "/elsewhere", 404),
]
NOT_ALLOWED = [
    ("POST", "/v2/", "GET, HEAD"),
    ("DELETE", "tags/list", "GET, HEAD"),
    ("PUT", f"blobs/{DIGEST}", "DELETE, GET, HEAD"),
    ("POST", "manifests/v1", "DELETE, GET, HEAD, PUT"),
    ("GET", "blobs/uploads/", "POST"),
    ("POST", UPLOAD, "DELETE, GET, HEAD, PATCH, PUT"),
    ("PUT", f"referrers/{DIGEST}", "GET, HEAD"),
]


def test_determining_support(http: httpx.Client) -> None:
    answer = http.get("/v2/")
    assert answer.status_code == 200
    assert answer.headers["Docker-Distribution-API-Version"] == "registry/2.0"


@pytest.mark.parametrize(("method", "path", "status"), FAILURES)
def test_error_codes(repo: Repo, method: str, path: str, status: int) -> None:
    answer = repo.ask(method, path, b"" if method in {"PUT", "PATCH", "POST"} else None, **OCTETS)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/json"
    for error in answer.json()["errors"]:
        assert re.fullmatch("[A-Z_]+", error["code"])
        assert error["code"] in CODES
        assert isinstance(error["message"], str)
        assert "Traceback" not in answer.text


@pytest.mark.parametrize(("method", "path", "allowed"), NOT_ALLOWED)
def test_endpoints_take_no_other_method(repo: Repo, method: str, path: str, allowed: str) -> None:
    answer = repo.ask(method, path)
    assert (answer.status_code, codes(answer)) == (405, ["UNSUPPORTED"])
    assert set(answer.headers["Allow"].split(", ")) >= set(allowed.split(", ")) - {"HEAD"}


@pytest.mark.parametrize("name", ["a/blobs/uploads", "a/tags/list", "a/manifests/b", "v2/tags"])
def test_endpoints_of_repositories_that_are_named_like_endpoints(
    http: httpx.Client, name: str
) -> None:
    repo = Repo(http, name)
    repo.push(IMAGE, "list")
    assert repo.tags() == ["list"]
    assert repo.ask("GET", "manifests/list").content == IMAGE.manifest
    assert repo.ask("GET", f"blobs/{Digest.of(IMAGE.blobs[0])}").content == IMAGE.blobs[0]


def test_warnings_are_well_formed(repo: Repo) -> None:
    answers = [
        repo.push(IMAGE, "v1"),
        repo.ask("GET", "manifests/v1"),
        repo.ask("GET", "tags/list"),
    ]
    for answer in answers:
        for warning in answer.headers.get_list("Warning"):
            assert re.fullmatch(r'299 - "[^"]*"', warning)


# Authorization, which the specification leaves to the registry


@pytest.mark.parametrize(
    ("denied", "method", "path"),
    [
        (("a", "pull"), "GET", "manifests/v1"),
        (("a", "pull"), "HEAD", f"blobs/{Digest.of(IMAGE.blobs[0])}"),
        (("a", "pull"), "GET", "tags/list"),
        (("a", "pull"), "GET", f"referrers/{DIGEST}"),
        (("a", "push"), "POST", "blobs/uploads/"),
        (("a", "push"), "PATCH", UPLOAD),
        (("a", "push"), "PUT", UPLOAD),
        (("a", "push"), "DELETE", UPLOAD),
        (("a", "push"), "PUT", "manifests/v2"),
        (("a", "delete"), "DELETE", "manifests/v1"),
        (("a", "delete"), "DELETE", f"blobs/{DIGEST}"),
        (("", "pull"), "GET", "/v2/"),
        (("", "pull"), "GET", "/v2/_catalog"),
    ],
)
def test_what_is_not_allowed_is_denied(
    embed: Embed, denied: tuple[str, str], method: str, path: str
) -> None:
    with embed(decide=deny(denied)) as http:
        answer = Repo(http, "a").ask(method, path)
        assert answer.status_code == 403
        assert method == "HEAD" or codes(answer) == ["DENIED"]


def test_who_is_unknown_is_challenged(embed: Embed) -> None:
    def challenge(name: str, action: str) -> None:
        told = f'Bearer realm="https://auth.example/token",scope="repository:{name}:{action}"'
        raise UnauthorizedError("who are you?", challenge=told)

    with embed(decide=challenge) as http:
        answer = http.get("/v2/a/tags/list")
    assert (answer.status_code, codes(answer)) == (401, ["UNAUTHORIZED"])
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="https://auth.example/')


@pytest.mark.parametrize("source", ["&from=secret", ""])
def test_nothing_is_mounted_that_may_not_be_pulled(embed: Embed, source: str) -> None:
    with embed(decide=deny(("secret", "pull"), ("", "pull"))) as http:
        digest = Repo(http, "secret").push_blob(b"secret")
        answer = Repo(http, "a").ask("POST", f"blobs/uploads/?mount={digest}{source}")
        assert answer.status_code == 202
        assert Repo(http, "a").ask("HEAD", f"blobs/{digest}").status_code == 404
