"""An upload's content where the driver keeps no notes: the hash is a file of its own.

CNCF distribution has it so, too: either software goes on with the other's uploads.
"""

from __future__ import annotations

from contextlib import suppress

from typing_extensions import override

from regstore import hashstates
from regstore.digest import Digest
from regstore.errors import PathExistsError, PathNotFoundError
from regstore.hashing import Hasher
from regstore.scope import Scope
from regstore.upload_content import UploadContent
from regstore.upload_place import UploadPlace


class FiledContent(UploadContent):
    """Keeps the states of the hash as files beside the data, as CNCF distribution does."""

    def __init__(self, scope: Scope, place: UploadPlace, hasher: Hasher | None) -> None:
        super().__init__(scope, place, hasher)
        self._saved_at: int | None = None

    @override
    async def open(self, at_least: int = 0) -> None:
        if not self._is_new:
            await self._place.require_started()
        try:
            self.writer = await self._resumed(at_least)
        except PathNotFoundError:
            await self._begin()
        except PathExistsError:  # other software wrote it in place, and this driver would not
            await self._rest_on(self._place.data)
        if self.writer is not None:
            self.stands_at(self.writer.size)
            if self._hasher is None or self._hasher.size != self.offset:
                self._hasher = await hashstates.load(
                    self._driver, self._place.directory, self.writer.size
                )
                self._saved_at = self.writer.size

    @override
    async def go_straight(self, digest: Digest) -> None:
        """Do nothing: to give a file its place is a rename."""

    @override
    async def leave_straight(self) -> None:
        """Do nothing."""

    @override
    async def park(self) -> None:
        if self.writer is not None or self._hasher is not None:
            self._is_unseen = True
        if self.writer is not None:
            await self.writer.park()
            self.writer = None
        await self._save_state()
        self._is_new = False
        await self._see_start()

    @override
    async def find_hashed(self, algorithm: str) -> Hasher:
        size = self.offset or 0
        return await hashstates.nearest(self._driver, self._place.directory, algorithm, size)

    @override
    async def clear(self) -> None:
        await self._place.sweep()

    @override
    async def _saved_at_offset(self, algorithm: str, offset: int) -> Hasher | None:
        return await hashstates.at(self._driver, self._place.directory, algorithm, offset)

    @override
    async def remember(self, hasher: Hasher) -> None:
        await hashstates.save(self._driver, self._place.directory, hasher)

    async def _begin(self) -> None:
        """Begin with nothing, unless there was something already."""
        if not self._is_new:
            with suppress(PathNotFoundError):
                await self._rest_on(self._place.sealed)
                return
        had_bytes = await hashstates.cover_bytes(self._driver, self._place.directory)
        try:
            self.writer = await self._driver.writer(
                self._place.data, append=True, begin=not had_bytes
            )
        except PathNotFoundError:  # a commit has taken what somebody began after the first look
            self._note_taken()
            raise self._place.unknown() from None
        if not self._is_new and not had_bytes:
            await self._place.require_started()

    async def _save_state(self) -> None:
        hasher = self._hasher
        if hasher is not None and hasher.size != self._saved_at:
            if self._is_new and hasher.size:
                await hashstates.save(self._driver, self._place.directory, Hasher(hasher.algorithm))
            await hashstates.save(self._driver, self._place.directory, hasher)
        self._hasher = None
