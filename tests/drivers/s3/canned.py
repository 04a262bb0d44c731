"""A server of S3's protocol that gives the answers it was told, each once, in their order."""

from __future__ import annotations

import socketserver
import threading
from dataclasses import dataclass, field
from types import TracebackType
from typing import BinaryIO, Self

SECRET = "a-secret-that-nobody-may-see"  # noqa: S105 - made up


@dataclass(frozen=True)
class Request:
    """What came in."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Answer:
    """What goes out; with *announced* more bytes are promised than come."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    announced: int | None = None

    def encoded(self) -> bytes:
        length = len(self.body) if self.announced is None else self.announced
        headers = {"Content-Length": str(length), **self.headers}
        lines = [f"HTTP/1.1 {self.status} Said", *(f"{name}: {headers[name]}" for name in headers)]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


HANG_UP = Answer(0)
"""No answer: the connection is closed."""
SILENCE = Answer(-1)
"""No answer: the connection stays open until the test ends."""


def error(status: int, code: str, **headers: str) -> Answer:
    """Return an answer with S3's XML."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{SECRET}</Message></Error>"
    return Answer(
        status, body.encode(), {name.replace("_", "-"): headers[name] for name in headers}
    )


def written(etag: str = "v1") -> Answer:
    """Return the answer to a successful write."""
    return Answer(200, b"", {"ETag": f'"{etag}"'})


def content(body: bytes, etag: str = "v1", announced: int | None = None) -> Answer:
    """Return the answer to a successful read of a whole object."""
    headers = {"ETag": f'"{etag}"', "Last-Modified": "Wed, 12 Oct 2009 17:50:00 GMT"}
    return Answer(200, body, headers, announced)


class CannedServer:
    """Listens on a free port of 127.0.0.1 in threads of its own."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.requests: list[Request] = []
        self._over = threading.Event()
        server = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                while (request := _read(self.rfile)) is not None:  # type: ignore[arg-type]
                    server.requests.append(request)
                    answer = server.answers.pop(0)
                    if answer is SILENCE:
                        server._over.wait()
                    if answer.status <= 0 or answer.announced is not None:
                        self.wfile.write(answer.encoded() if answer.announced else b"")
                        return
                    self.wfile.write(answer.encoded())

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.storage_options: dict[str, object] = {
            "key": "somebody",
            "secret": SECRET,
            "endpoint_url": self.endpoint,
        }

    def tell(self, *answers: Answer) -> None:
        """Give these answers next."""
        self.answers += answers

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()


def _read(stream: BinaryIO) -> Request | None:
    first = stream.readline().decode()
    if not first:
        return None
    method, target, _ = first.split()
    headers: dict[str, str] = {}
    while line := stream.readline().decode().strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Request(method, target, headers, stream.read(int(headers.get("content-length", 0))))
