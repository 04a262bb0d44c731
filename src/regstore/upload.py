"""One blob upload: begun in one process, continued in another, visible only once it is verified.

What a store holds of an upload, and in which order it appears::

    startedat      first, and the first to go: without it there is no such upload
    data           what was parked, owned by the driver (:class:`~regstore.driver.FileWriter`)
    hashstates/    after the bytes that they cover, so that a state never promises missing bytes
    sealed         the whole, where it must be read again to be verified

A commit gives the content its place, then the repository its link, then removes the upload. One
that was interrupted between the first two is finished by whoever commits again: the newest hash
state proves that this upload had the content.
"""

from __future__ import annotations

import sys
from contextlib import aclosing, suppress
from functools import partial
from types import TracebackType
from typing import Final, NoReturn, Self

from regstore import content, hashstates
from regstore.chunks import Chunks, joined
from regstore.digest import Digest
from regstore.driver import IF_ABSENT, FileWriter
from regstore.errors import (
    BlobUnknownError,
    BlobUploadUnknownError,
    DriverError,
    PathExistsError,
    PathNotFoundError,
    PreconditionFailedError,
    RegistryError,
    RegstoreError,
    SizeInvalidError,
)
from regstore.events import Action
from regstore.hashing import Hasher
from regstore.oci import OCTET_STREAM, Descriptor
from regstore.scope import Scope
from regstore.upload_place import UploadPlace

OFFLOAD_BYTES: Final = 64 << 10
"""Chunks larger than this are hashed where they hold up nobody else."""
JOIN_BYTES: Final = 256 << 10
"""Chunks of a received body are joined to at least this size before they are written."""

Buffer = bytes | bytearray | memoryview


class AsyncUpload:
    """One upload of one blob; belongs to one caller at a time.

    Leaving ``async with`` without :meth:`commit` or :meth:`cancel` parks it, so that any process
    can go on with :meth:`AsyncUploads.resume`.

    :ivar id: what :meth:`AsyncUploads.resume` takes.
    """

    def __init__(
        self, scope: Scope, upload_id: str, hasher: Hasher | None = None, size: int | None = None
    ) -> None:
        self.id = upload_id
        self._scope = scope
        self._driver = scope.driver
        self._place = UploadPlace(scope, upload_id)
        self._expected_size = size
        self._hasher = hasher
        self._is_new = hasher is not None
        self._offset: int | None = 0 if self._is_new else None
        self._saved_at: int | None = None
        self._writer: FileWriter | None = None
        self._sealed: str | None = None
        self._published: Digest | None = None
        self._is_over = False

    @property
    def offset(self) -> int:
        """Bytes taken so far, as last known here.

        :raises BlobUploadInvalidError: nothing is known yet: await :meth:`status` first.
        """
        if self._offset is None:
            raise self._place.invalid("its offset has not been read yet: await status() first")
        return self._offset

    async def status(self) -> int:
        """Return where the upload stands, in bytes; read from the store if not known here.

        Over drivers with ``fenced_writers``, to look is to take over: another writer of this upload
        is refused from then on.

        :raises BlobUploadUnknownError: there is no such upload.
        :raises ReadOnlyError: the registry was opened read-only.
        """
        if self._offset is None:
            await self._open()
            await self.park()
        return self.offset

    async def write(self, chunk: Buffer, offset: int | None = None) -> None:
        """Take *chunk* at *offset*, by default where the upload stands.

        Acknowledged bytes are durable only after :meth:`park` or :meth:`commit`. A write that was
        cancelled, as by a timeout, may have been taken all the same: give *offset* when repeating.

        :raises UploadOffsetError: the upload stands elsewhere; the error says where.
        :raises SizeInvalidError: more bytes than the size given at the start.
        :raises BlobUploadUnknownError: there is no such upload.
        :raises PreconditionFailedError: another writer has gone on with it.
        :raises NoSpaceError: the store is full.
        """
        writer = await self._open()
        if offset is not None and offset != self.offset:
            raise self._place.misplaced(self.offset, offset)
        if writer is None:
            raise self._place.invalid("its content is complete: commit or cancel it")
        data = _as_bytes(chunk)
        self._check_room(len(data))
        try:
            await self._take(writer, data)
        finally:
            self._offset = writer.size

    async def receive(
        self, chunks: Chunks, offset: int | None = None, size: int | None = None
    ) -> None:
        """Take the body of one request at *offset*, by default where the upload stands.

        Small chunks are joined, so that a body costs few writes. Where *chunks* raises, what came
        before is taken all the same. An empty body at no *offset* asks nothing of the store.

        :param size: bytes that the sender announced for this body; no more are taken.
        :raises SizeInvalidError: there were fewer, or more; what was taken stays.
        :raises UploadOffsetError: the upload stands elsewhere; *chunks* was not touched.

        Also what :meth:`write` and *chunks* raise.
        """
        if offset is not None:
            await self.write(b"", offset)
        taken = 0
        async with aclosing(joined(chunks, JOIN_BYTES)) as pieces:
            async for piece in pieces:
                taken += len(piece)
                if size is not None and taken > size:
                    break
                await self.write(piece)
        if size is not None and taken != size:
            msg = f"the body has {taken} bytes, not the {size} announced: go on from the offset"
            raise SizeInvalidError(msg, expected=size, actual=taken)

    async def digest(self) -> Digest:
        """Return the digest of what was taken so far, in the algorithm that is tracked.

        :raises BlobUploadInvalidError: no saved state covers what was taken before: commit with
            the digest that the client gives.
        """
        await self._open()
        if self._hasher is None:
            raise self._place.invalid(
                "not all of it was hashed here: commit it with the digest that the client gives"
            )
        return self._hasher.digest()

    async def park(self) -> None:
        """Make what was taken durable and let go, for whoever resumes it.

        :raises BlobUploadUnknownError: it was cancelled or purged meanwhile.
        """
        if self._is_over or (self._writer is None and self._hasher is None):
            return
        if self._writer is not None:
            await self._writer.park()
            self._writer = None
        await self._save_state()
        self._is_new = False
        try:
            await self._place.require_started()
        except BlobUploadUnknownError:
            await self._give_up()
            raise

    async def commit(self, digest: str, size: int | None = None) -> Descriptor:
        """Verify what was taken, and make it a blob of this repository.

        Idempotent: where the upload is gone but the blob is there, it was committed before.
        Content of another digest or size is discarded, and the upload with it.

        :param size: bytes, where the client told.
        :raises DigestInvalidError: the content has another digest, or *digest* is malformed.
        :raises SizeInvalidError: the content has another size.
        :raises BlobUploadUnknownError: there is no such upload, and no such blob.
        :raises PreconditionFailedError: another writer has gone on with it.
        """
        wanted = Digest(digest)
        try:
            await self._verify(wanted, size)
            await self._publish(wanted)
        except (BlobUploadUnknownError, PathNotFoundError, PreconditionFailedError) as error:
            return await self._committed_elsewhere(wanted, error)
        return Descriptor(OCTET_STREAM, wanted, self.offset)

    async def cancel(self) -> None:
        """Discard the upload. Harmless when it is over for this caller.

        :raises BlobUploadUnknownError: there is no such upload.
        """
        await self._scope.writing()
        if self._is_over:
            return
        try:
            await self._place.require_started()
        except BlobUploadUnknownError:
            await self._give_up()
            raise
        await self._discard()
        self._scope.tell(Action.UPLOAD_CANCELLED, upload_id=self.id)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self._scope.runtime.shield(self._leave())
        except RegstoreError as failure:
            if error is None:
                raise
            error.add_note(f"and the upload could not be parked: {failure}")

    async def _leave(self) -> None:
        try:
            await self.park()
        except PreconditionFailedError:
            await self._release()
            raise

    async def _release(self) -> None:
        """Let go of a writer that was overtaken: it holds nothing that anybody needs."""
        writer, self._writer = self._writer, None
        if writer is not None:
            with suppress(DriverError):
                await writer.cancel()

    async def _open(self) -> FileWriter | None:
        """Open the writer where this caller left it; ``None`` where the content is complete."""
        if self._is_over:
            raise self._place.unknown()
        if self._writer is None and self._sealed is None and self._published is None:
            await self._scope.writing()
            if not self._is_new:
                await self._place.require_started()
            await self._continue()
        return self._writer

    async def _continue(self) -> None:
        try:
            self._writer = await self._driver.writer(self._place.data, append=True)
        except PathNotFoundError:
            await self._begin()
        except PathExistsError:  # other software wrote it in place, and this driver would not
            await self._rest_on(self._place.data)
        if self._writer is not None:
            self._offset = self._writer.size
            if self._hasher is None or self._hasher.size != self._offset:
                self._hasher = await hashstates.load(
                    self._driver, self._place.directory, self._offset
                )
                self._saved_at = self._offset

    async def _begin(self) -> None:
        """Begin with nothing, unless there was something already."""
        if not self._is_new:
            with suppress(PathNotFoundError):
                await self._rest_on(self._place.sealed)
                return
        if await hashstates.cover_bytes(self._driver, self._place.directory):
            await self._go_on_with_others()
            return
        if self._is_new or not self._driver.capabilities.conditional_create:
            self._writer = await self._driver.writer(self._place.data)
        else:  # so that what another process begins and parks meanwhile is not discarded
            with suppress(PathExistsError):
                await self._driver.put_content(self._place.data, b"", IF_ABSENT)
            await self._go_on_with_others()
        if self._is_new:
            return
        try:
            await self._place.require_started()
        except BlobUploadUnknownError:
            await self._discard()
            raise

    async def _go_on_with_others(self) -> None:
        """Open what somebody began after the first look, unless a commit has taken it."""
        try:
            self._writer = await self._driver.writer(self._place.data, append=True)
        except PathNotFoundError:
            raise self._place.unknown() from None

    async def _rest_on(self, path: str) -> None:
        """Take the object at *path* for the whole content."""
        self._offset = (await self._driver.stat(path)).size
        self._sealed = path

    async def _take(self, writer: FileWriter, data: bytes | bytearray | memoryview) -> None:
        hasher, self._hasher = self._hasher, None
        if hasher is None:
            await writer.write(data)
        elif len(data) > OFFLOAD_BYTES:
            hashing = self._scope.runtime.offload(partial(hasher.update, data))
            await self._scope.runtime.both(writer.write(data), hashing)
        else:
            await writer.write(data)
            hasher.update(data)
        self._hasher = hasher

    async def _save_state(self) -> None:
        hasher = self._hasher
        if hasher is not None and hasher.size != self._saved_at:
            if self._is_new and hasher.size:
                await hashstates.save(self._driver, self._place.directory, Hasher(hasher.algorithm))
            await hashstates.save(self._driver, self._place.directory, hasher)
        self._hasher = None

    async def _verify(self, wanted: Digest, size: int | None) -> None:
        await self._open()
        if self._published is not None:
            if self._published != wanted:
                raise self._place.wrong_digest(wanted, self._published)
            return
        expected = self._expected_size if size is None else size
        if expected is not None and expected != self.offset:
            await self._refuse(self._place.wrong_size(expected, self.offset))
        actual = await self._digest(wanted.algorithm)
        if actual != wanted:
            await self._refuse(self._place.wrong_digest(wanted, actual))

    async def _digest(self, algorithm: str) -> Digest:
        """Return the digest of what was taken, reading only what no saved state covers."""
        if self._hasher is not None and self._hasher.algorithm == algorithm:
            return self._hasher.digest()
        sealed = await self._seal()
        hasher = await hashstates.nearest(
            self._driver, self._place.directory, algorithm, self.offset
        )
        async with await self._driver.reader(sealed, hasher.size, must_exist=True) as reader:
            async for chunk in reader:
                await self._scope.runtime.offload(partial(hasher.update, chunk))
        await hashstates.save(
            self._driver, self._place.directory, hasher
        )  # so that a commit can be finished
        return hasher.digest()

    async def _seal(self) -> str:
        """Put the content where nobody appends to it while it is read."""
        if self._writer is not None:
            sealed = self._place.sealed
            await self._writer.commit(to=sealed)
            self._writer, self._sealed = None, sealed
        return self._sealed or self._place.data

    async def _publish(self, digest: Digest) -> None:
        if self._published is None:
            if self._writer is not None:
                await content.publish(self._scope, self._writer, digest)
            elif self._sealed is not None:
                await content.adopt(self._scope, self._sealed, digest)
            self._writer, self._published = None, digest
        await content.check_size(self._scope, digest, self.offset)
        await content.link_layer(self._scope, digest)
        await self._end()
        size = self.offset
        self._scope.tell(Action.BLOB_PUSHED, digest=digest, size=size, upload_id=self.id)

    async def _refuse(self, error: RegistryError) -> NoReturn:
        """Raise *error* and leave no litter, where the upload still is this caller's."""
        await self._place.require_started()
        await self._discard()
        raise error

    async def _committed_elsewhere(self, wanted: Digest, error: RegstoreError) -> Descriptor:
        """Answer for a commit whose upload somebody else has committed, cancelled or continued."""
        found = await self._find_committed(wanted) or await self._find_ended(wanted, error)
        await self._release()
        self._offset = found.size
        await self._end()
        return found

    async def _find_ended(self, wanted: Digest, error: RegstoreError) -> Descriptor:
        """Look once more where the upload has ended meanwhile: its blob was there before that."""
        try:
            await self._place.require_started()
        except BlobUploadUnknownError as unknown:
            if found := await self._find_committed(wanted):
                return found
            error = unknown
        if isinstance(error, BlobUploadUnknownError):
            await self._give_up()
        raise error

    async def _find_committed(self, wanted: Digest) -> Descriptor | None:
        with suppress(BlobUnknownError):
            return await content.describe(self._scope, wanted)
        hasher = await hashstates.nearest(
            self._driver, self._place.directory, wanted.algorithm, sys.maxsize
        )
        if hasher.size and hasher.digest() == wanted:
            with suppress(BlobUnknownError):
                if (await content.stat_data(self._scope, wanted)).size == hasher.size:
                    await content.link_layer(self._scope, wanted)
                    return Descriptor(OCTET_STREAM, wanted, hasher.size)
        return None

    async def _discard(self) -> None:
        writer = self._writer
        if writer is None and self._sealed is None and self._published is None:
            writer = await self._parked_writer()
        if writer is not None:
            await writer.cancel()
            self._writer = None
        await self._place.remove()
        self._is_over = True

    async def _parked_writer(self) -> FileWriter | None:
        try:
            return await self._driver.writer(self._place.data, append=True)
        except (PathNotFoundError, PathExistsError):
            return None

    async def _give_up(self) -> None:
        self._is_over = True
        await self._place.sweep()

    async def _end(self) -> None:
        self._is_over = True
        await self._scope.runtime.shield(self._tidy_up())

    async def _tidy_up(self) -> None:
        with suppress(DriverError):  # the blob is safe; what is left of the upload is for purge
            await self._place.remove_start()
        await self._place.sweep()

    def _check_room(self, more: int) -> None:
        if self._expected_size is not None and self.offset + more > self._expected_size:
            raise self._place.wrong_size(self._expected_size, self.offset + more)


def _as_bytes(chunk: Buffer) -> Buffer:
    """Return *chunk* with one item per byte."""
    if isinstance(chunk, memoryview):
        return chunk.cast("B") if chunk.c_contiguous else chunk.tobytes()
    return chunk
