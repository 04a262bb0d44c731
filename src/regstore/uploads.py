"""The uploads of one repository."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from regstore import layout
from regstore.digest import Digest
from regstore.errors import BlobUploadUnknownError, DriverError, PathNotFoundError
from regstore.events import Action
from regstore.hashing import Hasher
from regstore.scope import Scope
from regstore.upload import AsyncUpload
from regstore.upload_purge import Purge


@dataclass(frozen=True, slots=True)
class UploadInfo:
    """An upload in progress; ``started_at`` is aware, in UTC, whole seconds."""

    upload_id: str
    started_at: datetime


class AsyncUploads:
    """The uploads of one repository."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    async def create(
        self, digest: str | None = None, size: int | None = None, algorithm: str = "sha256"
    ) -> AsyncUpload:
        """Begin an upload.

        :param digest: where it is known already; its algorithm is tracked.
        :param size: bytes, where they are known already; a content of another size is refused.
        :param algorithm: which digest to track, where *digest* is not given. A commit with another
            one reads the content again.
        :raises UnsupportedAlgorithmError: the algorithm is not known here.
        :raises ReadOnlyError: the registry was opened read-only.
        """
        await self._scope.writing()
        hasher = Hasher(algorithm if digest is None else Digest(digest).algorithm)
        upload_id = self._new_id()
        await self._start(layout.UploadStartedAt(self._scope.name, upload_id).path)
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

    async def purge_one(self, upload_id: str, older_than: timedelta = timedelta(0)) -> bool:
        """End an upload that its client has abandoned; return whether it was ended.

        It is not where something of it is younger than *older_than* by the store's clock, as far
        as the driver tells, nor where somebody adds to it meanwhile: then it goes on. What has no
        start is litter, and is judged by the same age. A client that comes later is told that there
        is no such upload. May be repeated after any error.

        Bytes that are being sent count once they are parked: let *older_than* be longer than the
        longest request. Of two that end the same upload at once one may say that it did not. Not
        promised: that bytes count which are parked while it is looked, where this process is killed
        before it can let the upload go on, or where two end it at once; nor, in the last second,
        where the store's clock tells no smaller differences (``Capabilities.clock_resolution``).

        :param older_than: by default it is ended whatever its age.
        :raises BlobUploadUnknownError: there is nothing of such an upload.
        :raises TransientError: on a store that lags, there was no time to see what others add.
        :raises ReadOnlyError: the registry was opened read-only.
        """
        await self._scope.writing()
        is_ended = await Purge(self._scope, upload_id).end(older_than)
        if is_ended:
            self._scope.tell(Action.UPLOAD_PURGED, upload_id=upload_id)
        return is_ended

    async def _start(self, path: str) -> None:
        body = layout.format_startedat(self._scope.runtime.now())
        try:
            await self._scope.driver.put_content(path, body)
        except BaseException:
            with suppress(DriverError):  # whether it was written is unknown, and so is its id
                await self._scope.runtime.shield(self._scope.driver.delete_file(path))
            raise

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
