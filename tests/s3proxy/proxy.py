"""What stands before the server, counts what is asked, and does damage."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import aiohttp
from aiohttp import web
from anyio.from_thread import start_blocking_portal

from tests.s3proxy.damage import Asked, Choice, Damage, harmless
from tests.s3proxy.upstream import Answer, Question, Upstream, refusal, session

LATE_SECONDS = 0.05
_PATIENCE = 30.0
_LONGEST_HEADER = 1 << 16


@dataclass
class FaultyProxy:
    """Passes everything on unchanged, and does damage where it is told to.

    Only ``Expect`` goes, since the proxy itself takes the body.

    :ivar asked: the requests since :meth:`begin`.
    :ivar retry_after: seconds that a 503 asks the client to wait.
    :ivar endpoint: where it listens.
    """

    upstream: Upstream
    asked: list[Asked] = field(default_factory=list)
    choose: Choice = harmless
    retry_after: int = 1
    endpoint: str = ""
    _again: list[Question] = field(default_factory=list)
    _under_way: set[asyncio.Future[None]] = field(default_factory=set)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)

    def begin(self, choose: Choice = harmless) -> None:
        """Count from 1 again."""
        self.asked, self.choose, self._again = [], choose, []

    def come_again(self) -> list[int]:
        """Send once more what was to come twice; return the statuses, which nobody is told."""
        sending = asyncio.run_coroutine_threadsafe(self._repeat(), self._loop)
        return sending.result(_PATIENCE)

    def settle(self) -> None:
        """Wait until the server has answered whatever has come, also what nobody waits for."""
        asyncio.run_coroutine_threadsafe(self._settled(), self._loop).result(_PATIENCE)

    async def _settled(self) -> None:
        while self._under_way:
            await asyncio.wait(self._under_way)

    async def _repeat(self) -> list[int]:
        again, self._again = self._again, []
        return [(await self.answer(question)).status for question in again]

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        ended = self._loop.create_future()
        self._under_way.add(ended)
        try:
            return await self._handled(request)
        except (OSError, aiohttp.ClientError, web.RequestPayloadError):
            return _hang_up(request)  # the client has gone, or the server has: neither hears more
        finally:
            self._under_way.remove(ended)
            ended.set_result(None)

    async def _handled(self, request: web.BaseRequest) -> web.StreamResponse:
        damage = self._chosen(request)
        if damage == "cut":
            return _hang_up(request)
        question = await _taken(request)
        if damage == "cut-body":
            await self.upstream.begin(question)
            return _hang_up(request)
        if damage == "busy":
            return _busy(question, self.retry_after)
        answer = await self.answer(question)
        if damage == "twice":
            self._again.append(question)
        return await _give(request, answer, damage)

    async def answer(self, question: Question) -> Answer:
        """Have *question* answered by the server."""
        return await self.upstream.ask(question)

    def _chosen(self, request: web.BaseRequest) -> Damage | None:
        number = len(self.asked) + 1
        damage = self.choose(number, request.method, request.raw_path)
        self.asked.append(Asked(number, request.method, request.raw_path, damage))
        return damage


async def _taken(request: web.BaseRequest) -> Question:
    if request.headers.get("Expect"):
        _transport(request).write(b"HTTP/1.1 100 Continue\r\n\r\n")
    headers = request.headers.copy()
    headers.popall("Expect", None)
    # Not request.read(), which has a limit.
    body = await request.content.read()
    return Question(request.method, request.raw_path, headers, body)


async def _give(
    request: web.BaseRequest, answer: Answer, damage: Damage | None
) -> web.StreamResponse:
    if damage == "lost":
        return _hang_up(request)
    if damage == "late":
        await asyncio.sleep(LATE_SECONDS)
    if damage == "truncated":
        _transport(request).write(answer.truncated())
        _transport(request).close()
    return web.Response(status=answer.status, body=answer.body, headers=answer.headers)


def _hang_up(request: web.BaseRequest) -> web.Response:
    """Cut the connection; return what nobody will hear."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _busy(question: Question, seconds: int) -> web.Response:
    answer = refusal(503, "SlowDown", is_head=question.method == "HEAD")
    answer.headers["Retry-After"] = str(seconds)
    response = web.Response(status=answer.status, body=answer.body, headers=answer.headers)
    response.force_close()
    return response


def _transport(request: web.BaseRequest) -> asyncio.WriteTransport:
    transport = request.transport
    if not isinstance(transport, asyncio.WriteTransport):
        raise ConnectionResetError("the client has gone")
    return transport


P = TypeVar("P", bound=FaultyProxy)
Make = Callable[[Upstream], P]


@contextmanager
def faulty(server: str) -> Iterator[FaultyProxy]:
    """Run one before *server*, ``http://host:port``."""
    with running(server, FaultyProxy) as proxy:
        yield proxy


@contextmanager
def running(server: str, make: Make[P]) -> Iterator[P]:
    """Run the proxy that *make* makes, in a thread of its own, until the block ends."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(_listening(server, make)) as proxy,
    ):
        yield proxy


@asynccontextmanager
async def _listening(server: str, make: Make[P]) -> AsyncIterator[P]:
    async with session() as outgoing:
        proxy = make(Upstream(server, outgoing))
        async with _serving(proxy) as proxy.endpoint:
            yield proxy


@asynccontextmanager
async def _serving(proxy: FaultyProxy) -> AsyncIterator[str]:
    # The server below applications: those answer "Expect" before anybody may cut the connection.
    server = web.Server(
        proxy.handle,
        auto_decompress=False,
        max_line_size=_LONGEST_HEADER,
        max_field_size=_LONGEST_HEADER,
    )
    runner = web.ServerRunner(server, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()
