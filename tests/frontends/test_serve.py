"""The server refuses at once, in one line, what it could not serve."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from regstore import Digest
from tests.frontends.frontends import command, serving
from tests.servers import free_port, running


def refused(*options: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "examples.registry.serve", *options]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def test_a_second_server_on_the_same_port_is_refused(tmp_path: Path) -> None:
    with serving("asgi", tmp_path / "root", tmp_path / "log") as server:
        port = httpx.URL(server.url).port
        assert port is not None
        argv = command("asgi", tmp_path / "other", port)
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.count("\n") == 1
        assert f"127.0.0.1 port {port}: address already in use" in done.stderr
        assert httpx.get(f"{server.url}/v2/").status_code == 200


def test_a_port_that_was_just_left_is_taken_again(tmp_path: Path) -> None:
    """Connections that linger (TIME_WAIT) are nobody's server."""
    port = free_port()
    here = ("127.0.0.1", port)
    with socket.create_server(here) as listening, socket.create_connection(here):
        listening.accept()[0].close()
    argv, url = command("asgi", tmp_path / "root", port), f"http://127.0.0.1:{port}/healthz"
    with running(argv, os.environ, url, tmp_path / "log"):
        assert httpx.get(url).status_code == 200


def test_how_far_the_store_is_trusted_is_told_and_what_was_seen_of_it_is_counted(
    tmp_path: Path,
) -> None:
    port = free_port()
    argv = [*command("asgi", tmp_path / "root", port), "--consistency", "eventual(2)"]
    url = f"http://127.0.0.1:{port}"
    digest = Digest.of(b"a layer")
    with running(argv, os.environ, f"{url}/healthz", tmp_path / "log"):
        pushed = httpx.post(f"{url}/v2/a/blobs/uploads/?digest={digest}", content=b"a layer")
        assert pushed.status_code == 201
        assert httpx.get(f"{url}/v2/a/blobs/{digest}").content == b"a layer"
        counted = httpx.get(f"{url}/metrics").text
    hits = re.search(r"^regstore_settled_hits_total (\S+)$", counted, re.MULTILINE)
    assert hits is not None, counted
    assert float(hits[1]) > 0
    assert "regstore_settled_violations_total 0.0" in counted
    assert "# TYPE regstore_settled_staleness gauge" in counted
    assert "regstore_retrying_retries_total 0.0" in counted


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--url", "nosuch://x"], "nosuch"),
        (["--url", "/srv", "--port", "99999"], "1 to 65535"),
        (["--url", "/srv", "--port", "0"], "1 to 65535"),
        (["--url", "/srv", "--consistency", "eventual"], "eventual(5)"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(options: list[str], reason: str) -> None:
    done = refused(*options)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    assert reason in done.stderr.splitlines()[-1]


def test_a_host_that_is_not_this_machine_is_refused_in_one_line() -> None:
    done = refused("--url", "/srv", "--host", "192.0.2.1", "--port", str(free_port()))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "cannot listen on 192.0.2.1" in done.stderr
