"""Bodies: blobs that go out, and what of a request nobody has read."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from examples import oci_http
from regstore import Digest
from regstore.blobs import AsyncBlobReader, AsyncBlobs

PIECE_BYTES = 128 << 10


class BlobResponse(Response):
    """Sends one blob, or the range of it that *wanted* names.

    A whole blob that lies in a file is left to the server, where it takes ASGI's
    ``http.response.pathsend``: no byte of it passes through Python.
    """

    def __init__(self, blobs: AsyncBlobs, digest: Digest, wanted: str | None) -> None:
        self._blobs = blobs
        self._digest = digest
        self._wanted = wanted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; what is missing raises before anything is sent."""
        if self._wanted is not None:
            found = await self._blobs.stat(self._digest)
            part = oci_http.byte_range(self._wanted, found.size)
            if part is not None:
                await self._send_part(part, found.size, scope, receive, send)
                return
        async with self._blobs.open(self._digest) as reader:
            path = await reader.local_file()
            if path is None or "http.response.pathsend" not in scope.get("extensions", {}):
                await _stream(reader, 200, {}, scope, receive, send)
            else:
                head = Response(headers=oci_http.content_headers(reader.descriptor))
                await send(
                    {"type": "http.response.start", "status": 200, "headers": head.raw_headers}
                )
                await send({"type": "http.response.pathsend", "path": str(path)})

    async def _send_part(
        self, part: tuple[int, int], size: int, scope: Scope, receive: Receive, send: Send
    ) -> None:
        start, stop = part
        async with self._blobs.open(self._digest, start, stop - start) as reader:
            headers = oci_http.range_headers(start, stop, size)
            await _stream(reader, 206, headers, scope, receive, send)


async def _stream(
    reader: AsyncBlobReader,
    status: int,
    headers: dict[str, str],
    scope: Scope,
    receive: Receive,
    send: Send,
) -> None:
    headers = oci_http.content_headers(reader.descriptor) | headers
    await StreamingResponse(_pieces(reader), status, headers)(scope, receive, send)


async def _pieces(reader: AsyncBlobReader) -> AsyncIterator[bytes]:
    """Cut chunks up: servers keep several pieces for a client that is slow to read them."""
    async for chunk in reader:
        for start in range(0, len(chunk), PIECE_BYTES):
            yield chunk[start : start + PIECE_BYTES]


class Drained:
    """Reads what a handler leaves of a request's body, up to a bound, before it is answered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope.get("method") not in {"POST", "PUT", "PATCH"}:
            await self._app(scope, receive, send)
            return
        left, more = oci_http.DRAINED_BYTES, True

        async def receiving() -> Message:
            nonlocal left, more
            message = await receive()
            more = message.get("more_body", False)
            return message

        async def sending(message: Message) -> None:
            nonlocal left
            while message["type"] == "http.response.start" and more and left > 0:
                left -= len((await receiving()).get("body", b""))
            await send(message)

        await self._app(scope, receiving, sending)
