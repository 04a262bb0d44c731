"""The example registry against the stock ``docker-registry``, both on a local directory.

Run by ``make bench``, or with the repository on ``PYTHONPATH``. Each figure is the median of rounds
in which the servers take turns before the same client; it is the time that ours takes over the
time that stock takes. The client takes its share of the machine, the same from both.
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import io
import json
import os
import random
import select
import shutil
import socket
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import regstore
from bench.local import compare
from regstore.digest import Digest
from regstore.oci import OCI_MANIFEST
from tests.frontends.frontends import serving
from tests.servers import docker_registry, skopeo

MIB = 1 << 20
LAYERS = 10
NAME = "bench/image"
TAGS = 10_000
PAGE = 100
CONCURRENT = 32
SHARED_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
"""Where what is only read lies: to write so many tags durably takes longer than all the rest."""


@dataclass(frozen=True)
class Side:
    """A server that runs over a directory of its own, and one over what both read."""

    title: str
    writes: Served
    reads: Served


@dataclass(frozen=True)
class Served:
    root: Path
    host: str
    pid: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=200, help=f"size of the {LAYERS} layers")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=1000, help="small ones in a round")
    parser.add_argument("--dir", default=None, help="where to work; a temporary directory else")
    options = parser.parse_args()
    missing = [name for name in ("docker-registry", "skopeo") if shutil.which(name) is None]
    if missing:
        print(f"skipped: {' and '.join(missing)} is not installed")
        return
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=options.dir)))
        memory = stack.enter_context(tempfile.TemporaryDirectory(dir=SHARED_MEMORY))
        shared = fill(Path(memory, "shared"))
        ours, stock = (
            stack.enter_context(side(work, title, shared)) for title in ("regstore", "stock")
        )
        sizes = f"{LAYERS} layers of {options.mib // LAYERS} MiB"
        print(f"{sizes}, {options.rounds} rounds, median of each side\n")
        image(work, ours, stock, options.mib, options.rounds)
        transfer(ours, stock, options.mib, options.rounds)
        small(ours, stock, options.requests, options.rounds)
        tag_pages(ours, stock, options.rounds)
        for each in (ours, stock):
            peak = peak_mib(each.writes.pid), peak_mib(each.reads.pid)
            print(
                f"{each.title:9} peak memory: {peak[0]:.0f} MiB pushed to, {peak[1]:.0f} MiB asked"
            )


@contextmanager
def side(work: Path, title: str, shared: Path) -> Iterator[Side]:
    own = work / title
    with ExitStack() as stack:
        if title == "stock":
            registries = [
                stack.enter_context(docker_registry(own)),
                stack.enter_context(docker_registry(shared, caching=True)),
            ]
            pair = [Served(each.root, each.host, each.pid) for each in registries]
        else:
            servers = [
                stack.enter_context(serving("asgi", root, Path(f"{root}.ours.log")))
                for root in (own, shared)
            ]
            pair = [Served(each.root, urlsplit(each.url).netloc, each.pid) for each in servers]
        yield Side(title, *pair)


def fill(root: Path) -> Path:
    """Make what both servers read: a blob, a manifest, and many tags of it."""
    with regstore.open(str(root)) as registry:
        repository = registry.repository(NAME)
        config = repository.blobs.put(b"{}").to_json()
        document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": []}
        body = json.dumps(document).encode()
        pushed = repository.manifests.put(body, OCI_MANIFEST, tags=["latest"])
        for number in range(TAGS):
            repository.tags.set(f"t{number:05}", pushed.descriptor.digest)
    return root


def image(work: Path, ours: Side, stock: Side, mib: int, rounds: int) -> None:
    source = lay_out(work / "image", mib)

    def push(server: Served) -> None:
        copy(f"oci:{source}:latest", f"docker://{server.host}/{NAME}:latest")

    def pull(server: Served) -> None:
        target = work / "pulled" / str(server.pid)
        target.mkdir(parents=True)
        copy(f"docker://{server.host}/{NAME}:latest", f"dir:{target}")

    def forget() -> None:
        for server in (ours.writes, stock.writes):
            shutil.rmtree(server.root / "docker", ignore_errors=True)

    def make_room() -> None:
        shutil.rmtree(work / "pulled", ignore_errors=True)

    here, there = ours.writes, stock.writes
    compare("push by skopeo", lambda: push(here), lambda: push(there), rounds, 1.3, forget)
    compare("pull by skopeo", lambda: pull(here), lambda: pull(there), rounds, 1.3, make_room)


def copy(source: str, target: str) -> None:
    skopeo("copy", "--quiet", "--src-tls-verify=false", "--dest-tls-verify=false", source, target)


def transfer(ours: Side, stock: Side, mib: int, rounds: int) -> None:
    """Blobs alone, by a client that does nothing with them."""
    layers = [random.Random(seed).randbytes(mib * MIB // LAYERS) for seed in range(LAYERS)]
    digests = [Digest.of(layer) for layer in layers]

    def push(server: Served) -> None:
        connection = http.client.HTTPConnection(server.host)
        for layer, digest in zip(layers, digests, strict=True):
            connection.request(
                "POST", f"/v2/{NAME}/blobs/uploads/", headers={"Content-Length": "0"}
            )
            location = answer(connection, 202).getheader("Location", "")
            target = urlsplit(location)
            query = f"{target.query}&digest={digest}" if target.query else f"digest={digest}"
            octets = {"Content-Type": "application/octet-stream"}
            connection.request("PUT", f"{target.path}?{query}", layer, octets)
            answer(connection, 201)
        connection.close()

    def pull(server: Served) -> None:
        connection, room = http.client.HTTPConnection(server.host), memoryview(bytearray(MIB))
        for layer, digest in zip(layers, digests, strict=True):
            connection.request("GET", f"/v2/{NAME}/blobs/{digest}")
            response, left = connection.getresponse(), len(layer)
            while taken := response.readinto(room):
                left -= taken
            assert left == 0
        connection.close()

    here, there = ours.writes, stock.writes
    compare("push of blobs", lambda: push(here), lambda: push(there), rounds, 1.3)
    compare("pull of blobs", lambda: pull(here), lambda: pull(there), rounds, 1.3)


def answer(connection: http.client.HTTPConnection, status: int) -> http.client.HTTPResponse:
    response = connection.getresponse()
    told = response.read()
    assert response.status == status, told
    return response


def small(ours: Side, stock: Side, requests: int, rounds: int) -> None:
    with regstore.open(str(ours.reads.root)) as registry:
        manifest = registry.repository(NAME).manifests.get("latest")
        config = json.loads(manifest.body)["config"]["digest"]
    blob = f"HEAD /v2/{NAME}/blobs/{config}"
    by_tag = f"GET /v2/{NAME}/manifests/latest"
    by_digest = f"GET /v2/{NAME}/manifests/{manifest.digest}"
    here, there = ours.reads.host, stock.reads.host
    asked = {"HEAD blob": blob, "GET manifest by tag": by_tag, "by digest": by_digest}
    for title, request in asked.items():
        size = 0 if request.startswith("HEAD") else len(manifest.body)
        for clients in (1, CONCURRENT):
            number = requests if clients > 1 else requests // 4
            compare(
                f"{title}, {number} times, {clients} at once",
                lambda: ask(here, request, size, number, clients),  # noqa: B023 - called at once
                lambda: ask(there, request, size, number, clients),  # noqa: B023 - called at once
                rounds,
                target=3.0,
            )


def ask(host: str, request: str, size: int, number: int, clients: int) -> None:
    """Send *request* so many times over so many connections, each in turn, and wait for all.

    :param size: bytes of each answer's body.
    """
    address, _, port = host.partition(":")
    accept = f"Accept: {OCI_MANIFEST}"
    message = f"{request} HTTP/1.1\r\nHost: {host}\r\n{accept}\r\n\r\n".encode()
    poll, connections, told = select.epoll(), {}, {}
    for _ in range(clients):
        connection = socket.create_connection((address, int(port)))
        connections[connection.fileno()] = connection
        poll.register(connection, select.EPOLLIN)
        told[connection.fileno()] = b""
        connection.sendall(message)
    sent, done = clients, 0
    while done < number:
        for fd, _ in poll.poll():
            told[fd] += connections[fd].recv(1 << 16)
            end = told[fd].find(b"\r\n\r\n")
            if end < 0 or len(told[fd]) < end + 4 + size:
                continue
            assert told[fd].startswith(b"HTTP/1.1 200 "), told[fd]
            told[fd] = b""
            done += 1
            if sent < number:
                connections[fd].sendall(message)
                sent += 1
    for connection in connections.values():
        connection.close()
    poll.close()


def tag_pages(ours: Side, stock: Side, rounds: int) -> None:
    """A page from the middle; registries before 3.0 know none, and give all tags."""

    def page(server: Served) -> list[str]:
        connection = http.client.HTTPConnection(server.host)
        connection.request("GET", f"/v2/{NAME}/tags/list?n={PAGE}&last=t{TAGS // 2 - 1:05}")
        response = connection.getresponse()
        found: list[str] = json.loads(response.read())["tags"]
        connection.close()
        return found

    assert page(ours.reads)[0] == f"t{TAGS // 2:05}"
    given = len(page(stock.reads))
    title = f"{PAGE} of {TAGS} tags" + ("" if given == PAGE else f" (stock gives {given})")
    compare(title, lambda: page(ours.reads), lambda: page(stock.reads), rounds, 3.0)


def peak_mib(pid: int) -> float:
    """Peak memory of a server's processes (``proc_pid_status(5)``)."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    statuses = [Path(f"/proc/{each}/status").read_text() for each in (pid, *children)]
    return sum(int(text.partition("VmHWM:")[2].split()[0]) for text in statuses) / 1024


def lay_out(root: Path, mib: int) -> Path:
    """Write an image of random layers as an OCI image layout."""
    blobs = root / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def add(content: bytes, kind: str) -> dict[str, object]:
        digest = Digest.of(content)
        (blobs / digest.hex).write_bytes(content)
        return {"mediaType": kind, "digest": digest, "size": len(content)}

    tars = [tar_of(seed, mib * MIB // LAYERS) for seed in range(LAYERS)]
    rootfs = {"type": "layers", "diff_ids": [Digest.of(tar) for tar in tars]}
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": rootfs}).encode()
    oci = "application/vnd.oci.image"
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": add(config, f"{oci}.config.v1+json"),
        "layers": [
            add(gzip.compress(tar, compresslevel=0, mtime=0), f"{oci}.layer.v1.tar+gzip")
            for tar in tars
        ],
    }
    entry = add(json.dumps(manifest).encode(), OCI_MANIFEST)
    entry["annotations"] = {"org.opencontainers.image.ref.name": "latest"}
    (root / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    (root / "oci-layout").write_text(json.dumps({"imageLayoutVersion": "1.0.0"}))
    return root


def tar_of(seed: int, size: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("data")
        member.size = size
        archive.addfile(member, io.BytesIO(random.Random(100 + seed).randbytes(size)))
    return buffer.getvalue()


if __name__ == "__main__":
    main()
