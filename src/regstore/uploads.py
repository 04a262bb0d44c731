"""Blob uploads: begun in one process, continued in another, visible only once they are verified."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Final, Self

from regstore import content, hashstates, layout
from regstore.chunks import Chunks, joined
from regstore.digest import Digest
from regstore.driver import FileWriter
from regstore.errors import (
    BlobUnknownError,
    BlobUploadInvalidError,
    BlobUploadUnknownError,
    DigestInvalidError,
    DriverError,
    InvalidOffsetError,
    PathExistsError,
    PathNotFoundError,
    PreconditionFailedError,
    RegstoreError,
    SizeInvalidError,
    UploadOffsetError,
)
from regstore.events import Action
from regstore.hashing import Hasher
from regstore.oci import OCTET_STREAM, Descriptor
from regstore.scope import Scope

OFFLOAD_BYTES: Final = 64 << 10
"""Chunks larger than this are hashed where they hold up nobody else."""
JOIN_BYTES: Final = 256 << 10
"""Chunks of a received body are joined to at least this size before they are written."""

Buffer = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class UploadInfo:
    """An upload in progress; ``started_at`` is aware, in UTC, whole seconds."""

    upload_id: str
    started_at: datetime


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
        self._place = layout.Upload(scope.name, upload_id)
        self._data = layout.UploadData(scope.name, upload_id).path
        self._expected_size = size
        self._hasher = hasher
        self._is_fresh = hasher is not None
        self._writer: FileWriter | None = None
        self._offset: int | None = 0 if self._is_fresh else None
        self._sealed = False
        self._is_over = False

    @property
    def offset(self) -> int:
        """Bytes taken so far, as last known here.

        :raises BlobUploadInvalidError: nothing is known yet: await :meth:`status` first.
        """
        if self._offset is None:
            raise self._invalid("its offset has not been read yet: await status() first")
        return self._offset

    async def status(self) -> int:
        """Read where the upload stands, in bytes.

        To look is to take over: another writer of this upload may be refused from now on.

        :raises BlobUploadUnknownError: there is no such upload.
        :raises ReadOnlyError: the registry was opened read-only.
        """
        await self._open()
        return self.offset

    async def write(self, chunk: Buffer, offset: int | None = None) -> None:
        """Take *chunk* at *offset*, by default where the upload stands.

        Acknowledged bytes are durable only after :meth:`park` or :meth:`commit`.

        :raises UploadOffsetError: the upload stands elsewhere; the error says where.
        :raises SizeInvalidError: more bytes than the size given at the start.
        :raises BlobUploadUnknownError: there is no such upload.
        :raises PreconditionFailedError: another writer has gone on with it.
        :raises NoSpaceError: the store is full.
        """
        writer = await self._open()
        if offset is not None and offset != self.offset:
            raise self._misplaced(offset)
        if writer is None:
            raise self._invalid("its content is complete: commit or cancel it")
        self._check_room(len(chunk))
        await self._take(writer, chunk)
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
            raise self._invalid("its digest is not known before it is committed")
        return self._hasher.digest()

    async def park(self) -> None:
        """Make what was taken durable and let go, for whoever resumes it.

        :raises BlobUploadUnknownError: it was cancelled or purged meanwhile.
        """
        if self._is_over or (self._writer is None and not self._is_fresh):
            return
        writer, hasher = self._writer, self._hasher
        self._writer = self._hasher = None
        if writer is not None:
            await writer.park()
        if hasher is not None:
            await hashstates.save(self._driver, self._place, hasher)
        self._is_fresh = False
        await self._require_started()

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
            return await self._verify_and_publish(wanted, size)
        except BlobUploadUnknownError:
            return await self._committed_before(wanted)
        except (PathNotFoundError, PreconditionFailedError) as error:
            return await self._overtaken(wanted, error)

    async def cancel(self) -> None:
        """Discard the upload.

        :raises BlobUploadUnknownError: there is no such upload.
        """
        await self._scope.writing()
        if not self._is_over:
            await self._require_started()
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
            await self._scope.runtime.shield(self.park())
        except RegstoreError as failure:
            if error is None:
                raise
            error.add_note(f"and the upload could not be parked: {failure}")

    async def _open(self) -> FileWriter | None:
        """Open the writer where this caller left it; ``None`` where the content is complete."""
        if self._is_over:
            raise self._unknown()
        if self._writer is None and not self._sealed:
            await self._scope.writing()
            if self._is_fresh:
                self._writer = await self._driver.writer(self._data)
            else:
                await self._require_started()
                await self._continue()
        return self._writer

    async def _continue(self) -> None:
        try:
            self._writer = await self._driver.writer(self._data, append=True)
        except PathNotFoundError:
            self._writer = await self._driver.writer(self._data)
        except PathExistsError:
            self._sealed = True
            self._offset = (await self._driver.stat(self._data)).size
            return
        self._offset = self._writer.size
        self._hasher = await hashstates.load(self._driver, self._place, self._offset)

    async def _take(self, writer: FileWriter, chunk: Buffer) -> None:
        hasher, self._hasher = self._hasher, None
        if hasher is None:
            await writer.write(chunk)
        elif len(chunk) > OFFLOAD_BYTES:
            hashing = self._scope.runtime.offload(partial(hasher.update, chunk))
            await self._scope.runtime.both(writer.write(chunk), hashing)
        else:
            await writer.write(chunk)
            hasher.update(chunk)
        self._hasher = hasher

    async def _digest(self, writer: FileWriter | None, algorithm: str) -> Digest:
        """Return the digest of what was taken, reading only what no saved state covers."""
        if self._hasher is not None and self._hasher.algorithm == algorithm:
            return self._hasher.digest()
        if writer is not None:
            await writer.commit()
            self._writer, self._sealed = None, True
        hasher = await hashstates.nearest(self._driver, self._place, algorithm, self.offset)
        async with await self._driver.reader(self._data, hasher.size, must_exist=True) as reader:
            async for chunk in reader:
                await self._scope.runtime.offload(partial(hasher.update, chunk))
        return hasher.digest()

    async def _verify_and_publish(self, wanted: Digest, size: int | None) -> Descriptor:
        writer = await self._open()
        taken = self.offset
        if size is not None and size != taken:
            return await self._refuse(wanted, self._wrong_size(size, taken))
        actual = await self._digest(writer, wanted.algorithm)
        if actual != wanted:
            return await self._refuse(wanted, self._wrong_digest(wanted, actual))
        await self._publish(wanted, taken)
        return Descriptor(OCTET_STREAM, wanted, taken)

    async def _publish(self, digest: Digest, size: int) -> None:
        if self._writer is not None:
            await content.publish(self._scope, self._writer, digest)
        else:
            await content.adopt(self._scope, self._data, digest, size)
        self._is_over = True
        await content.link_layer(self._scope, digest)
        with suppress(DriverError):  # the blob is safe; what is left of the upload is for purge
            await self._remove()
        self._scope.tell(Action.BLOB_PUSHED, digest=digest, size=size, upload_id=self.id)

    async def _refuse(self, wanted: Digest, error: RegstoreError) -> Descriptor:
        """Raise *error* and leave no litter, unless another process has just committed this."""
        if await self._was_taken_over():
            return await self._committed_before(wanted)
        await self._discard()
        raise error

    async def _was_taken_over(self) -> bool:
        try:
            await self._require_started()
        except BlobUploadUnknownError:
            return True
        return self.offset == 0 and any(await hashstates.offsets_of(self._driver, self._place))

    async def _committed_before(self, digest: Digest) -> Descriptor:
        try:
            return await content.describe(self._scope, digest)
        except BlobUnknownError:
            raise self._unknown() from None

    async def _overtaken(self, wanted: Digest, error: DriverError) -> Descriptor:
        """Answer for a commit during which another process went on with the upload."""
        try:
            return await self._committed_before(wanted)
        except BlobUploadUnknownError:
            await self._require_started()
            raise error from None

    async def _discard(self) -> None:
        self._is_over = True
        writer, self._writer = self._writer, None
        if writer is None and not self._sealed:
            writer = await self._parked_writer()
        if writer is not None:
            await writer.cancel()
        await self._remove()

    async def _parked_writer(self) -> FileWriter | None:
        try:
            return await self._driver.writer(self._data, append=True)
        except (PathNotFoundError, PathExistsError):
            return None

    async def _remove(self) -> None:
        """Remove the upload's directory; ``startedat`` first, since it says that there is one."""
        started = layout.UploadStartedAt(self._scope.name, self.id).path
        with suppress(PathNotFoundError):
            await self._driver.delete_file(started)
        with suppress(PathNotFoundError):
            await self._driver.delete(self._place.path)

    async def _require_started(self) -> None:
        path = layout.UploadStartedAt(self._scope.name, self.id).path
        try:
            await self._driver.stat(path, must_exist=True)
        except PathNotFoundError:
            raise self._unknown() from None

    def _check_room(self, more: int) -> None:
        if self._expected_size is not None and self.offset + more > self._expected_size:
            raise self._wrong_size(self._expected_size, self.offset + more)

    def _misplaced(self, given: int) -> RegstoreError:
        if given < 0:
            return InvalidOffsetError(self._data, given, self._driver.name, "negative")
        msg = f"upload {self.id} stands at {self.offset}, not at {given}: go on from there"
        return UploadOffsetError(
            msg, name=self._scope.name, upload_id=self.id, offset=self.offset, given=given
        )

    def _wrong_size(self, expected: int, actual: int) -> SizeInvalidError:
        msg = f"upload {self.id} has {actual} bytes, not the {expected} announced: push it again"
        return SizeInvalidError(msg, expected=expected, actual=actual)

    def _wrong_digest(self, wanted: Digest, actual: Digest) -> DigestInvalidError:
        msg = f"upload {self.id} has digest {actual}, not {wanted}: push it again"
        return DigestInvalidError(msg, digest=str(wanted), actual=str(actual))

    def _unknown(self) -> BlobUploadUnknownError:
        msg = (
            f"repository {self._scope.name!r} has no upload {self.id}: "
            "it was committed, cancelled or purged; begin another"
        )
        return BlobUploadUnknownError(msg, name=self._scope.name, upload_id=self.id)

    def _invalid(self, why: str) -> BlobUploadInvalidError:
        msg = f"upload {self.id}: {why}"
        return BlobUploadInvalidError(msg, name=self._scope.name, upload_id=self.id)


class AsyncUploads:
    """The uploads of one repository."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    async def create(
        self, digest: str | None = None, size: int | None = None, algorithm: str = "sha256"
    ) -> AsyncUpload:
        """Begin an upload.

        :param digest: where it is known already; its algorithm is tracked.
        :param size: bytes, where they are known already; more are refused.
        :param algorithm: which digest to track, where *digest* is not given. A commit with another
            one reads the content again.
        :raises UnsupportedAlgorithmError: the algorithm is not known here.
        :raises ReadOnlyError: the registry was opened read-only.
        """
        await self._scope.writing()
        hasher = Hasher(algorithm if digest is None else Digest(digest).algorithm)
        upload_id = self._new_id()
        started = layout.UploadStartedAt(self._scope.name, upload_id)
        body = layout.format_startedat(self._scope.runtime.now())
        await self._scope.driver.put_content(started.path, body)
        self._scope.tell(Action.UPLOAD_STARTED, upload_id=upload_id)
        return AsyncUpload(self._scope, upload_id, hasher, size)

    def resume(self, upload_id: str) -> AsyncUpload:
        """Go on with an upload begun anywhere. Does no I/O: the first use finds out.

        :raises BlobUploadUnknownError: no upload can have this id.
        """
        return AsyncUpload(self._scope, upload_id)

    async def all(self) -> AsyncGenerator[UploadInfo, None]:
        """Yield the uploads in progress, ordered by id.

        One that ends meanwhile may be missing; one without a readable start is not shown.
        """
        root = layout.UploadsRoot(self._scope.name).path
        try:
            async with aclosing(self._scope.driver.list(root)) as names:
                async for upload_id in names:
                    info = await self._info(upload_id)
                    if info is not None:
                        yield info
        except PathNotFoundError:
            return

    async def _info(self, upload_id: str) -> UploadInfo | None:
        try:
            path = layout.UploadStartedAt(self._scope.name, upload_id).path
            started = await self._scope.driver.get_content(path)
            return UploadInfo(upload_id, layout.parse_startedat(started.data))
        except (PathNotFoundError, BlobUploadUnknownError, ValueError):
            return None

    def _new_id(self) -> str:
        bits = self._scope.runtime.random.getrandbits(128)
        return str(uuid.UUID(int=bits, version=4))
