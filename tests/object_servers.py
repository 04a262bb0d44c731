"""S3 servers for tests: one of each per test session, on free ports of 127.0.0.1.

``seaweedfs``
    A real store: checks signatures, keeps every condition of single requests. A conditional
    ``CompleteMultipartUpload`` is not atomic there (of 8 racers 7 win), listings come in the order
    of directories, and empty directories stay for a while.
``moto``
    No authentication. Ignores the conditions of copies, and ``IfMatch`` of
    ``CompleteMultipartUpload``.
``rclone``
    Answers as S3 does, and silently ignores every condition.
"""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.servers import free_port, require, running

BUCKET = "regstore"
KEY, SECRET = "testing", "testingsecret"
READER_KEY, READER_SECRET = "reader", "readersecret"
REGION = "us-east-1"
START_SECONDS = 60.0
_GRPC = 10_000  # what SeaweedFS adds to a port for its grpc


@dataclass(frozen=True)
class S3Server:
    """A running server that has one bucket.

    :ivar url: of the bucket.
    :ivar storage_options: what fsspec needs to reach it.
    :ivar reader_options: the same for a user who may only read and list, where there is one.
    """

    name: str
    endpoint: str
    storage_options: Mapping[str, object] = field(repr=False)
    reader_options: Mapping[str, object] | None = field(default=None, repr=False)
    url: str = f"s3://{BUCKET}"

    def fresh_url(self) -> str:
        """Return the URL of a prefix that nobody has used."""
        return f"{self.url}/{uuid.uuid4().hex}"


def stock_storage(server: S3Server, root: str, endpoint: str = "") -> dict[str, object]:
    """Return how the s3 driver of CNCF distribution reaches *server*.

    :param root: a prefix in the bucket.
    :param endpoint: what stands before the server, if anything.
    """
    return {
        "s3": {
            "accesskey": KEY,
            "secretkey": SECRET,
            "region": REGION,
            "regionendpoint": endpoint or server.endpoint,
            "bucket": BUCKET,
            "rootdirectory": f"/{root}",
            "secure": False,
            "v4auth": True,
        }
    }


@pytest.fixture(scope="session")
def seaweedfs() -> Iterator[S3Server]:
    """SeaweedFS, all of it in one process."""
    with seaweedfs_server() as server:
        yield server


@contextmanager
def seaweedfs_server() -> Iterator[S3Server]:
    """Run SeaweedFS until the block ends."""
    weed = require("weed")
    with tempfile.TemporaryDirectory(prefix="regstore-weed-") as directory:
        ports = _seaweedfs_ports()
        endpoint = f"http://127.0.0.1:{ports['s3']}"
        argv = _seaweedfs_command(weed, Path(directory), ports)
        log = Path(directory, "log")
        with running(argv, dict(os.environ), endpoint, log) as process:
            _wait_until_it_takes_objects(endpoint, process, log)
            yield S3Server(
                "seaweedfs",
                endpoint,
                _options(endpoint, KEY, SECRET),
                _options(endpoint, READER_KEY, READER_SECRET),
            )


def _seaweedfs_ports() -> dict[str, int]:
    """Choose below where systems take ports for outgoing connections, which are many here."""
    ports: dict[str, int] = {}
    while len(ports) < len(_SEAWEEDFS_PARTS):
        port = random.randrange(10_000, 22_000)
        if port not in ports.values() and _is_free(port) and _is_free(port + _GRPC):
            ports[_SEAWEEDFS_PARTS[len(ports)]] = port
    return ports


_SEAWEEDFS_PARTS = ("master", "volume", "filer", "admin", "s3")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _seaweedfs_command(weed: str, directory: Path, ports: Mapping[str, int]) -> list[str]:
    users = directory / "s3.json"
    users.write_text(json.dumps({"identities": _identities()}))
    data = directory / "data"
    data.mkdir()
    return [
        weed,
        "-logtostderr=true",
        "mini",
        f"-dir={data}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-master.telemetry=false",
        *(f"-{part}.port={port}" for part, port in ports.items()),
        *(f"-{part}.port.grpc={port + _GRPC}" for part, port in ports.items()),
        f"-filer.localSocket={directory / 'filer.sock'}",
        "-admin.ui=false",
        "-webdav=false",
        f"-s3.config={users}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-s3.autoCreateBucket=false",
        f"-bucket={BUCKET}",
    ]


def _identities() -> list[dict[str, object]]:
    return [
        {
            "name": "tests",
            "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
            "actions": ["Admin", "Read", "List", "Tagging", "Write"],
        },
        {
            "name": "reader",
            "credentials": [{"accessKey": READER_KEY, "secretKey": READER_SECRET}],
            "actions": [f"Read:{BUCKET}", f"List:{BUCKET}"],
        },
    ]


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Moto's S3, in a process of its own: in this one it would share the interpreter's lock."""
    server = require("moto_server")
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    log = tmp_path_factory.mktemp("moto") / "log"
    with running(
        [server, "-H", "127.0.0.1", "-p", str(port)], dict(os.environ), f"{endpoint}/", log
    ):
        with _client(endpoint) as client:
            client.create_bucket(Bucket=BUCKET)  # type: ignore[attr-defined]
        yield S3Server("moto", endpoint, _options(endpoint, KEY, SECRET))


@pytest.fixture(scope="session")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """``rclone serve s3`` over a local directory."""
    binary = require("rclone")
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    directory = tmp_path_factory.mktemp("rclone")
    (directory / "data" / BUCKET).mkdir(parents=True)
    argv = [binary, "serve", "s3", "--config", os.devnull, "--addr", f"127.0.0.1:{port}"]
    argv += ["--auth-key", f"{KEY},{SECRET}", "--vfs-cache-mode", "off", str(directory / "data")]
    with running(argv, dict(os.environ), endpoint, directory / "log"):
        yield S3Server("rclone", endpoint, _options(endpoint, KEY, SECRET))


def _options(endpoint: str, key: str, secret: str) -> dict[str, object]:
    return {
        "key": key,
        "secret": secret,
        "endpoint_url": endpoint,
        "client_kwargs": {"region_name": REGION},
    }


@contextmanager
def _client(endpoint: str) -> Iterator[object]:
    """Yield botocore's own client, which has nothing of ours in it."""
    client = botocore.session.get_session().create_client(
        "s3",
        region_name=REGION,
        endpoint_url=endpoint,
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=10),
    )
    try:
        yield client
    finally:
        client.close()


def _wait_until_it_takes_objects(
    endpoint: str, process: subprocess.Popen[bytes], log: Path
) -> None:
    """SeaweedFS answers before it has a volume to write to."""
    deadline = time.monotonic() + START_SECONDS
    with _client(endpoint) as client:
        while True:
            try:
                client.put_object(Bucket=BUCKET, Key="up", Body=b"up")  # type: ignore[attr-defined]
            except (BotoCoreError, ClientError):
                if process.poll() is not None or time.monotonic() > deadline:
                    printed = log.read_text(errors="replace")
                    pytest.fail(f"SeaweedFS takes no object:\n{printed}", pytrace=False)
                time.sleep(0.05)
            else:
                return
