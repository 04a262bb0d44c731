"""A server that answers what a test tells it to, and keeps what it was asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Self

DROP = b""
"""Close the connection instead of answering."""


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


def answer(
    status: int,
    body: bytes | object = b"",
    headers: Mapping[str, str] | None = None,
    *,
    announced: int | None = None,
) -> bytes:
    """An answer as it goes over the wire; *announced* is a length that it does not have."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = {"Content-Length": str(len(data) if announced is None else announced)}
    lines.update(headers or {})
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{head}\r\n".encode() + data


def media(data: bytes, generation: str = "7", *, announced: int | None = None) -> bytes:
    """A download of a whole object."""
    headers = {
        "X-Goog-Generation": generation,
        "X-Goog-Stored-Content-Length": str(len(data) if announced is None else announced),
        "Last-Modified": "Fri, 27 Nov 2026 16:38:59 GMT",
    }
    return answer(200, data, headers, announced=announced)


class CannedServer:
    """Gives its *answers* in order, one for each request; closes after one that is cut short."""

    def __init__(self) -> None:
        self.answers: list[bytes] = []
        self.requests: list[Request] = []
        self._server: asyncio.Server | None = None

    @property
    def endpoint(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await _request(reader):
            self.requests.append(request)
            reply = self.answers.pop(0)
            writer.write(reply)
            if not _whole(reply):
                break
        writer.close()


async def _request(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = head.rstrip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, target, headers, body)


def _whole(reply: bytes) -> bool:
    head, _, body = reply.partition(b"\r\n\r\n")
    return f"Content-Length: {len(body)}\r\n".encode() in head + b"\r\n"
