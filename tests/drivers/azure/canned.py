"""A server that answers what a test tells it to, and keeps what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from regstore._run import LoopRuntime
from regstore.drivers.azure import AzureStore, azure_store
from regstore.errors import RegstoreError
from tests.azure_server import connection_string

Call = Callable[[AzureStore], Awaitable[Any]]

CUT = b""
"""An answer: close the connection instead."""
ETAG = {"ETag": '"0x1"', "Last-Modified": "Fri, 27 Nov 2026 12:00:00 GMT"}


def answer(status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> bytes:
    """Return an HTTP response."""
    given = {"Content-Length": str(len(body)), **(headers or {})}
    lines = [f"HTTP/1.1 {status} Told", *(f"{name}: {value}" for name, value in given.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def failure(status: int, code: str, headers: dict[str, str] | None = None) -> bytes:
    """Return an answer with one of the service's error codes."""
    return answer(status, {"x-ms-error-code": code, **(headers or {})})


@dataclass
class Canned:
    """What the server was asked, and what is left for it to answer.

    :ivar requests: first lines, in order.
    :ivar bodies: of the requests.
    """

    endpoint: str
    answers: list[bytes]
    requests: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        try:
            while await self._serve_one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.splitlines()
        headers = dict(line.lower().split(": ", 1) for line in lines if ": " in line)
        self.requests.append(first)
        self.headers.append(headers)
        self.bodies.append(await reader.readexactly(int(headers.get("content-length", "0"))))
        told = self.answers.pop(0)
        if told == CUT:
            return False
        writer.write(told)
        await writer.drain()
        announced = int(told.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return first.startswith("HEAD") or len(told.partition(b"\r\n\r\n")[2]) == announced


@asynccontextmanager
async def canned(answers: Sequence[bytes]) -> AsyncIterator[Canned]:
    """Run a server that gives *answers*, one for each request."""
    state = Canned("", list(answers))
    server = await asyncio.start_server(state.serve, "127.0.0.1", 0)
    state.endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/account"
    try:
        yield state
    finally:
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def store_at(endpoint: str) -> AsyncIterator[AzureStore]:
    options = {"connection_string": connection_string(endpoint)}
    store = azure_store("az://container/prefix", options, LoopRuntime())
    try:
        yield store
    finally:
        await store.aclose()


async def told(call: Call, *answers: bytes) -> tuple[RegstoreError, Canned]:
    """Make *call* of a store whose service gives *answers*, and return the error it raises."""
    async with canned(answers) as server, store_at(server.endpoint) as store:
        with pytest.raises(RegstoreError) as caught:
            await call(store)
    return caught.value, server
