"""SeaweedFS for benchmarks, and the proxy before it: processes of their own."""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

BUCKET = "bench"
KEY, SECRET, REGION = "bench", "benchsecret", "us-east-1"
PARTS = ("master", "volume", "filer", "admin", "s3")
GRPC = 10_000
START_SECONDS = 60.0


def peer_store(endpoint: str) -> S3Store:
    return S3Store(
        BUCKET,
        endpoint=endpoint,
        access_key_id=KEY,
        secret_access_key=SECRET,
        region=REGION,
        client_options={"allow_http": True},
    )


@contextmanager
def seaweedfs(weed: str, directory: Path) -> Iterator[str]:
    """Run a server over *directory* until the block ends; yield its endpoint."""
    ports = _ports()
    argv = _command(weed, directory, ports)
    endpoint = f"http://127.0.0.1:{ports['s3']}"
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            asyncio.run(_wait(endpoint, process))
            yield endpoint
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def distant(endpoint: str, milliseconds: float) -> Iterator[str]:
    """Run a proxy that delays each request; yield its endpoint."""
    port = endpoint.rpartition(":")[2]
    argv = [sys.executable, str(Path(__file__).with_name("proxy.py")), port, str(milliseconds)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as proxy:
        assert proxy.stdin is not None
        assert proxy.stdout is not None
        try:
            yield f"http://127.0.0.1:{proxy.stdout.readline().strip()}"
        finally:
            proxy.stdin.close()
            proxy.terminate()


async def _wait(endpoint: str, process: subprocess.Popen[bytes]) -> None:
    """Try until it takes an object: it answers before it has a volume."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            await obstore.put_async(peer_store(endpoint), "up", b"up")
        except (BaseError, OSError) as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"SeaweedFS does not start: {error}") from error
            await asyncio.sleep(0.1)
        else:
            return


def _ports() -> dict[str, int]:
    ports: dict[str, int] = {}
    while len(ports) < len(PARTS):
        port = random.randrange(10_000, 22_000)
        if port not in ports.values() and _is_free(port) and _is_free(port + GRPC):
            ports[PARTS[len(ports)]] = port
    return ports


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _command(weed: str, directory: Path, ports: dict[str, int]) -> list[str]:
    users, data = directory / "s3.json", directory / "data"
    identity = {
        "name": "bench",
        "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
        "actions": ["Admin", "Read", "List", "Tagging", "Write"],
    }
    users.write_text(json.dumps({"identities": [identity]}))
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
        *(f"-{part}.port.grpc={port + GRPC}" for part, port in ports.items()),
        f"-filer.localSocket={os.fspath(directory / 'filer.sock')}",
        "-admin.ui=false",
        "-webdav=false",
        f"-s3.config={users}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-s3.autoCreateBucket=false",
        f"-bucket={BUCKET}",
    ]
