"""What became of an upload that somebody else has ended, or goes on with."""

from __future__ import annotations

import sys
from contextlib import suppress

from regstore import content, hashstates
from regstore.digest import Digest
from regstore.errors import (
    BlobUnknownError,
    BlobUploadUnknownError,
    PathNotFoundError,
    RegstoreError,
)
from regstore.oci import OCTET_STREAM, Descriptor
from regstore.scope import Scope
from regstore.upload_place import UploadPlace


class CommittedElsewhere:
    """The blob of an upload that this caller could not commit, and somebody else may have.

    :param size: of the upload in bytes, where this caller has seen that its content is *wanted*.
    """

    def __init__(self, scope: Scope, place: UploadPlace, wanted: Digest, size: int | None) -> None:
        self._scope = scope
        self._place = place
        self._wanted = wanted
        self._size = size

    async def find(self, error: RegstoreError) -> Descriptor:
        """Return the blob; where there is none, raise what this caller is to be told.

        :param error: why it could not commit.
        :raises BlobUploadUnknownError: there is no such upload, and no such blob.
        :raises PreconditionFailedError: another writer has gone on with it, or commits it at this
            moment.
        :raises CorruptContentError: the blob is there, and of another size.
        """
        return await self.find_blob() or await self._find_ended(error)

    async def _find_ended(self, error: RegstoreError) -> Descriptor:
        """Look once more where the upload has ended meanwhile: its blob was there before that."""
        try:
            await self._place.require_started()
        except BlobUploadUnknownError:
            if found := await self.find_blob():
                return found
            raise
        if isinstance(error, PathNotFoundError):
            raise self._place.overtaken() from error
        raise error

    async def find_blob(self) -> Descriptor | None:
        """Return the blob, ``None`` where this repository does not have it.

        :raises CorruptContentError: it is there, and of another size.
        """
        with suppress(BlobUnknownError):
            found = await content.renew(self._scope, self._wanted)
            if self._size is not None:
                content.require_size(self._wanted, found.size, self._size)
            return found
        begun, size = self._scope.runtime.monotonic(), await self._had()
        if size is not None:
            with suppress(BlobUnknownError):
                if (await content.stat_data(self._scope, self._wanted)).size == size:
                    await content.link_layer(self._scope, self._wanted, begun)
                    return Descriptor(OCTET_STREAM, self._wanted, size)
        return None

    async def _had(self) -> int | None:
        """Return the size of the content if this upload is known to have had all of it."""
        if self._size is not None:
            return self._size
        if self._scope.driver.capabilities.parked_notes:
            return None  # then it would still be parked
        hasher = await hashstates.nearest(
            self._scope.driver, self._place.directory, self._wanted.algorithm, sys.maxsize
        )
        return hasher.size if hasher.size and hasher.digest() == self._wanted else None
