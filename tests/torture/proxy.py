"""An HTTP proxy in front of a real server that fails as networks and servers do, when told to.

What is asked of it is passed on unchanged, the Host header too, which signatures cover; only
``Expect`` goes, since the proxy itself takes the body. What fails is chosen by the number of the
request, so that a run can be repeated.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, Self
from urllib.parse import urlsplit

Damage = Literal["cut", "cut-body", "lost", "busy", "truncated", "late"]
DAMAGES: tuple[Damage, ...] = ("cut", "cut-body", "lost", "busy", "truncated", "late")
LATE_SECONDS = 0.05
_BUSY = (
    b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nRetry-After: 1\r\n"
    b"Content-Length: %d\r\nConnection: close\r\n\r\n%b"
)
_SLOW_DOWN = b'<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>later</Message></Error>'
_LARGEST_HEAD = 1 << 20


@dataclass(frozen=True)
class Asked:
    """One request, and what was done to it."""

    number: int
    method: str
    target: str
    damage: Damage | None


Choice = Callable[[int, str, str], Damage | None]
"""What to do to a request, by its number (from 1), method and target."""


def at(number: int, damage: Damage) -> Choice:
    """Do *damage* to one request."""
    return lambda now, _method, _target: damage if now == number else None


def first(matches: Callable[[str, str], bool], damage: Damage) -> Choice:
    """Do *damage* to the first request whose method and target match."""
    left = [damage]

    def choose(_: int, method: str, target: str) -> Damage | None:
        return left.pop() if left and matches(method, target) else None

    return choose


def harmless(_number: int, _method: str, _target: str) -> None:
    """Do no damage."""


@dataclass
class FaultyProxy:
    """Runs in a thread of its own while the context is open.

    :param upstream: ``http://host:port`` of the server.
    :ivar asked: the requests since :meth:`begin`.
    """

    upstream: str
    asked: list[Asked] = field(default_factory=list)
    choose: Choice = harmless

    def begin(self, choose: Choice = harmless) -> None:
        """Count from 1 again."""
        self.asked, self.choose = [], choose

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        serving = asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_LARGEST_HEAD)
        self._server = asyncio.run_coroutine_threadsafe(serving, self._loop).result()
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._pass_on(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client has gone, and with it whoever would care
        finally:
            writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Serve one request; return whether the connection may be used again."""
        head = await reader.readuntil(b"\r\n\r\n")
        method, target = head.split(b" ", 2)[:2]
        number = len(self.asked) + 1
        damage = self.choose(number, method.decode(), target.decode())
        self.asked.append(Asked(number, method.decode(), target.decode(), damage))
        if damage == "cut":
            return False
        if _value(head, b"expect"):
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            head = _without(head, b"expect")
        size = int(_value(head, b"content-length") or 0)
        if damage == "cut-body":
            await self._ask(head + await reader.readexactly(size // 2), answers=False)
            return False
        body = await reader.readexactly(size)
        if damage == "busy":
            writer.write(_BUSY % (len(_SLOW_DOWN), b"" if method == b"HEAD" else _SLOW_DOWN))
            await writer.drain()
            writer.close()
            return False
        answer = await self._ask(head + body, answers=True, is_head=method == b"HEAD")
        return await _give(answer, damage, writer)

    async def _ask(self, request: bytes, *, answers: bool, is_head: bool = False) -> bytes:
        """Send *request* over a connection of its own; return the answer as it came."""
        where = urlsplit(self.upstream)
        reader, writer = await asyncio.open_connection(
            where.hostname, where.port, limit=_LARGEST_HEAD
        )
        try:
            writer.write(request)
            await writer.drain()
            return await _answer(reader, is_head=is_head) if answers else b""
        finally:
            writer.close()


async def _give(answer: bytes, damage: Damage | None, writer: asyncio.StreamWriter) -> bool:
    if damage == "lost":
        return False
    if damage == "late":
        await asyncio.sleep(LATE_SECONDS)
    head, _, body = answer.partition(b"\r\n\r\n")
    if damage == "truncated":
        cut = len(head) + 4 + len(body) // 2 if body else len(head) // 2
        writer.write(answer[:cut])
        await writer.drain()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        return False
    writer.write(answer)
    await writer.drain()
    return _value(head + b"\r\n\r\n", b"connection").lower() != b"close" and _is_framed(head)


async def _answer(reader: asyncio.StreamReader, *, is_head: bool) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    while head.split(b" ", 2)[1] == b"100":
        head = await reader.readuntil(b"\r\n\r\n")
    if is_head or head.split(b" ", 2)[1] in {b"204", b"304"}:
        return head
    if _value(head, b"transfer-encoding").lower() == b"chunked":
        return head + await _chunks(reader)
    if size := _value(head, b"content-length"):
        return head + await reader.readexactly(int(size))
    return head + await reader.read()


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    taken = b""
    while True:
        line = await reader.readuntil(b"\r\n")
        piece = await reader.readexactly(int(line, 16) + 2)
        taken += line + piece
        if line.strip() == b"0":
            return taken


def _is_framed(head: bytes) -> bool:
    """Whether the client can tell where the answer ends without the end of the connection."""
    status = head.split(b" ", 2)[1]
    whole = head + b"\r\n\r\n"
    framed = _value(whole, b"content-length") or _value(whole, b"transfer-encoding")
    return bool(framed) or status in {b"204", b"304"}


def _value(head: bytes, name: bytes) -> bytes:
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == name:
            return value.strip()
    return b""


def _without(head: bytes, name: bytes) -> bytes:
    lines = head.split(b"\r\n")
    return b"\r\n".join(line for line in lines if line.partition(b":")[0].lower() != name)
