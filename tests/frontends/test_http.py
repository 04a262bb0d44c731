"""What RFC 9110 adds to the specification: entity tags, conditions, redirects; and operations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Literal

import anyio
import httpx
import pytest
from typing_extensions import override

from examples.registry.app import create_app
from examples.wsgi.app import App
from regstore import AsyncRegistry, Registry, layout
from regstore.consistency.wrapper import WrapperDriver
from regstore.digest import Digest
from regstore.driver import Capabilities, FileInfo
from regstore.drivers.memory import MemoryDriver
from regstore.errors import NoSpaceError, PermissionDeniedError, ThrottledError
from regstore.oci import OCI_MANIFEST
from tests.frontends.client import Repo, codes, next_page
from tests.frontends.conftest import Embed
from tests.frontends.frontends import Setting, embedded
from tests.images import Image, make_image

IMAGE, LATER = make_image("first"), make_image("second")
BLOB = bytes(range(256)) * 8
DIGEST = Digest.of(BLOB)
ABSENT = Digest.of(b"never pushed")


# Entity tags


@pytest.fixture
def pushed(repo: Repo) -> Repo:
    repo.push(IMAGE, "v1")
    repo.push_blob(BLOB)
    return repo


PULLED = [
    ("manifests/v1", IMAGE.digest),
    (f"manifests/{IMAGE.digest}", IMAGE.digest),
    (f"blobs/{DIGEST}", DIGEST),
]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(("path", "digest"), PULLED)
def test_what_the_client_has_is_not_sent_again(
    pushed: Repo, method: str, path: str, digest: str
) -> None:
    etag = pushed.ask(method, path).headers["ETag"]
    assert etag == f'"{digest}"'
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        answer = pushed.ask(method, path, If_None_Match=known)
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["ETag"] == etag
    assert pushed.ask(method, path, If_None_Match='"other"').status_code == 200


@pytest.mark.parametrize("path", ["manifests/v2", f"manifests/{ABSENT}", f"blobs/{ABSENT}"])
def test_what_is_not_there_is_not_unmodified(pushed: Repo, path: str) -> None:
    assert pushed.ask("GET", path, If_None_Match="*").status_code == 404


def test_a_range_is_of_the_content_that_it_was_asked_of(pushed: Repo) -> None:
    for condition, status in ((f'"{DIGEST}"', 206), ('"other"', 200)):
        answer = pushed.ask("GET", f"blobs/{DIGEST}", Range="bytes=0-9", If_Range=condition)
        assert answer.status_code == status


def test_a_tag_is_moved_only_from_where_the_client_saw_it(repo: Repo) -> None:
    repo.push(IMAGE, "v1")
    repo.push(LATER)

    def push(image: Image, seen: str) -> int:
        headers = {"Content_Type": OCI_MANIFEST, "If_Match": f'"{seen}"'}
        return repo.ask("PUT", "manifests/v1", image.manifest, **headers).status_code

    assert [push(LATER, seen) for seen in (ABSENT, "other", IMAGE.digest)] == [412, 412, 201]
    assert push(IMAGE, IMAGE.digest) == 412
    assert repo.ask("GET", "manifests/v1").content == LATER.manifest


def test_a_tag_is_made_only_where_there_is_none(repo: Repo) -> None:
    repo.push(LATER)
    repo.push(IMAGE)
    for body, status in ((IMAGE.manifest, 201), (LATER.manifest, 412)):
        answer = repo.ask("PUT", "manifests/v1", body, Content_Type=OCI_MANIFEST, If_None_Match="*")
        assert answer.status_code == status
    assert repo.ask("GET", "manifests/v1").content == IMAGE.manifest


def test_a_tag_is_deleted_only_where_the_client_saw_it(repo: Repo) -> None:
    repo.push(IMAGE, "v1")
    for seen, status in ((LATER.digest, 412), (IMAGE.digest, 202)):
        assert repo.ask("DELETE", "manifests/v1", If_Match=f'"{seen}"').status_code == status


# Redirects, and files that the server sends


class RedirectingDriver(WrapperDriver):
    @property
    def capabilities(self) -> Capabilities:  # type: ignore[override] # as in WrapperDriver
        return replace(super().capabilities, redirect=True)

    @override
    async def redirect_url(
        self,
        path: str,
        method: Literal["GET", "HEAD"] = "GET",
        expires: timedelta = timedelta(minutes=20),
        filename: str | None = None,
    ) -> str | None:
        return f"https://store.example/{path}?signed={method}"


def test_a_blob_is_pulled_from_the_store_where_that_signs_urls(embed: Embed) -> None:
    with embed(RedirectingDriver(MemoryDriver())) as http:
        repo = Repo(http, "a")
        repo.push_blob(BLOB)
        answer = repo.ask("GET", f"blobs/{DIGEST}")
        assert answer.status_code == 307
        where = f"https://store.example/{layout.BlobData(DIGEST).path}?signed=GET"
        assert answer.headers["Location"] == where
        assert answer.headers["Docker-Content-Digest"] == DIGEST
        assert repo.ask("HEAD", f"blobs/{DIGEST}").status_code == 200
        assert repo.ask("GET", f"blobs/{ABSENT}").status_code == 404


def test_asgi_leaves_the_file_of_a_blob_to_the_server(tmp_path: Path) -> None:
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    async def pull() -> None:
        app = create_app(AsyncRegistry.open(str(tmp_path)))
        extensions: dict[str, object] = {"http.response.pathsend": {}}
        path = f"/v2/a/blobs/{DIGEST}"
        scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b""}
        await app(scope | {"extensions": extensions}, receive, send)  # type: ignore[arg-type] # dicts

    with Registry.open(str(tmp_path)) as registry:
        registry.repository("a").blobs.put(BLOB)
    anyio.run(pull)
    assert [message["type"] for message in sent] == [
        "http.response.start",
        "http.response.pathsend",
    ]
    assert Path(str(sent[1]["path"])).read_bytes() == BLOB


@pytest.mark.parametrize("start", [0, 1000])
def test_wsgi_leaves_the_file_of_a_blob_to_the_server(tmp_path: Path, start: int) -> None:
    given: list[BytesIO] = []

    def file_wrapper(file: BytesIO, _size: int = 0) -> Iterator[bytes]:
        given.append(file)
        return iter([b"the server sends it"])

    with Registry.open(str(tmp_path)) as registry:
        registry.repository("a").blobs.put(BLOB)
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": f"/v2/a/blobs/{DIGEST}",
            "SERVER_NAME": "registry",
            "SERVER_PORT": "80",
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(),
            "wsgi.file_wrapper": file_wrapper,
        }
        if start:
            environ["HTTP_RANGE"] = f"bytes={start}-"
        body = b"".join(App(registry)(environ, lambda *_: lambda _: None))
    assert body == b"the server sends it"
    with given[0] as file:
        assert file.read() == BLOB[start:]


# The catalog, health and metrics


def test_the_catalog_is_paged(embed: Embed) -> None:
    names = ["a", "a/b", "b", "c/d/e"]
    with embed() as http:
        for name in names:
            Repo(http, name).push(IMAGE)
        assert http.get("/v2/_catalog").json() == {"repositories": names}
        found: list[str] = []
        path: str | None = "/v2/_catalog?n=3"
        while path is not None:
            answer = http.get(path)
            found += answer.json()["repositories"]
            path = next_page(answer)
        assert found == names


def test_a_server_tells_that_it_is_well(http: httpx.Client) -> None:
    assert http.get("/healthz").status_code == 200
    assert http.get("/readyz").status_code == 200


class BrokenDriver(WrapperDriver):
    """Refuses whatever is asked of it, with *error*."""

    def __init__(self, error: Exception) -> None:
        super().__init__(MemoryDriver())
        self._error = error

    @override
    async def stat(self, path: str, *, must_exist: bool = False) -> FileInfo:
        raise self._error


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (PermissionDeniedError("secret/path"), 500, "UNSUPPORTED"),
        (NoSpaceError("secret/path"), 507, "UNSUPPORTED"),
        (ThrottledError("secret/path", retry_after=7), 429, "TOOMANYREQUESTS"),
    ],
)
def test_a_store_that_fails_is_told_without_its_paths(
    embed: Embed, error: Exception, status: int, code: str
) -> None:
    with embed(BrokenDriver(error)) as http:
        assert http.get("/healthz").status_code == 200
        answer = http.get("/readyz")
    assert (answer.status_code, codes(answer)) == (status, [code])
    assert "secret" not in answer.text
    assert status != 429 or answer.headers["Retry-After"] == "7"


def test_metrics_count_what_happens() -> None:
    with embedded("asgi", MemoryDriver(), Setting()) as http:
        Repo(http, "a").push(IMAGE, "v1", "v2")
        assert http.get("/v2/a/tags/list").is_success
        assert http.request("INVENTED", "/v2/").status_code == 405
        answer = http.get("/metrics")
    assert "INVENTED" not in answer.text
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert 'regstore_events_total{action="manifest_pushed"} 2.0' in answer.text
    assert 'http_request_seconds_count{method="PUT",status="201"}' in answer.text
    assert 'http_request_seconds_count{method="GET",status="200"} 1.0' in answer.text
