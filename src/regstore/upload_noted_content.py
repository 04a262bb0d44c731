"""An upload's content where the driver keeps notes beside what it parks: the hash is such a note.

One record names the bytes and their hash, and is replaced at once.
"""

from __future__ import annotations

from typing_extensions import override

from regstore import hashstates, layout
from regstore.digest import Digest
from regstore.errors import PathExistsError
from regstore.hashing import Hasher
from regstore.upload_content import UploadContent


class NotedContent(UploadContent):
    """Keeps the state of the hash in the note beside what is parked."""

    _straight = False
    _opened: Hasher | None = None
    """Of the bytes that were there before this caller's."""
    _earlier: Hasher | None = None
    """Of those that were there before the last ones were parked."""

    @override
    async def open(self, at_least: int = 0) -> None:
        try:
            writer = await self._resumed(at_least, begin=True)
        except PathExistsError:  # other software has put it there, whole
            await self._rest_on(self._place.data)
            return
        if not self._is_new and not (writer.size or writer.note):
            await self._place.require_started()
        self.writer = writer
        self.stands_at(writer.size)
        if self._hasher is None or self._hasher.size != self.offset:
            self._hasher = hashstates.from_note(writer.note, writer.size)
        self._opened = self._hasher.copy() if self._hasher and self._hasher.size else None
        self._earlier = hashstates.earlier_in_note(writer.note)

    @override
    async def go_straight(self, digest: Digest) -> None:
        if self.writer is None or self.offset or self.writer.note:
            return
        await self.writer.cancel()
        path = layout.BlobData(digest).path
        self.writer = await self._driver.writer(self._place.data, destination=path)
        self._straight = True
        self._hasher = Hasher(digest.algorithm)

    @override
    async def leave_straight(self) -> None:
        if not self._straight or self.published is not None:
            return
        writer, self.writer, self._hasher = self.writer, None, None
        self._straight = False
        self.stands_at(0)
        if writer is not None:  # what it cannot remove now goes with the upload
            await writer.cancel()

    @override
    async def leave(self) -> None:
        if self._straight:
            await self.leave_straight()
        else:
            await super().leave()

    @override
    async def park(self) -> None:
        await self.leave_straight()
        hasher = self._hasher
        has_algorithm = hasher is not None and hasher.algorithm != hashstates.CANONICAL
        if self.writer is None and self._is_new and has_algorithm:
            await self.open()
        if self.sealed is not None:
            await self._unseal()
        writer = self.writer
        if writer is not None:
            if writer.size or has_algorithm:
                await writer.park(hashstates.to_note(hasher, self._before(hasher)))
            else:
                await writer.cancel()  # who has taken nothing leaves no trace
            self.writer, self._hasher = None, None
            self._is_new, self._is_unseen = False, True
        await self._see_start()

    def _before(self, hasher: Hasher | None) -> Hasher | None:
        """Return what was hashed before the last bytes that are parked with *hasher*."""
        opened = self._opened
        has_more = hasher is not None and opened is not None and opened.size < hasher.size
        return opened if has_more else self._earlier

    @override
    async def _saved_at_offset(self, algorithm: str, offset: int) -> Hasher | None:
        earlier = self._earlier
        is_it = earlier and (earlier.algorithm, earlier.size) == (algorithm, offset)
        return earlier.copy() if earlier and is_it else None

    async def _unseal(self) -> None:
        """Go on from what is parked, as it is before a commit seals it."""
        sealed, writer = self.sealed, self.writer
        if sealed == self._place.data or writer is None:
            return
        self.writer = await self._driver.writer(self._place.data, append=True, begin=True)
        if not self.writer.size:  # so small that it went there from memory
            async with await self._driver.reader(sealed or "", must_exist=True) as reader:
                async for chunk in reader:
                    await self.writer.write(chunk)
        self.stands_at(self.writer.size)

    @override
    async def find_hashed(self, algorithm: str) -> Hasher:
        return Hasher(algorithm)

    @override
    async def remember(self, hasher: Hasher) -> None:
        """Do nothing: the content stays parked until the commit has ended."""

    @override
    async def clear(self) -> None:
        if self.writer is not None and self.sealed is None:
            await self.writer.cancel()
        else:
            await self._place.sweep()
