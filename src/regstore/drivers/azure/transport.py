"""How requests reach Azure: over aiohttp, each once."""

from __future__ import annotations

import io
from typing import Any, Final

import aiohttp
from azure.core.pipeline.transport._aiohttp import AioHttpTransport  # with its types
from azure.core.rest import HttpRequest
from typing_extensions import override

BLOCK_SIZE: Final = 1 << 20
"""Bytes that are taken off a connection at a time, at most."""
_BUFFER: Final = 512 << 10
_LARGE_BODY: Final = 64 << 10
_KEPT_SECONDS: Final = 3.0
"""How long an idle connection is kept: less than any server does, since a write that meets one
which the server is closing is lost, and is not sent again. Azurite closes after 5 seconds."""
_READING: Final = {"GET", "HEAD"}


class OnceTransport(AioHttpTransport):
    """Sends each request that may change something once; made in the running loop.

    aiohttp sends every idempotent request again where a kept connection turns out to be broken
    (``ClientSession._request``), and counts PUT and DELETE with them. A conditional write is none:
    the second one would find what the first has done. So writes go through a session of their own
    for which that is switched off; both share their connections.
    """

    def __init__(self, *, connect_seconds: float, read_seconds: float) -> None:
        # How many connections there may be is for wrappers to say.
        self.connector: aiohttp.TCPConnector = aiohttp.TCPConnector(
            limit=0, keepalive_timeout=_KEPT_SECONDS
        )
        config: dict[str, Any] = {
            "connection_timeout": connect_seconds,
            "read_timeout": read_seconds,
            "connection_data_block_size": BLOCK_SIZE,
        }
        writing = self._session(owner=True)
        writing._retry_connection = False  # noqa: SLF001 - aiohttp has no public switch
        super().__init__(session=writing, **config)
        self._reading = AioHttpTransport(session=self._session(owner=False), **config)

    def _session(self, *, owner: bool) -> aiohttp.ClientSession:
        """As azure-core makes its own, but for the size of the buffer."""
        return aiohttp.ClientSession(
            connector=self.connector,
            connector_owner=owner,
            trust_env=True,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            read_bufsize=_BUFFER,
        )

    @override
    async def send(self, request: Any, **config: Any) -> Any:
        if request.method in _READING:
            return await self._reading.send(request, **config)
        return await super().send(request, **config)

    @override
    async def close(self) -> None:
        await self._reading.close()  # type: ignore[no-untyped-call]
        await super().close()  # type: ignore[no-untyped-call]

    def abandon(self) -> None:
        """Forget the connections of a loop that is closed, or of a process that forked this one."""
        for session in (self.session, self._reading.session):
            if session is not None:
                session.detach()

    def _get_request_data(self, request: HttpRequest) -> object:
        """Give aiohttp a stream, which it sends in pieces: a large body would hold up the loop."""
        data: object = super()._get_request_data(request)  # type: ignore[no-untyped-call]
        if isinstance(data, bytes) and len(data) > _LARGE_BODY:
            return io.BytesIO(data)
        return data
