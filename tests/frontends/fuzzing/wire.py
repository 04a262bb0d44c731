"""Octets to a real server: what its HTTP parser refuses, and what it lets through."""

from __future__ import annotations

import errno
import re
import select
import socket
from pathlib import Path
from urllib.parse import urlsplit

from hypothesis import strategies as st

from regstore.digest import Digest
from tests.frontends.frontends import Server
from tests.frontends.fuzzing import oracle, values
from tests.frontends.fuzzing.doors import Answer
from tests.frontends.fuzzing.machine import open_descriptors

SECONDS = 20
PATIENCE = 0.1
"""Seconds in which a whole request is answered; one that is cut never is."""
HUNG_UP = {errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN}
"""The server has refused before it had read everything, as it may."""
PROTOCOLS_OWN = {501, 505}
"""A transfer coding or a version of HTTP that the server does not speak (RFC 9110, 15.6)."""

VERSIONS = ("HTTP/1.1",) * 8 + ("HTTP/1.0", "HTTP/2.0", "HTTP/9.9", "HTTP/1.1 x", "HTTPS/1.1", "")
TARGETS = (
    "/v2/",
    "http://evil.example/v2/../../etc/passwd",
    "http://evil.example:99999/v2/",
    "http://[::1/v2/",
    "//evil.example/v2/",
    "/v2/../../../../etc/passwd",
    "/v2/a/blobs/\xff\xfe",
    "/v2/a b/tags/list",
    "/v2/a/tags/list?n=\xe9",
    "/v2/a/tags/list#part",
    "*",
    "evil.example:443",
    "?",
    "/" + "a" * 70_000,
)
FRAMINGS = (
    "Content-Length: abc",
    "Content-Length: -1",
    "Content-Length: +5",
    "Content-Length: 5, 5",
    "Content-Length: 005",
    "Content-Length: 99999999999999999999999",
    "Content-Length: 9223372036854775807",
    "Content-Length: 5\r\nContent-Length: 6",
    "Content-Length: 5\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: xchunked",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: identity",
    "Transfer-Encoding : chunked",
    "transfer-encoding:\tchunked",
    "Expect: 100-continue\r\nContent-Length: 5",
    "Expect: nonsense",
    "No colon",
    ": no name",
    "X-Folded: a\r\n b",
    "X-Nul: a\0b",
    "X-Bare: a\rb",
    "X-Long: " + "x" * 70_000,
    "\r\n".join(f"X-{number}: x" for number in range(200)),
)
CHUNKINGS = (
    b"5\r\nhello\r\n0\r\n\r\n",
    b'5;ext="a"\r\nhello\r\n0\r\nTrailer: x\r\n\r\n',
    b"5\r\nhello\r\n",
    b"ff\r\nhello\r\n0\r\n\r\n",
    b"2\r\nhello\r\n0\r\n\r\n",
    b"-5\r\nhello\r\n0\r\n\r\n",
    b"0x5\r\nhello\r\n0\r\n\r\n",
    b"5 \r\nhello\r\n0\r\n\r\n",
    b"FFFFFFFFFFFFFFFFF\r\nhello",
    b"7fffffffffffffff\r\nhello",
    b"g\r\nhello\r\n0\r\n\r\n",
    b"\r\nhello\r\n0\r\n\r\n",
    b"5\nhello\n0\n\n",
    b"5\r\nhelloXX0\r\n\r\n",
    b"0" * 5000 + b"5\r\nhello\r\n0\r\n\r\n",
    b"5;" + b"x" * 70_000 + b"\r\nhello\r\n0\r\n\r\n",
    b"1\r\nh\r\n" * 2000 + b"0\r\n\r\n",
)
CHUNKED = "Transfer-Encoding: chunked"

_targets = st.one_of(
    values.one(TARGETS),
    st.builds("/v2/{}/manifests/{}".format, values.names, values.references),
    st.builds("/v2/{}/blobs/{}".format, values.names, values.digests),
    st.builds("/v2/{}/tags/list?{}".format, values.names, values.queries),
    st.builds(
        "/v2/{}/blobs/uploads/?digest={}".format,
        values.one(values.NAMES),
        st.one_of(st.just(Digest.of(b"hello")), values.digests),
    ),
)
_heads = st.lists(st.one_of(values.odd_headers.map(": ".join), values.one(FRAMINGS)), max_size=2)


def _message(method: str, target: str, version: str, heads: list[str], body: bytes | None) -> bytes:
    """One request; *body* is chunked already, or there is none."""
    framing = [] if body is None else [CHUNKED]
    lines = [f"{method} {target} {version}", "Host: registry", *framing, *heads, "", ""]
    return "\r\n".join(lines).encode("latin-1") + (body or b"")


messages = st.one_of(
    st.builds(
        _message,
        values.methods,
        _targets,
        values.one(VERSIONS),
        _heads,
        st.one_of(st.none(), values.one(CHUNKINGS)),
    ),
    st.builds(
        _message,
        st.just("POST"),
        st.just(f"/v2/a/blobs/uploads/?digest={Digest.of(b'hello')}"),
        st.just("HTTP/1.1"),
        st.just([]),
        values.one(CHUNKINGS),
    ),
    st.binary(max_size=50),
)


def send(server: Server, message: bytes) -> bytes:
    """Send *message* and nothing more, and return all that the server says until it hangs up."""
    url = urlsplit(server.url)
    with socket.create_connection((url.hostname, url.port), timeout=SECONDS) as connection:
        told = b""
        try:
            connection.sendall(message)
            select.select([connection], [], [], PATIENCE)  # granian answers nobody who has hung up
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(1 << 16):
                told += piece
        except OSError as error:
            if error.errno not in HUNG_UP:
                raise
        return told


def check(message: bytes, told: bytes, root: Path) -> int | None:
    """Whether the answer, if any, is no failure and tells no secret; return its status."""
    assert oracle.SECRET not in told
    assert b"Traceback" not in told
    assert str(root).encode() not in told
    match = re.match(rb"HTTP/1\.[01] (\d{3}) ?[^\r\n]*\r\n", told)
    assert match or not told, told[:200]
    status = int(match[1]) if match else None
    assert status is None or status < 500 or status in PROTOCOLS_OWN, (message[:300], told[:500])
    if status is not None and status >= 400 and b"content-type: application/json" in told.lower():
        head, _, body = told.partition(b"\r\n\r\n")
        if body and b"chunked" not in head.lower() and not message.startswith(b"HEAD"):
            length = re.search(rb"(?i)content-length: (\d+)", head)
            json = body[: int(length[1])] if length else body
            headers = [("Content-Type", "application/json")]
            oracle.check_error(Answer(status, headers, json))
    return status


def process_ids(server: Server) -> list[int]:
    """The server's process and those that it has started."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    return [server.pid, *map(int, children)]


def descriptors(server: Server) -> int:
    return sum(map(open_descriptors, process_ids(server)))


def resident_mib(server: Server) -> float:
    """Memory that the server's processes hold (``proc_pid_status(5)``)."""
    statuses = [Path(f"/proc/{pid}/status").read_text() for pid in process_ids(server)]
    return sum(int(text.partition("VmRSS:")[2].split()[0]) for text in statuses) / 1024
