"""The HTTP client below botocore: sends nothing twice that is not harmless twice."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
from aiobotocore.httpsession import AIOHTTPSession
from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import BytesPayload
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError
from typing_extensions import override

_PIECE = 256 << 10
_READ_AHEAD = 512 << 10
"""Bytes that a connection may be ahead of its reader before it is told to wait."""
_HARMLESS = frozenset({"GET", "HEAD"})


class CarefulSession(AIOHTTPSession):  # type: ignore[misc]
    """Sends a request again when a connection breaks before the answer, but only a read.

    A server closes idle connections whenever it likes, also while a request is on its way. aiohttp
    repeats GET, HEAD, PUT and DELETE then. But what the server has carried out before it hung up
    must not be repeated: a PUT with ``If-None-Match`` would fail because of itself.
    """

    @override
    async def _get_session(self, proxy_url: str | None) -> aiohttp.ClientSession:
        session: aiohttp.ClientSession = await super()._get_session(proxy_url)
        session._retry_connection = False  # noqa: SLF001 - the switch of aiohttp's own tests
        session._read_bufsize = _READ_AHEAD  # noqa: SLF001 - botocore offers no way to give it
        return session

    @override
    async def send(self, request: Any) -> Any:
        with _in_pieces(request):
            try:
                return await super().send(request)
            except (ConnectionClosedError, EndpointConnectionError) as error:
                if never_connected(error) or request.method not in _HARMLESS:
                    raise
            return await super().send(request)


def never_connected(error: EndpointConnectionError | ConnectionClosedError) -> bool:
    """Tell whether *error* says that no connection was made, so that nothing was sent.

    aiobotocore gives a connection that broke while the request was sent the same name.
    """
    return isinstance(error.kwargs.get("error"), aiohttp.ClientConnectorError)


@contextmanager
def _in_pieces(request: Any) -> Iterator[None]:  # noqa: ANN401 - botocore has no types
    """Let a body go out at once, as the connection takes it.

    Nobody waits for "100 Continue", which costs a round trip for each write; and nothing is read in
    a thread or copied, as the file that botocore has made of the body would be.
    """
    body = request.body
    request.headers.pop("Expect", None)
    if isinstance(body, io.BytesIO):
        data = body.getvalue()
        request.body = _Pieces(data) if len(data) > _PIECE else data
    try:
        yield
    finally:
        request.body = body


class _Pieces(BytesPayload):
    """A body in memory, written piece by piece."""

    def __init__(self, body: bytes) -> None:
        # As nothing: the base class warns of large ones, which it would write at once.
        super().__init__(b"")
        self._value = body
        self._size = len(body)

    @override
    async def write_with_length(
        self, writer: AbstractStreamWriter, content_length: int | None
    ) -> None:
        body = memoryview(self._value)[:content_length]
        for start in range(0, len(body), _PIECE):
            await writer.write(body[start : start + _PIECE])

    @override
    async def write(self, writer: AbstractStreamWriter) -> None:
        await self.write_with_length(writer, None)
