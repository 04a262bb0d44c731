"""One blob upload: begun in one process, continued in another, visible only once it is verified.

What a store holds of an upload, and in which order it appears::

    startedat      first, and the first to go: without it there is no such upload
    data           what was parked, owned by the driver (:class:`~regstore.driver.FileWriter`)
    hashstates/    after the bytes that they cover, so that a state never promises missing bytes;
                   not where the driver keeps notes beside what it parks
    sealed         the whole, where it must be read again to be verified

A commit gives the content its place, then the repository its link, then removes the upload. One
that was interrupted between the first two is finished by whoever commits again: what was parked is
still there, or the newest hash state proves that this upload had the content.
"""

from __future__ import annotations

from contextlib import aclosing, suppress
from types import TracebackType
from typing import Final, NoReturn, Self

from regstore import content
from regstore._protections import protections
from regstore.chunks import Chunks, joined
from regstore.digest import Digest
from regstore.driver import FileWriter
from regstore.errors import (
    BlobUploadUnknownError,
    DriverError,
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
from regstore.upload_committed import CommittedElsewhere
from regstore.upload_content import Buffer, UploadContent
from regstore.upload_filed_content import FiledContent
from regstore.upload_noted_content import NotedContent
from regstore.upload_place import UploadPlace
from regstore.upload_resend import Resend

JOIN_BYTES: Final = 256 << 10
"""Chunks of a received body are joined to at least this size before they are written."""


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
        self._place = UploadPlace(scope, upload_id)
        kind = NotedContent if scope.driver.capabilities.parked_notes else FiledContent
        self._content: UploadContent = kind(scope, self._place, hasher)
        self._expected_size = size
        self._proved: tuple[Digest, int] | None = None
        self._is_over = False

    @property
    def offset(self) -> int:
        """Bytes taken so far, as last known here.

        :raises BlobUploadInvalidError: nothing is known yet: await :meth:`status` first.
        """
        if self._content.offset is None:
            raise self._place.invalid("its offset has not been read yet: await status() first")
        return self._content.offset

    async def status(self) -> int:
        """Return where the upload stands, in bytes; read from the store if not known here.

        Over drivers with ``fenced_writers``, to look is to take over: another writer of this upload
        is refused from then on.

        :raises BlobUploadUnknownError: there is no such upload.
        :raises ReadOnlyError: the registry was opened read-only.
        """
        if self._content.offset is None:
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
        :raises ReadOnlyError: the registry was opened read-only.
        :raises NoSpaceError: the store is full.
        """
        writer = await self._open(max(0, offset or 0))
        if offset is not None and offset != self.offset:
            raise self._place.misplaced(self.offset, offset)
        if writer is None:
            raise self._place.invalid("its content is complete: commit or cancel it")
        data = _as_bytes(chunk)
        self._check_room(len(data))
        await self._content.take(writer, data)

    async def receive(
        self,
        chunks: Chunks,
        offset: int | None = None,
        size: int | None = None,
        *,
        may_repeat: bool = False,
    ) -> None:
        """Take the body of one request at *offset*, by default where the upload stands.

        Small chunks are joined, so that a body costs few writes. Where *chunks* raises, what came
        before is taken all the same. An empty body at no *offset* asks nothing of the store.

        :param size: bytes that the sender announced for this body; no more are taken.
        :param may_repeat: whether bytes that were taken before may come again, as from a client
            that did not hear so: they are compared and passed over, and what comes after them is
            taken. They can be compared where requests have begun and ended: the last one, and
            on stores where uploads lie as stock has them, all. Off by default: the conformance
            suite of OCI wants a repeated chunk refused.
        :raises SizeInvalidError: there were fewer, or more; what was taken stays.
        :raises UploadOffsetError: the upload stands elsewhere, or holds other bytes there, or
            nobody can tell. *chunks* was not touched unless *may_repeat*.

        Also what :meth:`write` and *chunks* raise.
        """
        resend: Resend | None = None
        if may_repeat and offset is not None:
            resend = await self._resend(offset)
        if resend is None and offset is not None:
            await self.write(b"", offset)
        taken = 0
        async with aclosing(joined(chunks, JOIN_BYTES)) as pieces:
            async for piece in pieces:
                taken += len(piece)
                if size is not None and taken > size:
                    break
                rest = piece if resend is None else await resend.take(piece)
                if rest:
                    await self.write(rest)
        if size is not None and taken != size:
            msg = f"the body has {taken} bytes, not the {size} announced: go on from the offset"
            raise SizeInvalidError(msg, expected=size, actual=taken)
        if resend is not None:
            await resend.end()

    async def digest(self) -> Digest:
        """Return the digest of what was taken so far, in the algorithm that is tracked.

        :raises BlobUploadInvalidError: no saved state covers what was taken before: commit with
            the digest that the client gives.
        """
        await self._open()
        digest = self._content.hashed
        if digest is None:
            raise self._place.invalid(
                "not all of it was hashed here: commit it with the digest that the client gives"
            )
        return digest

    async def park(self) -> None:
        """Make what was taken durable and let go, for whoever resumes it.

        :raises BlobUploadUnknownError: it was cancelled or purged meanwhile.
        """
        if self._is_over or self._content.published is not None:
            return
        try:
            await self._content.park()
        except BlobUploadUnknownError:
            await self._give_up()
            raise

    async def finish(
        self, digest: str, chunks: Chunks, offset: int | None = None, size: int | None = None
    ) -> Descriptor:
        """Take the rest of the content, as the last request of a push has it, and commit.

        Does what :meth:`receive` and :meth:`commit` do, and less of it: where nothing was taken
        before, the content travels straight to its place, where nobody sees it before it is
        verified. Then nothing of it is kept when this fails: begin again at 0. Repeated after it
        was done, it succeeds, and *chunks* are not touched.

        :param offset: where *chunks* begin, by default where the upload stands.
        :param size: bytes that the sender announced for this body; no more are taken.

        Raises what :meth:`receive` and :meth:`commit` raise.
        """
        wanted = Digest(digest)
        try:
            await self._open(max(0, offset or 0))
        except BlobUploadUnknownError as error:  # committed by an earlier request, perhaps
            return await self._committed_elsewhere(wanted, error)
        if not offset:
            await self._content.go_straight(wanted)
        try:
            await self.receive(chunks, offset, size)
            return await self.commit(wanted)
        except BaseException as error:
            try:
                await self._scope.runtime.shield(self._content.leave_straight())
            except DriverError as failure:
                error.add_note(f"and what was sent could not be discarded: {failure}")
            raise

    async def commit(self, digest: str, size: int | None = None) -> Descriptor:
        """Verify what was taken, and make it a blob of this repository.

        Idempotent: where the upload is gone, or empty, and the blob is there, it was committed
        before. Content of another digest or size is discarded, and the upload with it.

        :param size: bytes, where the client told.
        :raises DigestInvalidError: the content has another digest, or *digest* is malformed.
        :raises SizeInvalidError: the content has another size.
        :raises CorruptContentError: the store has kept less of it than was sent: push it again.
        :raises UnsupportedAlgorithmError: the algorithm of *digest* is not known here.
        :raises ReadOnlyError: the registry was opened read-only.
        :raises BlobUploadUnknownError: there is no such upload, and no such blob.
        :raises PreconditionFailedError: another writer has gone on with it, or commits it at this
            moment: commit it again.
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
            await self._content.release()
            raise

    async def _open(self, at_least: int = 0) -> FileWriter | None:
        """Open the writer where this caller left it; ``None`` where the content is complete."""
        if self._is_over:
            raise self._place.unknown()
        if not self._content.is_open:
            await self._scope.writing()
            try:
                await self._content.open(at_least)
            except BlobUploadUnknownError:
                await self._content.release()
                raise
        return None if self._content.sealed or self._content.published else self._content.writer

    async def _resend(self, offset: int) -> Resend | None:
        """Return what compares bytes that come again; ``None`` where *offset* is not behind."""
        if await self._open(max(0, offset)) is None or not 0 <= offset < self.offset:
            return None
        return await Resend.begin(self._scope, self._place, self._content, offset, self.offset)

    async def _verify(self, wanted: Digest, size: int | None) -> None:
        await self._open()
        if self._content.published is not None:
            if self._content.published != wanted:
                raise self._place.wrong_digest(wanted, self._content.published)
            return
        error = await self._difference(wanted, size)
        if error is not None and await self._content.catch_up():
            error = await self._difference(wanted, size)
        if error is not None:
            await self._refuse(wanted, error)
        self._proved = wanted, self.offset

    async def _difference(self, wanted: Digest, size: int | None) -> RegistryError | None:
        """Return what is wrong with the content, if anything is."""
        expected = self._expected_size if size is None else size
        if expected is not None and expected != self.offset:
            return self._place.wrong_size(expected, self.offset)
        actual = await self._content.digest(wanted.algorithm)
        return None if actual == wanted else self._place.wrong_digest(wanted, actual)

    async def _publish(self, digest: Digest) -> None:
        begun = self._scope.runtime.monotonic()
        await self._content.publish(digest)
        await content.link_layer(self._scope, digest, begun)
        await self._end()
        size = self.offset
        self._scope.tell(Action.BLOB_PUSHED, digest=digest, size=size, upload_id=self.id)

    async def _refuse(self, wanted: Digest, error: RegistryError) -> NoReturn:
        """Raise *error* and leave no litter, where the upload still is this caller's.

        Where others may have taken more than the store has shown, it is left as it was. One that
        is empty may have been committed before: its start came again, late, and nothing else.
        """
        await self._place.require_started()
        if not self.offset and await self._elsewhere(wanted).find_blob():
            raise self._place.unknown() from error
        if self._content.may_be_behind:
            await self._content.leave()
        else:
            await self._discard()
        raise error

    async def _committed_elsewhere(self, wanted: Digest, error: RegstoreError) -> Descriptor:
        """Answer for a commit whose upload somebody else has committed, cancelled or continued."""
        try:
            found = await self._elsewhere(wanted).find(error)
        except BlobUploadUnknownError:
            await self._give_up()
            raise
        with suppress(DriverError):  # before what is parked: nobody goes on without that
            await self._place.remove_start()
        await self._content.release()
        self._content.offset = found.size
        await self._end()
        return found

    def _elsewhere(self, wanted: Digest) -> CommittedElsewhere:
        proved, size = self._proved or (None, None)
        known = size if proved == wanted else None
        return CommittedElsewhere(self._scope, self._place, wanted, known)

    async def _discard(self) -> None:
        await self._content.discard()
        self._is_over = True

    async def _give_up(self) -> None:
        self._is_over = True
        if self._content.is_taken:
            await self._place.sweep()
        else:
            await self._place.sweep_unless_purged()

    async def _end(self) -> None:
        self._is_over = True
        await self._scope.runtime.shield(self._tidy_up())

    async def _tidy_up(self) -> None:
        # The blob is safe; what is left of the upload is for purge.
        if not protections().startedat_first:
            with suppress(DriverError):
                await self._content.clear()
        try:
            await self._place.remove_start()
        except DriverError:
            await self._place.sweep()
        else:
            with suppress(DriverError):
                await self._content.clear()

    def _check_room(self, more: int) -> None:
        if self._expected_size is not None and self.offset + more > self._expected_size:
            raise self._place.wrong_size(self._expected_size, self.offset + more)


def _as_bytes(chunk: Buffer) -> Buffer:
    """Return *chunk* with one item per byte."""
    if isinstance(chunk, memoryview):
        return chunk.cast("B") if chunk.c_contiguous else chunk.tobytes()
    return chunk
