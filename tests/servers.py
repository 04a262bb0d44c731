"""Real servers and clients for tests: started on 127.0.0.1, ended with the test."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import pytest

START_SECONDS = 20.0
STOP_SECONDS = 10.0
REGISTRY_SECRET = "regstore-tests"  # noqa: S105 - the tests sign upload states with it


def require(binary: str) -> str:
    """Return the full path of *binary*, which may come with a package of the running Python.

    Where it is not installed the test is skipped, or fails under ``REGSTORE_REQUIRE_SERVERS=1``.
    """
    own = Path(sys.executable).parent
    found = shutil.which(binary, path=f"{own}{os.pathsep}{os.environ.get('PATH', os.defpath)}")
    if found is not None:
        return found
    reason = f"{binary} is not installed"
    if os.environ.get("REGSTORE_REQUIRE_SERVERS") == "1":
        pytest.fail(f"{reason}, and REGSTORE_REQUIRE_SERVERS=1 asks for it", pytrace=False)
    pytest.skip(reason)


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextlib.contextmanager
def running(
    argv: Sequence[str], env: Mapping[str, str], ready_url: str, log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run *argv* until the block ends; entered as soon as *ready_url* gives any HTTP answer.

    :param env: the whole environment of the process.
    :param log: takes what the process prints, and is shown when it does not start.
    """
    with log.open("wb") as output:
        process = _start(argv, env, output)
        try:
            _wait_until_ready(process, ready_url, log)
            yield process
        finally:
            _stop(process)


def _start(
    argv: Sequence[str], env: Mapping[str, str], output: IO[bytes]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        argv, env=dict(env), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
    )


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _answers(url):
        if process.poll() is not None or time.monotonic() > deadline:
            printed = log.read_text(errors="replace")
            pytest.fail(f"{process.args!r} does not answer at {url}:\n{printed}", pytrace=False)
        time.sleep(0.02)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except urllib.error.HTTPError as answer:
        answer.close()
        return True
    except OSError:
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@dataclass(frozen=True)
class StockRegistry:
    """A CNCF distribution registry that runs.

    :ivar root: what its filesystem driver stands on; with another driver, only where its
        configuration and its log lie: beside it, as ``<root>.json`` and ``<root>.log``.
    """

    root: Path
    host: str  # "127.0.0.1:<port>", as in an image reference
    config: Path
    pid: int = 0

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def collect_garbage(self, *options: str) -> str:
        """Run the registry's own collector over its storage and return what it prints."""
        argv = [require("docker-registry"), "garbage-collect", *options, str(self.config)]
        return run(argv, registry_environment())


@contextlib.contextmanager
def docker_registry(
    root: Path, *, caching: bool = False, storage: Mapping[str, object] | None = None
) -> Iterator[StockRegistry]:
    """Run Debian's ``docker-registry``, with deletes enabled.

    :param caching: keep descriptors in memory, as Debian's own configuration does; then nobody else
        may change what it stores.
    :param storage: another driver than the filesystem's and its parameters, as its configuration
        names them.
    """
    binary = require("docker-registry")
    registry = StockRegistry(root, f"127.0.0.1:{free_port()}", Path(f"{root}.json"))
    driver = storage or {"filesystem": {"rootdirectory": str(root)}}
    registry.config.write_text(json.dumps(_configuration(registry, driver, caching)))
    argv = [binary, "serve", str(registry.config)]
    with running(
        argv, registry_environment(), f"{registry.url}/v2/", Path(f"{root}.log")
    ) as server:
        yield replace(registry, pid=server.pid)


def _configuration(
    registry: StockRegistry, driver: Mapping[str, object], caching: bool
) -> dict[str, object]:
    """JSON is YAML, which is what the registry reads."""
    cache = {"cache": {"blobdescriptor": "inmemory"}} if caching else {}
    return {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {
            **cache,
            **driver,
            "delete": {"enabled": True},
            "maintenance": {"uploadpurging": {"enabled": False}},
        },
        "http": {"addr": registry.host, "secret": REGISTRY_SECRET},
    }


def registry_environment() -> dict[str, str]:
    """The environment without what would configure the registry behind the test's back."""
    return {
        name: value
        for name, value in os.environ.items()
        if name != "AWS_CA_BUNDLE" and not name.startswith(("REGISTRY_", "OTEL_"))
    }


def skopeo(*args: str) -> str:
    """Run ``skopeo`` and return its standard output."""
    return run([require("skopeo"), "--insecure-policy", *args], dict(os.environ))


def skopeo_push(layout: Path, tag: str, host: str, name: str) -> None:
    """Copy what an image layout has under *tag* into a registry, with all platforms."""
    destination = f"docker://{host}/{name}:{tag}"
    skopeo("copy", "--all", "--dest-tls-verify=false", f"oci:{layout}:{tag}", destination)


def skopeo_pull(host: str, name: str, tag: str, layout: Path) -> dict[str, bytes]:
    """Copy everything behind a tag into an image layout; return its blobs by their digests' hex."""
    source = f"docker://{host}/{name}:{tag}"
    skopeo("copy", "--all", "--src-tls-verify=false", source, f"oci:{layout}:{tag}")
    return {path.name: path.read_bytes() for path in (layout / "blobs" / "sha256").iterdir()}


def run(argv: Sequence[str], env: Mapping[str, str]) -> str:
    """Run *argv*, which must succeed, and return its standard output."""
    done = subprocess.run(
        argv, env=dict(env), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{argv} exits with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout
