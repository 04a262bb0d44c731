"""Clients that lie about the length of what they send: only they are told of an error."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from regstore.digest import Digest
from regstore.oci import OCI_MANIFEST
from tests.frontends.client import Repo
from tests.frontends.pair.processes import Pair
from tests.frontends.pair.wire import Wire

Repos = tuple[Repo, Repo]
BLOB = random.Random(9).randbytes(100_000)
DIGEST = Digest.of(BLOB)
HUGE = 1 << 62


@dataclass(frozen=True)
class Lie:
    """What a client says of a body, and what it then sends.

    :ivar taken: bytes that an upload has afterwards; ``None`` where that is the server's choice.
    """

    name: str
    headers: Mapping[str, object]
    body: bytes
    taken: int | None = None


def chunk(data: bytes, said: str | None = None) -> bytes:
    """A chunk of a chunked body, and the size that is *said* of it, in hexadecimal."""
    size = f"{len(data):x}" if said is None else said
    return size.encode() + b"\r\n" + data + b"\r\n"


CHUNKED = {"Transfer_Encoding": "chunked"}
LIES = [
    Lie("more announced", {"Content_Length": 2 * len(BLOB)}, BLOB, len(BLOB)),
    Lie("far more announced", {"Content_Length": HUGE}, BLOB, len(BLOB)),
    Lie("less announced", {"Content_Length": 1000}, BLOB, 1000),
    Lie("nothing announced", {}, BLOB, 0),
    Lie("no number", {"Content_Length": "many"}, BLOB, 0),
    Lie("negative", {"Content_Length": -1}, BLOB, 0),
    Lie("beyond numbers", {"Content_Length": 1 << 70}, BLOB),
    Lie("a longer range", {"Content_Length": 10, "Content_Range": "0-99"}, BLOB[:10], 0),
    Lie("a shorter range", {"Content_Length": 10, "Content_Range": "0-4"}, BLOB[:10], 0),
    Lie("a huge range", {"Content_Length": 10, "Content_Range": f"0-{HUGE}"}, BLOB[:10], 0),
    Lie("a chunk without an end", CHUNKED, chunk(BLOB)),
    Lie("a chunk longer than said", CHUNKED, chunk(BLOB, "3e8")),
    Lie("a chunk shorter than said", CHUNKED, chunk(BLOB, f"{2 * len(BLOB):x}") + b"0\r\n\r\n"),
    Lie("a huge chunk", CHUNKED, chunk(BLOB, "f" * 15)),
    Lie("a chunk beyond numbers", CHUNKED, chunk(BLOB, "f" * 40)),
    Lie("a negative chunk", CHUNKED, chunk(BLOB, "-5")),
    Lie("a chunk of no number", CHUNKED, chunk(BLOB) + b"many\r\n"),
    Lie("an endless chunk size", CHUNKED, b"1" * 100_000),
    Lie("an endless extension", CHUNKED, b"5;" + b"x" * 100_000),
    Lie("endless trailers", CHUNKED, chunk(BLOB) + b"0\r\n" + b"A: b\r\n" * 20_000),
    Lie("another coding", {"Transfer_Encoding": "gzip"}, BLOB),
    Lie("both", {**CHUNKED, "Content_Length": 10}, chunk(BLOB)),
]
every_lie = pytest.mark.parametrize("lie", LIES, ids=[lie.name for lie in LIES])


def tell(wire: Wire, method: str, path: str, lie: Lie, **headers: object) -> int | None:
    """Send a request with a lie in it; return what the server thinks of it."""
    wire.begin(method, path, Content_Type="application/octet-stream", **headers, **lie.headers)
    wire.send(lie.body)
    wire.end()
    return wire.status()


@pytest.fixture
def wires(pair: Pair) -> Iterator[tuple[Wire, Wire]]:
    with Wire(pair.servers[0]) as first, Wire(pair.servers[1]) as second:
        yield first, second


@pytest.mark.parametrize("pair", ["two", "mixed"], indirect=True)
@every_lie
def test_an_upload_survives_a_lie(wires: tuple[Wire, Wire], repos: Repos, lie: Lie) -> None:
    """Told to the second server, and mended at the first."""
    here, there = repos
    location = there.begin()
    status = tell(wires[1], "PATCH", location, lie)
    assert status is None or status < 500
    standing = here.ask("GET", location).headers["Range"]
    offset = int(standing.removeprefix("0-")) + 1 if standing != "0-0" else 0
    assert lie.taken is None or offset == lie.taken
    if offset > len(BLOB):  # what frames a chunk was said to be content
        assert here.ask("DELETE", location).status_code == 204
        return
    finished = here.finish(location, DIGEST, BLOB[offset:])
    assert finished.status_code == 201, finished.text
    assert there.ask("GET", f"blobs/{DIGEST}").content == BLOB


@pytest.mark.parametrize("pair", ["two", "mixed"], indirect=True)
@every_lie
def test_a_lie_makes_no_blob_and_no_manifest(
    wires: tuple[Wire, Wire], repos: Repos, lie: Lie
) -> None:
    """Or, where it can be understood, the blob that it meant."""
    here, there = repos
    status = tell(wires[1], "POST", f"/v2/{here.name}/blobs/uploads/?digest={DIGEST}", lie)
    assert status is None or status < 500
    found = here.ask("GET", f"blobs/{DIGEST}")
    assert found.status_code == (200 if status == 201 else 404)
    assert (found.content == BLOB) == (status == 201)
    status = tell(wires[0], "PUT", f"/v2/{here.name}/manifests/v1", lie)
    assert status is None or 400 <= status < 500
    assert there.ask("GET", "manifests/v1").status_code == 404


@pytest.mark.parametrize("pair", ["two", "mixed"], indirect=True)
@pytest.mark.parametrize("number", [0, 1])
def test_an_endless_manifest_is_refused(pair: Pair, number: int, name: str) -> None:
    with Wire(pair.servers[number]) as wire:
        path = f"/v2/{name}/manifests/v1"
        wire.begin("PUT", path, Content_Type=OCI_MANIFEST, Transfer_Encoding="chunked")
        for _ in range(640):
            wire.send(chunk(BLOB))
        assert wire.status() in {413, None}  # None: the answer was lost in what was on its way
