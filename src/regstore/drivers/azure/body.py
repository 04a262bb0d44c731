"""The body of one ranged request, streamed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from azure.core.rest import AsyncHttpResponse
from typing_extensions import override

from regstore.driver import FileInfo
from regstore.drivers.azure.errors import DRIVER
from regstore.drivers.azure.listing import parse_time
from regstore.drivers.azure.service import Service, quoted, translated, version_of
from regstore.drivers.objects.port import ObjectBody
from regstore.errors import (
    DriverError,
    IncompleteReadError,
    InvalidOffsetError,
    PreconditionFailedError,
)

CHUNK_SIZE: Final = 256 << 10
"""Bytes that a read gives at least, but for the last one."""
_PARTIAL: Final = 206


class BlobBody(ObjectBody):
    """Streams an answer to Get Blob as it comes, in chunks of 256 KiB and more.

    :param response: not yet read.
    """

    def __init__(self, key: str, response: AsyncHttpResponse) -> None:
        self.info: FileInfo = info_of(key, response)
        self._response = response
        self._chunks: AsyncIterator[bytes] = response.iter_raw()
        self._left = int(response.headers.get("Content-Length", "0"))
        self._ended = False

    @override
    async def read(self) -> bytes:
        chunks: list[bytes] = []
        size = 0
        with translated(self.info.path, writing=False):
            while size < CHUNK_SIZE and not self._ended:
                chunk = await anext(self._chunks, None)
                if chunk is None:
                    self._end(size)
                else:
                    chunks.append(chunk)
                    size += len(chunk)
        self._left -= size
        return b"".join(chunks)

    @override
    async def aclose(self) -> None:
        self._ended = True
        await self._response.close()

    def _end(self, size: int) -> None:
        self._ended = True
        if size < self._left:
            missing = self._left - size
            raise IncompleteReadError(self.info.path, DRIVER, f"{missing} bytes are missing")


async def open_body(
    service: Service, key: str, start: int, length: int | None, version: str | None
) -> BlobBody:
    """Open a range of a blob in one request; see :meth:`ObjectStore.open`."""
    headers = {"Accept-Encoding": "identity"}  # aiohttp would ask for what it must not unpack
    if version is not None:
        headers["If-Match"] = quoted(version)
    ranged = start > 0 or length is not None
    if ranged:
        last = "" if length is None else start + length - 1
        headers["x-ms-range"] = f"bytes={start}-{last}"

    def beyond(path: str, driver: str, detail: str) -> InvalidOffsetError:
        return InvalidOffsetError(path, start, driver, detail)

    try:
        response = await service.call(
            "GET", key, headers=headers, stream=True, codes={"InvalidRange": beyond}
        )
    except PreconditionFailedError:
        await service.call("HEAD", key)  # a missing blob has no version either, and comes first
        raise
    body = BlobBody(key, response)
    if ranged and (response.status_code != _PARTIAL or start >= body.info.size):
        await body.aclose()
        if start >= body.info.size:  # Azurite gives an empty body for start == size
            raise InvalidOffsetError(key, start, DRIVER, f"the blob ends at {body.info.size}")
        raise DriverError(key, DRIVER, "the service has ignored the range that was asked for")
    return body


def info_of(key: str, response: AsyncHttpResponse) -> FileInfo:
    """Describe the blob that an answer to Get Blob or Get Blob Properties is about."""
    headers = response.headers
    _, _, whole = headers.get("Content-Range", "").rpartition("/")
    size = int(whole or headers.get("Content-Length", "0"))
    return FileInfo(key, size, parse_time(headers.get("Last-Modified")), version_of(response))
