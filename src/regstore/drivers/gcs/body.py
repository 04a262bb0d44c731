"""An open download of an object, or of a range of one."""

from __future__ import annotations

import aiohttp
from typing_extensions import override

from regstore.driver import FileInfo
from regstore.drivers.gcs.calls import NAME, Call
from regstore.drivers.gcs.errors import WIRE_ERRORS, cut_off
from regstore.drivers.gcs.resources import from_headers
from regstore.drivers.objects.port import ObjectBody
from regstore.errors import DriverError, IncompleteReadError, PreconditionFailedError

CHUNK = 1 << 19
"""Bytes of a chunk, except of the last one."""
_PARTIAL = 206


class GcsBody(ObjectBody):
    """A download under way.

    :param length: bytes that the body must have.
    """

    def __init__(
        self, call: Call, response: aiohttp.ClientResponse, info: FileInfo, length: int
    ) -> None:
        self.info = info
        self._call = call
        self._response = response
        self._left = length

    @override
    async def read(self) -> bytes:
        pieces: list[bytes] = []
        wanted = min(CHUNK, self._left)
        try:
            while wanted:
                piece = await self._response.content.read(wanted)
                if not piece:
                    raise IncompleteReadError(self._call.key, NAME, f"{self._left} bytes short")
                pieces.append(piece)
                wanted -= len(piece)
                self._left -= len(piece)
            # What ends the body on the wire is read too, so that the connection is kept.
            if not pieces and await self._response.content.read(1):
                raise DriverError(self._call.key, NAME, "the body is longer than announced")
        except WIRE_ERRORS as error:
            if isinstance(error, DriverError):
                raise
            raise cut_off(self._call, error) from error
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    @override
    async def aclose(self) -> None:
        # Drops the connection, unless all was read: then it has been given back already.
        self._response.close()


def body_of(
    call: Call, response: aiohttp.ClientResponse, length: int | None, version: str | None
) -> GcsBody:
    """Return the body of *response*, which is left open; whoever asked closes it on an error.

    :param length: bytes asked for from ``call.start`` on; ``None`` is all.
    :param version: the one asked for.
    :raises PreconditionFailedError: it is another version.
    :raises TransientError: the headers do not tell what it is.
    :raises DriverError: the server gave another range.
    """
    info = from_headers(call.key, response.headers, response.status)
    if version is not None and info.version != version:
        raise PreconditionFailedError(call.key, NAME)
    if (response.status == _PARTIAL) != ("Range" in call.headers):
        raise DriverError(call.key, NAME, "the server gives no ranges of this object")
    rest = info.size - call.start
    return GcsBody(call, response, info, rest if length is None else min(length, rest))
