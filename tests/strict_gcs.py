"""What stands before fake-gcs-server and keeps the conditions that it ignores.

It looks and forwards under one lock, through which all writers go, so of those who race one wins:

- ``ifGenerationMatch`` of a download, a deletion, a rewrite and a compose;
- ``ifSourceGenerationMatch`` of a rewrite;
- the generation of each source of a compose: 404 where no such object is;
- what is composed over an object has a generation of its own.

https://cloud.google.com/storage/docs/request-preconditions
"""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from urllib.parse import quote

import aiohttp
from aiohttp import web
from anyio.from_thread import start_blocking_portal
from yarl import URL

_OF_THE_CONNECTION = {"Connection", "Content-Length", "Date", "Transfer-Encoding"}
_LARGEST = 64 << 20


class StrictGcs:
    """Answers for the server at *endpoint*."""

    def __init__(self, endpoint: str, session: aiohttp.ClientSession) -> None:
        self._endpoint = endpoint
        self._session = session
        self._writing = asyncio.Lock()

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        if request.method == "GET":
            answer = await self._forward(request, body)
            seen = answer.headers.get("X-Goog-Generation")
            return (seen and _unless(request, "ifGenerationMatch", seen)) or answer
        async with self._writing:
            if request.method == "DELETE":
                return await self._delete(request)
            if request.path.endswith("/compose"):
                return await self._compose(request, body)
            if "/rewriteTo/" in request.path:
                return await self._rewrite(request)
            return await self._forward(request, body)

    async def _delete(self, request: web.Request) -> web.Response:
        held = await self._generation(request.rel_url.raw_path)
        refusal = None if held == "0" else _unless(request, "ifGenerationMatch", held)
        return refusal or await self._forward(request, b"")

    async def _rewrite(self, request: web.Request) -> web.Response:
        source, _, place = request.rel_url.raw_path.partition("/rewriteTo/")
        held = await self._generation(source)
        there = await self._generation(f"/storage/v1/{place}")
        refusal = None
        if held != "0":
            refusal = _unless(request, "ifSourceGenerationMatch", held)
            refusal = refusal or _unless(request, "ifGenerationMatch", there)
        return refusal or await self._forward(request, b"")

    async def _compose(self, request: web.Request, body: bytes) -> web.Response:
        """Compose beside the object, and rewrite that over it: so it has another generation."""
        path = request.rel_url.raw_path.removesuffix("/compose")
        objects = path.rpartition("/")[0]
        for source in json.loads(body)["sourceObjects"]:
            held = await self._generation(f"{objects}/{quote(source['name'], safe='')}")
            if held != source["generation"]:
                return web.Response(status=404, text="No such object")
        refusal = _unless(request, "ifGenerationMatch", await self._generation(path))
        if refusal is not None:
            return refusal
        beside = f"{path}.composed"
        await self._call("POST", f"{beside}/compose", body)
        place = path.removeprefix("/storage/v1/")
        rewritten = await self._call("POST", f"{beside}/rewriteTo/{place}")
        await self._call("DELETE", beside)
        return web.json_response(rewritten["resource"])

    async def _generation(self, path: str) -> str:
        return str((await self._call("GET", path)).get("generation", "0"))

    async def _call(self, method: str, path: str, body: bytes = b"") -> dict[str, Any]:
        url = URL(self._endpoint + path, encoded=True)
        async with self._session.request(method, url, data=body) as answer:
            found = json.loads(await answer.read())
        return found if isinstance(found, dict) else {}

    async def _forward(self, request: web.Request, body: bytes) -> web.Response:
        url = URL(self._endpoint + request.raw_path, encoded=True)
        headers = {name: value for name, value in request.headers.items() if name != "Host"}
        async with self._session.request(
            request.method, url, data=io.BytesIO(body), headers=headers
        ) as answer:
            kept = {
                name: value
                for name, value in answer.headers.items()
                if name not in _OF_THE_CONNECTION
            }
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)


def _unless(request: web.Request, condition: str, generation: str) -> web.Response | None:
    """Return the refusal of a request whose *condition* does not hold of *generation*."""
    wanted = request.query.get(condition)
    return None if wanted in {None, generation} else web.Response(status=412)


@contextmanager
def strict_gcs(endpoint: str) -> Iterator[str]:
    """Run one before the server at *endpoint*, in a thread; yield where it listens."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(_listening(endpoint)) as own,
    ):
        yield own


@asynccontextmanager
async def _listening(endpoint: str) -> AsyncIterator[str]:
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        app = web.Application(client_max_size=_LARGEST)
        app.router.add_route("*", "/{path:.*}", StrictGcs(endpoint, session).handle)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0]
        yield f"http://{host}:{port}"
        await runner.cleanup()
