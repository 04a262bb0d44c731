"""Bytes that come again, since the answer to the request that brought them was lost."""

from __future__ import annotations

from functools import partial
from typing import Final

from regstore.driver import StorageDriver
from regstore.errors import PathNotFoundError, RegstoreError
from regstore.hashing import Hasher
from regstore.scope import Scope
from regstore.upload_content import OFFLOAD_BYTES, UploadContent
from regstore.upload_place import UploadPlace

READ_BACK_BYTES: Final = 64 << 20
"""Bytes that were taken are read again to compare up to so many."""


class Resend:
    """Compares what comes with what was taken from *offset* on.

    By reading, where what is parked can be read; else by its hash, where the states at both ends
    are known: at 0, at the end, and where requests have ended, as far as that was saved.

    :param stands: where the upload stands, behind *offset*.
    :param hasher: of the first *offset* bytes; ``None`` where it is compared by reading.
    """

    def __init__(
        self,
        scope: Scope,
        place: UploadPlace,
        content: UploadContent,
        offset: int,
        stands: int,
        hasher: Hasher | None,
    ) -> None:
        self._scope = scope
        self._place = place
        self._content = content
        self._offset = offset
        self._stands = stands
        self._position = offset
        self._hasher = hasher

    @classmethod
    async def begin(
        cls, scope: Scope, place: UploadPlace, content: UploadContent, offset: int, stands: int
    ) -> Resend:
        """Return what compares.

        :raises UploadOffsetError: nobody can tell what was taken from there on.
        """
        can_read = stands - offset <= READ_BACK_BYTES and await _is_readable(
            scope.driver, place.data
        )
        hasher = None if can_read else await content.hashed_at(offset)
        if hasher is None and not can_read:
            raise place.misplaced(stands, offset)
        return cls(scope, place, content, offset, stands, hasher)

    async def take(self, piece: bytes) -> bytes:
        """Compare the next bytes; return those that were not taken yet.

        :raises UploadOffsetError: others were taken; nothing of *piece* is.
        """
        if self._position == self._stands:
            return piece
        known = piece[: self._stands - self._position]
        if self._hasher is None:
            await self._read_back(known)
        elif len(known) > OFFLOAD_BYTES:
            await self._scope.runtime.offload(partial(self._hasher.update, known))
        else:
            self._hasher.update(known)
        self._position += len(known)
        if self._position == self._stands:
            await self._prove()
        return piece[len(known) :]

    async def end(self) -> None:
        """Compare what came where it has ended before what was taken does.

        :raises UploadOffsetError: others were taken, or nobody can tell.
        """
        if self._position < self._stands:
            await self._prove()

    async def _read_back(self, known: bytes) -> None:
        reader = await self._scope.driver.reader(self._place.data, self._position, len(known))
        async with reader:
            taken = b"".join([chunk async for chunk in reader])
        if taken != known:
            raise self._other()

    async def _prove(self) -> None:
        if self._hasher is None:
            return
        taken = await self._content.hashed_at(self._position)
        if taken is None or taken.digest() != self._hasher.digest():
            raise self._other()

    def _other(self) -> RegstoreError:
        return self._place.misplaced(self._stands, self._offset)


async def _is_readable(driver: StorageDriver, path: str) -> bool:
    if not driver.capabilities.uncommitted_visible:
        return False
    try:
        await driver.stat(path)
    except PathNotFoundError:
        return False
    return True
