"""What stands before an S3 server and counts the requests that come by.

For programs that are not ours: regstore's own requests are counted where they leave.
"""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web
from anyio.from_thread import start_blocking_portal
from yarl import URL

_OF_THE_CONNECTION = {"Connection", "Content-Length", "Date", "Transfer-Encoding"}
_LARGEST = 64 << 20


@dataclass
class Counter:
    """Counts, and forwards everything as it came.

    :ivar sent: method and target of each request.
    :ivar endpoint: where it listens.
    """

    _server: str
    _session: aiohttp.ClientSession
    endpoint: str = ""
    sent: list[str] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.sent.append(f"{request.method} {request.raw_path}")
        # With the Host that the client has signed.
        headers = {name: value for name, value in request.headers.items() if name != "Expect"}
        async with self._session.request(
            request.method,
            URL(self._server + request.raw_path, encoded=True),
            data=io.BytesIO(body) if body else None,
            headers=headers,
        ) as answer:
            kept = {
                name: value
                for name, value in answer.headers.items()
                if name not in _OF_THE_CONNECTION
            }
            content = await answer.read()
            if request.method == "HEAD":
                kept["Content-Length"] = answer.headers.get("Content-Length", "0")
            return web.Response(status=answer.status, body=content, headers=kept)


@contextmanager
def counting(server: str) -> Iterator[Counter]:
    """Run one before *server*, in a thread."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(_listening(server)) as counter,
    ):
        yield counter


@asynccontextmanager
async def _listening(server: str) -> AsyncIterator[Counter]:
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        counter = Counter(server, session)
        app = web.Application(client_max_size=_LARGEST)
        app.router.add_route("*", "/{path:.*}", counter.handle)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        counter.endpoint = f"http://{host}:{port}"
        yield counter
        await runner.cleanup()
