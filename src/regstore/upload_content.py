"""The bytes of one upload: where they are, how far they are hashed, how they become a blob.

There are two ways to keep the state of the hash between processes: ``upload_noted_content`` where
the driver keeps notes beside what it parks (``Capabilities.parked_notes``), and elsewhere
``upload_filed_content``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress
from functools import partial
from math import inf
from typing import Final

from regstore import content, hashstates
from regstore._protections import protections
from regstore.consistency.deadline import MOMENT, time_left
from regstore.digest import Digest
from regstore.driver import FileWriter
from regstore.errors import DriverError, NotYetVisibleError, PreconditionFailedError
from regstore.hashing import Hasher
from regstore.scope import Scope
from regstore.upload_place import UploadPlace

OFFLOAD_BYTES: Final = 64 << 10
"""Chunks larger than this are hashed where they hold up nobody else."""

Buffer = bytes | bytearray | memoryview


class UploadContent(ABC):
    """What was taken of one upload, by this caller and by those before it.

    :param hasher: of nothing yet, where this caller has just begun the upload.
    :ivar offset: bytes taken, ``None`` as long as that was not read.
    :ivar writer: open where more can be taken.
    :ivar sealed: where the whole lies when nothing more can be taken.
    :ivar published: what it has become.
    :ivar is_taken: a commit has taken it away that nobody else has ended.
    """

    def __init__(self, scope: Scope, place: UploadPlace, hasher: Hasher | None) -> None:
        self.offset: int | None = None if hasher is None else 0
        self.writer: FileWriter | None = None
        self.sealed: str | None = None
        self.published: Digest | None = None
        self.is_taken: bool = False
        self._scope = scope
        self._driver = scope.driver
        self._place = place
        self._hasher = hasher
        self._is_new = hasher is not None
        self._resumed_at = 0
        self._sure_at: float | None = None
        self._is_unseen = False  # whether it was parked, and its start was not seen since

    def _note_taken(self) -> None:
        """Note that a commit has taken it away; on a store that lags it may show yet."""
        self.is_taken = self._driver.capabilities.read_after_overwrite

    @property
    def may_be_behind(self) -> bool:
        """Whether others may have parked more than the store has shown when this was opened."""
        return self._sure_at is not None

    @property
    def is_open(self) -> bool:
        """Whether it is known where the bytes are."""
        return not (self.writer is None and self.sealed is None and self.published is None)

    @property
    def hashed(self) -> Digest | None:
        """The digest of what was taken, where all of it was hashed."""
        return None if self._hasher is None else self._hasher.digest()

    @abstractmethod
    async def open(self, at_least: int = 0) -> None:
        """Go on where the upload stands.

        :param at_least: bytes that were acknowledged, as somebody says: a store that may lag is
            waited for until it shows so many, or until it must have shown them.
        :raises BlobUploadUnknownError: there is no such upload.
        """

    @abstractmethod
    async def go_straight(self, digest: Digest) -> None:
        """Send what comes to the place of *digest* at once, where nothing was taken before.

        It cannot be parked then. Does nothing where that is no gain.
        """

    @abstractmethod
    async def leave_straight(self) -> None:
        """Begin again with nothing where :meth:`go_straight` has begun what nobody can go on with.

        Does nothing once it was published, and where it did not go straight.
        """

    @abstractmethod
    async def park(self) -> None:
        """Make what was taken durable and let go.

        :raises BlobUploadUnknownError: the upload was cancelled or purged meanwhile.
        """

    @abstractmethod
    async def find_hashed(self, algorithm: str) -> Hasher:
        """Return a hasher of the longest known beginning of the content."""

    async def hashed_at(self, offset: int) -> Hasher | None:
        """Return a hasher of the first *offset* bytes, where a saved state tells it."""
        hasher = self._hasher
        if hasher is None:
            return None
        if offset in {0, hasher.size}:
            return hasher.copy() if offset else Hasher(hasher.algorithm)
        return await self._saved_at_offset(hasher.algorithm, offset)

    @abstractmethod
    async def _saved_at_offset(self, algorithm: str, offset: int) -> Hasher | None:
        """Return a hasher of as many bytes as some request before has ended with."""

    @abstractmethod
    async def remember(self, hasher: Hasher) -> None:
        """Save what was hashed of sealed content, so that a commit can be finished."""

    @abstractmethod
    async def clear(self) -> None:
        """Remove what is left of a committed upload, once nobody can find it any more."""

    async def catch_up(self) -> bool:
        """Go on from what the store shows once it must show all that others had parked.

        Waits for that; not where it cannot help: nobody knows how far the store lags, or bytes of
        this caller came after what it has shown.

        :returns: whether it was looked again.
        :raises NotYetVisibleError: the caller has no time to wait.
        """
        writer, sure_at = self.writer, self._sure_at
        if writer is None or sure_at is None or sure_at == inf or self.offset != self._resumed_at:
            return False
        runtime = self._scope.runtime
        seconds = max(0.0, sure_at - runtime.monotonic()) + MOMENT
        left = time_left(runtime)
        if left is not None and left < seconds:
            detail = f"whether others have taken more of it shows in {seconds:.3g} s: try again"
            raise NotYetVisibleError(self._place.data, self._driver.name, detail)
        await self.leave()
        await runtime.sleep(seconds)
        await self.open()
        self._sure_at = None
        return True

    async def _resumed(self, at_least: int, *, begin: bool = False) -> FileWriter:
        """Go on with what is parked, and note until when it may be more than is shown."""
        resume = partial(self._driver.writer, self._place.data, append=True, begin=begin)
        capabilities, asked_at = self._driver.capabilities, self._scope.runtime.monotonic()
        if self._is_new or capabilities.read_after_overwrite:
            return await resume()
        try:
            writer = await resume(at_least=at_least)
        except NotYetVisibleError:  # so many were never taken, as far as can be told
            writer = await resume()
        bound = capabilities.staleness_bound
        self._sure_at = asked_at + (inf if bound is None else bound)
        self._resumed_at = writer.size
        return writer

    def stands_at(self, offset: int) -> None:
        """Note how many bytes were taken, and that more can be."""
        self.offset, self.sealed = offset, None

    async def take(self, writer: FileWriter, data: Buffer) -> None:
        """Add *data*, and hash it at the same time."""
        hasher, self._hasher = self._hasher, None
        try:
            if hasher is None:
                await writer.write(data)
            elif len(data) > OFFLOAD_BYTES:
                hashing = self._scope.runtime.offload(partial(hasher.update, data))
                await self._scope.runtime.both(writer.write(data), hashing)
            else:
                await writer.write(data)
                hasher.update(data)
        finally:
            self.offset = writer.size
        self._hasher = hasher

    async def digest(self, algorithm: str) -> Digest:
        """Return the digest of what was taken, reading only what no saved state covers."""
        if self._hasher is not None and self._hasher.algorithm == algorithm:
            return self._hasher.digest()
        sealed = await self._seal()
        hasher = await self.find_hashed(algorithm)
        async with await self._driver.reader(sealed, hasher.size, must_exist=True) as reader:
            async for chunk in reader:
                await self._scope.runtime.offload(partial(hasher.update, chunk))
        await self.remember(hasher)
        return hasher.digest()

    async def publish(self, digest: Digest) -> None:
        """Give the content, which has *digest*, its place, and see that it is whole there."""
        size, version = self.offset or 0, None
        if self.published is None:
            if self.sealed is not None:
                await content.adopt(self._scope, self.sealed, digest)
            elif self.writer is not None:
                version = await content.publish(self._scope, self.writer, digest)
            self.published = digest
        if version is None and protections().size_check:
            await content.check_size(self._scope, digest, size)

    async def discard(self) -> None:
        """Remove the upload, also what others have parked in it."""
        if protections().startedat_first:
            await self._place.remove_start()
        if self.writer is not None:
            await self.writer.cancel()
            self.writer = None
        await self._place.remove_rest()

    async def release(self) -> None:
        """Let go of a writer that was overtaken: it holds nothing that anybody needs."""
        writer, self.writer = self.writer, None
        if writer is not None:
            with suppress(DriverError):
                await writer.cancel()

    async def leave(self) -> None:
        """Let go, and take nothing of what was parked: what came after that is parked, too.

        To cancel would remove what this caller went on from, unless others have gone on from it.
        """
        writer, added = self.writer, self.offset != self._resumed_at
        if self.sealed is not None:  # it was kept parked meanwhile
            self.writer = self.sealed = None
            return
        if writer is None or not writer.size:
            await self.release()
            return
        note = hashstates.to_note(self._hasher) if added else writer.note
        try:
            await writer.park(note if self._driver.capabilities.parked_notes else b"")
        except PreconditionFailedError:
            await self.release()
        self.writer = None

    async def _see_start(self) -> None:
        """Look whether the upload still is there, where nobody has since it was parked."""
        if self._is_unseen:
            await self._place.recheck_started()
            self._is_unseen = False

    async def _seal(self) -> str:
        """Put the content where nobody appends to it while it is read."""
        if self.sealed is None and self.writer is not None:
            sealed = self._place.sealed
            await self.writer.commit(to=sealed, keep_parked=True)
            self.sealed = sealed
        return self.sealed or self._place.data

    async def _rest_on(self, path: str) -> None:
        """Take the object at *path* for the whole content."""
        self.offset = (await self._driver.stat(path)).size
        self.sealed = path
