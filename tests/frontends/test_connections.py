"""Clients that go away in the middle, or lie; and a server that is told to end meanwhile."""

from __future__ import annotations

import os
import random
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from regstore.digest import Digest
from regstore.oci import OCI_MANIFEST
from tests.frontends.client import Repo
from tests.frontends.frontends import KINDS, Server, serving
from tests.images import make_image

BLOB = random.Random(4).randbytes(700_000)
DIGEST = Digest.of(BLOB)
IMAGE = make_image("cut")


def send_part(server: Server, head: str, part: bytes) -> None:
    """Send the beginning of a request, hang up, and wait until the server has noticed."""
    host, port = urlsplit(server.url).hostname, urlsplit(server.url).port
    with socket.create_connection((host, port), timeout=20) as connection:
        connection.sendall(f"{head}\r\nHost: registry\r\n\r\n".encode() + part)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1 << 16):
            pass


def uploads_below(root: Path, name: str) -> list[Path]:
    return list((root / "docker/registry/v2/repositories" / name / "_uploads").glob("*"))


@pytest.mark.parametrize("sent", [0, 1, 100_000, 600_000])
def test_what_came_before_the_client_went_is_kept(server: Server, repo: Repo, sent: int) -> None:
    location = repo.begin()
    send_part(server, f"PATCH {location} HTTP/1.1\r\nContent-Length: {len(BLOB)}", BLOB[:sent])
    answer = repo.ask("GET", location)
    assert answer.headers["Range"] == f"0-{max(sent - 1, 0)}"
    last = f"{sent}-{len(BLOB) - 1}"
    assert repo.finish(location, DIGEST, BLOB[sent:], Content_Range=last).status_code == 201
    assert repo.ask("GET", f"blobs/{DIGEST}").content == BLOB


def test_an_upload_without_a_session_leaves_nothing_when_the_client_goes(
    server: Server, repo: Repo
) -> None:
    head = f"POST /v2/{repo.name}/blobs/uploads/?digest={DIGEST} HTTP/1.1"
    send_part(server, f"{head}\r\nContent-Length: {len(BLOB)}", BLOB[:400_000])
    assert repo.ask("HEAD", f"blobs/{DIGEST}").status_code == 404
    assert uploads_below(server.root, repo.name) == []


def test_a_manifest_that_was_cut_is_not_taken(server: Server, repo: Repo) -> None:
    repo.push(IMAGE)
    head = f"PUT /v2/{repo.name}/manifests/v1 HTTP/1.1\r\nContent-Type: {OCI_MANIFEST}"
    length = len(IMAGE.manifest) + 2
    send_part(server, f"{head}\r\nContent-Length: {length}", IMAGE.manifest)
    assert repo.ask("GET", "manifests/v1").status_code == 404


def test_a_stream_that_was_cut_is_not_committed(server: Server, repo: Repo) -> None:
    location = repo.begin()
    whole = Digest.of(BLOB[:1000])
    head = f"PUT {location}?digest={whole} HTTP/1.1\r\nTransfer-Encoding: chunked"
    send_part(server, head, b"3e8\r\n" + BLOB[:1000] + b"\r\n")
    assert repo.ask("HEAD", f"blobs/{whole}").status_code == 404


def test_the_next_request_follows_a_refused_body(repo: Repo) -> None:
    with httpx.Client(base_url=repo.http.base_url) as http:
        again = Repo(http, repo.name)
        for _ in range(20):
            location = again.begin()
            assert again.patch(location, BLOB, f"5-{len(BLOB) + 4}").status_code == 416
            assert again.patch(location, BLOB[:10], "0-9").status_code == 202


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_is_told_to_end_finishes_what_it_began(kind: str, tmp_path: Path) -> None:
    def body() -> Iterator[bytes]:
        yield BLOB[:300_000]
        os.kill(server.pid, signal.SIGTERM)
        time.sleep(0.5)  # the client is slow: nothing tells when a server has taken its signal
        yield BLOB[300_000:]

    with (
        serving(kind, tmp_path / "root", tmp_path / "log") as server,
        httpx.Client(base_url=server.url, timeout=30) as http,
    ):
        location = Repo(http, "library/app").begin()
        answer = http.put(f"{location}?digest={DIGEST}", content=body())
        assert answer.status_code == 201
    assert (tmp_path / "root" / "docker/registry/v2/blobs").exists()
    assert uploads_below(tmp_path / "root", "library/app") == []
