"""The blobs of one repository: content under its digest."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import suppress
from datetime import timedelta
from enum import Enum
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from regstore import content, layout
from regstore.chunks import Chunks, check_body
from regstore.digest import Digest
from regstore.driver import FileReader
from regstore.errors import (
    BlobUnknownError,
    CorruptContentError,
    DigestInvalidError,
    InvalidOffsetError,
    PathNotFoundError,
    RegstoreError,
)
from regstore.events import Action
from regstore.links import linked_digests
from regstore.oci import OCTET_STREAM, Descriptor
from regstore.scope import Scope
from regstore.tombstones import in_quarantine
from regstore.upload_content import OFFLOAD_BYTES, Buffer
from regstore.uploads import AsyncUploads

SINGLE_PUT_BYTES: Final = 16 << 20
"""Blobs in memory up to this size are written in one piece, straight to their place."""


class Anywhere(Enum):
    """Where a blob may be mounted from, besides a repository."""

    ANYWHERE = "anywhere"


ANYWHERE: Final = Anywhere.ANYWHERE
"""Mount a blob from wherever in the registry it lies."""


class AsyncBlobReader:
    """An open read of one blob, chunk by chunk; belongs to one caller at a time.

    Opened by ``async with``, which raises ``BlobUnknownError`` where there is no such blob.
    Content is *not* verified as it streams, unless the driver is wrapped in
    :class:`regstore.consistency.Verified`.

    Before it is entered, and after it is left, reading raises ``ValueError``.
    """

    def __init__(self, scope: Scope, digest: Digest, offset: int, length: int | None) -> None:
        self._scope = scope
        self._digest = digest
        self._offset = offset
        self._length = length
        self._reader: FileReader | None = None

    @property
    def descriptor(self) -> Descriptor:
        """What the whole blob is, whatever range is read."""
        return Descriptor(OCTET_STREAM, self._digest, self._entered().info.size)

    @property
    def size(self) -> int:
        """Bytes of the whole blob."""
        return self.descriptor.size

    @property
    def offset(self) -> int:
        """Where the next chunk begins, in bytes from the start of the blob."""
        return self._offset

    async def read(self) -> bytes:
        """Return the next chunk, ``b""`` at the end of the range."""
        chunk = await self._entered().read()
        self._offset += len(chunk)
        return chunk

    async def local_file(self) -> Path | None:
        """Return a file that the operating system can send without copying, or ``None``."""
        return await self._scope.driver.local_file(self._entered().info.path)

    def _entered(self) -> FileReader:
        if self._reader is None:
            msg = "enter the reader first: (async) with repository.blobs.open(digest) as reader"
            raise ValueError(msg)
        return self._reader

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        chunk = await self.read()
        if not chunk:
            raise StopAsyncIteration
        return chunk

    async def __aenter__(self) -> Self:
        try:
            await self._enter()
            self._scope.tell(Action.BLOB_PULLED, digest=self._digest, size=self.size)
        except BaseException:
            await self._scope.runtime.shield(self._close())
            raise
        return self

    async def _enter(self) -> None:
        """Open what the link leads to; both are asked for at once, as if it were no alias."""
        resolving = content.resolve(self._scope, self._digest)
        target, _ = await self._scope.runtime.both(resolving, self._guess())
        if target != self._digest:
            await self._close()
        if self._reader is None:
            self._reader = await self._open(target)

    async def _guess(self) -> None:
        with suppress(PathNotFoundError, InvalidOffsetError):  # for who knows the link to tell
            self._reader = await self._read(layout.BlobData(self._digest).path)

    async def _open(self, target: Digest) -> FileReader:
        try:
            return await self._read(layout.BlobData(target).path, must_exist=True)
        except PathNotFoundError as error:
            reader = await in_quarantine(self._scope, target, self._read)
            if reader is None:
                raise content.data_lost(self._scope, self._digest) from error
            return reader

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._close()

    async def _read(self, path: str, *, must_exist: bool = False) -> FileReader:
        driver = self._scope.driver
        return await driver.reader(path, self._offset, self._length, must_exist=must_exist)

    async def _close(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.aclose()


class AsyncBlobs:
    """The blobs of one repository."""

    def __init__(self, scope: Scope, uploads: AsyncUploads) -> None:
        self._scope = scope
        self._uploads = uploads

    async def put(
        self,
        data: Buffer | Chunks,
        digest: str | None = None,
    ) -> Descriptor:
        """Store *data* as a blob of this repository.

        Idempotent. Content that lies there already is replaced by what was verified here.

        :param data: the whole, or its chunks.
        :param digest: what it must have; sha256 of the content by default.
        :raises DigestInvalidError: the content has another digest, or *digest* is malformed.
        :raises NoSpaceError: the store is full; nothing is left behind.
        :raises PreconditionFailedError: somebody who puts the same at the same time, and has lost
            an answer, has discarded what was sent: put it again.
        :raises ReadOnlyError: the registry was opened read-only.
        """
        wanted = Digest(digest) if digest is not None else None
        check_body(data)
        if isinstance(data, bytearray | memoryview):
            data = bytes(data)
        if isinstance(data, bytes) and len(data) <= SINGLE_PUT_BYTES:
            return await self._put_whole(data, wanted)
        if isinstance(data, bytes):
            known = wanted or await self._digest_of(data, "sha256")
            return await self._put_chunks([data], known)
        return await self._put_chunks(data, wanted)

    async def get(self, digest: str) -> bytes:
        """Return a whole blob, verified. It is held in memory: for large ones use :meth:`open`.

        :raises BlobUnknownError: this repository does not have it.
        :raises CorruptContentError: what is stored does not have this digest.
        :raises PreconditionFailedError: it was deleted while it was read: try again.
        """
        wanted = Digest(digest)
        async with self.open(wanted) as reader:
            data = b"".join([chunk async for chunk in reader])
        actual = Digest.of(data, wanted.algorithm)
        if actual != wanted:
            msg = f"the stored content of {wanted} has digest {actual}: push it again"
            raise CorruptContentError(msg, path=layout.BlobData(wanted).path, digest=str(wanted))
        return data

    async def stat(self, digest: str) -> Descriptor:
        """Describe a blob; its media type is ``application/octet-stream``.

        Costs two requests, and one where this repository does not have it.

        :raises BlobUnknownError: this repository does not have it.
        """
        return await content.describe(self._scope, Digest(digest))

    async def exists(self, digest: str) -> bool:
        """Return whether this repository has the blob, its data included."""
        try:
            await self.stat(digest)
        except BlobUnknownError:
            return False
        return True

    def open(self, digest: str, offset: int = 0, length: int | None = None) -> AsyncBlobReader:
        """Open a blob for streaming from byte *offset*; no I/O until it is entered.

        Entering raises ``BlobUnknownError``, and ``InvalidOffsetError`` where *offset* lies beyond
        the end or a number is negative.

        :param length: bytes at most; what lies beyond the end is no error.
        """
        return AsyncBlobReader(self._scope, Digest(digest), offset, length)

    async def delete(self, digest: str) -> None:
        """Take the blob from this repository. Its data stays, for others and for collection.

        Manifests that refer to it are not asked.

        :raises BlobUnknownError: this repository does not have it.
        :raises ReadOnlyError: the registry was opened read-only.
        """
        await self._scope.writing()
        wanted = Digest(digest)
        try:
            await self._scope.driver.delete_file(layout.LayerLink(self._scope.name, wanted).path)
        except PathNotFoundError as error:
            raise content.blob_unknown(self._scope, wanted) from error
        self._scope.tell(Action.BLOB_DELETED, digest=wanted)

    async def all(self) -> AsyncGenerator[Digest, None]:
        """Yield the digest of every blob linked in this repository, in unspecified order."""
        root = layout.LayersRoot(self._scope.name).path
        async for digest in linked_digests(self._scope.driver, root, layout.LayerLink):
            yield digest

    async def mount(self, digest: str, source: str | Anywhere) -> Descriptor:
        """Give this repository a blob that repository *source* has; no data is copied.

        Whether the caller may read *source* is for the server to decide. Costs three
        requests.

        :param source: with :data:`ANYWHERE`, the blob may lie anywhere in the registry, also where
            no repository has it any more: whoever knows the digest gets the content.
        :raises BlobUnknownError: *source* does not have it.
        :raises NameInvalidError: *source* is no repository name.
        :raises ReadOnlyError: the registry was opened read-only.
        """
        await self._scope.writing()
        wanted, begun = Digest(digest), self._scope.runtime.monotonic()
        target, size = await self._locate(wanted, source)
        await content.link_layer(self._scope, wanted, begun, target)
        origin = None if isinstance(source, Anywhere) else source
        self._scope.tell(Action.BLOB_MOUNTED, digest=wanted, size=size, source=origin)
        return Descriptor(OCTET_STREAM, wanted, size)

    async def redirect_url(
        self, digest: str, expires: timedelta = timedelta(minutes=20)
    ) -> str | None:
        """Return a URL from which a plain HTTP client can GET the blob, or ``None``.

        :param expires: how long the URL works.
        :raises BlobUnknownError: this repository does not have it.
        """
        target = await content.resolve(self._scope, Digest(digest))
        return await self._scope.driver.redirect_url(layout.BlobData(target).path, "GET", expires)

    async def _locate(self, digest: Digest, source: str | Anywhere) -> tuple[Digest, int]:
        """Return under which digest the content lies, and its size."""
        if not isinstance(source, Anywhere):
            origin = self._scope.repository(source)
            target = await content.resolve(origin, digest)
            return target, (await content.stat_data(origin, target)).size
        try:
            return digest, (await self._scope.driver.stat(layout.BlobData(digest).path)).size
        except PathNotFoundError as error:
            raise content.blob_unknown(self._scope, digest) from error

    async def _put_whole(self, data: bytes, wanted: Digest | None) -> Descriptor:
        await self._scope.writing()
        algorithm = wanted.algorithm if wanted else "sha256"
        actual = await self._digest_of(data, algorithm)
        if wanted is not None and actual != wanted:
            msg = f"the content has digest {actual}, not {wanted}"
            raise DigestInvalidError(msg, digest=str(wanted), actual=str(actual))
        begun, store = self._scope.runtime.monotonic(), partial(content.store, self._scope, actual)
        await store(data)
        await content.link_layer(self._scope, actual, begun, restore=partial(store, data))
        self._scope.tell(Action.BLOB_PUSHED, digest=actual, size=len(data))
        return Descriptor(OCTET_STREAM, actual, len(data))

    async def _digest_of(self, data: bytes, algorithm: str) -> Digest:
        if len(data) <= OFFLOAD_BYTES:
            return Digest.of(data, algorithm)
        return await self._scope.runtime.offload(lambda: Digest.of(data, algorithm))

    async def _put_chunks(self, chunks: Chunks, wanted: Digest | None) -> Descriptor:
        upload = await self._uploads.create(digest=wanted)
        try:
            if wanted is not None:
                return await upload.finish(wanted, chunks)
            await upload.receive(chunks)
            return await upload.commit(await upload.digest())
        except BaseException as error:
            try:
                await self._scope.runtime.shield(upload.cancel())
            except RegstoreError as failure:
                error.add_note(f"and the upload could not be cancelled: {failure}")
            raise
