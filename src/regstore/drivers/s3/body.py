"""The body of an object as it comes."""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from regstore.driver import CHUNK_SIZE, FileInfo
from regstore.drivers.objects.port import ObjectBody
from regstore.drivers.s3.errors import Call, translate
from regstore.errors import IncompleteReadError

CHUNK = CHUNK_SIZE
"""Bytes that are gathered before they are handed on: the connection gives 64 KiB or less at a time,
and each hand-over costs more than the copy."""


class S3Body(ObjectBody):
    """One answer to GetObject.

    :param stream: botocore's ``Body``.
    :param length: bytes that were announced; ``None`` where the server did not say.
    """

    def __init__(self, info: FileInfo, stream: Any, length: int | None, call: Call) -> None:  # noqa: ANN401 - botocore has no types
        self.info = info
        self._stream = stream
        self._length = length
        self._call = call
        self._received = 0
        self._ended = False

    @override
    async def read(self) -> bytes:
        pieces: list[bytes] = []
        gathered = 0
        while gathered < CHUNK and not self._ended:
            piece = await self._next(CHUNK - gathered)
            self._ended = not piece
            pieces.append(piece)
            gathered += len(piece)
        self._received += gathered
        if self._ended:
            self._check_length()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def _next(self, most: int) -> bytes:
        try:
            piece: bytes = await self._stream.read(most)
        except Exception as error:
            raise translate(error, self._call) from error
        return piece

    def _check_length(self) -> None:
        if self._length is not None and self._received != self._length:
            detail = f"{self._received} of {self._length} bytes"
            raise IncompleteReadError(self._call.path, self._call.driver, detail)

    @override
    async def aclose(self) -> None:
        """Return the connection for reuse where all has come; else close it."""
        self._ended = True
        self._length = None
        self._stream.close()
