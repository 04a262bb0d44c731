"""Where an upload lies, whether it is there, and how it is taken away."""

from __future__ import annotations

from contextlib import suppress

from regstore import layout
from regstore._protections import protections
from regstore.digest import Digest
from regstore.driver import Content, if_version
from regstore.errors import (
    BlobUploadInvalidError,
    BlobUploadUnknownError,
    DigestInvalidError,
    DriverError,
    InvalidOffsetError,
    PathNotFoundError,
    PreconditionFailedError,
    RegstoreError,
    SizeInvalidError,
    UnsupportedMethodError,
    UploadOffsetError,
)
from regstore.scope import Scope


class UploadPlace:
    """The files of one upload, and what is said of it when something is wrong.

    :ivar directory: all of it.
    :ivar start: without it there is no such upload.
    :ivar data: what was parked, owned by the driver.
    :ivar sealed: the whole, while it is verified.
    :ivar purging: there as long as somebody ends it for its client.
    """

    def __init__(self, scope: Scope, upload_id: str) -> None:
        self.directory: layout.Upload = layout.Upload(scope.name, upload_id)
        self.data: str = layout.UploadData(scope.name, upload_id).path
        self.sealed: str = layout.UploadSealed(scope.name, upload_id).path
        self.start: str = layout.UploadStartedAt(scope.name, upload_id).path
        self.purging: str = layout.UploadPurging(scope.name, upload_id).path
        self._driver = scope.driver
        self._name = scope.name
        self._id = upload_id

    async def require_started(self) -> None:
        """Look whether there is such an upload.

        :raises BlobUploadUnknownError: there is none, or no longer.
        """
        try:  # to read it costs no more than to look, and one that is missing less
            await self._driver.get_content(self.start, must_exist=True)
        except PathNotFoundError:
            raise self.unknown() from None

    async def recheck_started(self) -> None:
        """Do what :meth:`require_started` does, for bytes that were written after the first look.

        :raises BlobUploadUnknownError: the upload was ended meanwhile; the bytes are nobody's.
        """
        if protections().start_recheck:
            await self.require_started()

    async def find_start(self) -> Content | None:
        """Return what :meth:`take_start` takes, if there is any."""
        try:
            return await self._driver.get_content(self.start)
        except PathNotFoundError:
            return None

    async def take_start(self, start: Content) -> bool:
        """Do what :meth:`remove_start` does; return ``False`` where somebody else has."""
        with suppress(PathNotFoundError, PreconditionFailedError):
            try:
                await self._driver.delete_file(self.start, if_version(start.version))
            except UnsupportedMethodError:
                await self._driver.delete_file(self.start)
            return True
        return False

    async def restore_start(self, start: Content) -> None:
        """Make the upload known again."""
        await self._driver.put_content(self.start, start.data)

    async def remove_rest(self) -> None:
        """Remove everything that is left, after :meth:`remove_start`."""
        with suppress(PathNotFoundError):
            await self._driver.delete(self.directory.path)

    async def remove_start(self) -> None:
        """Make the upload unknown: whatever else is still there is nobody's from then on."""
        await self._driver.delete_file(self.start, missing_ok=True)

    async def sweep(self) -> None:
        """Remove what an interrupted removal has left of an upload that is no more."""
        with suppress(DriverError):  # the caller has an answer already; purge looks again
            await self._driver.delete(self.directory.path)

    async def sweep_unless_purged(self) -> None:
        """Do what :meth:`sweep` does, unless somebody is about to end the upload, or was.

        Whoever takes the start away puts it back where there is something new, and before that
        nothing of it may go. It is put back before the mark is removed. Where nobody knows when the
        store must show what is there, to miss the start proves nothing: it is left to a purge.
        """
        if not self._driver.capabilities.is_lag_known:
            return
        with suppress(DriverError):
            try:
                await self._driver.stat(self.purging, must_exist=True)
            except PathNotFoundError:
                await self._sweep_unless_started()

    async def _sweep_unless_started(self) -> None:
        try:
            await self.require_started()
        except BlobUploadUnknownError:
            await self.sweep()

    def misplaced(self, stands: int, given: int) -> RegstoreError:
        """Return the error for bytes that do not begin where the upload stands."""
        if given < 0:
            return InvalidOffsetError(self.data, given, self._driver.name, "negative")
        msg = f"upload {self._id} stands at {stands}, not at {given}: go on from there"
        return UploadOffsetError(
            msg, name=self._name, upload_id=self._id, offset=stands, given=given
        )

    def wrong_size(self, expected: int, actual: int) -> SizeInvalidError:
        """Return the error for more or fewer bytes than were announced."""
        msg = f"upload {self._id} has {actual} bytes, not the {expected} announced: push it again"
        return SizeInvalidError(msg, expected=expected, actual=actual)

    def wrong_digest(self, wanted: Digest, actual: Digest) -> DigestInvalidError:
        """Return the error for other content than was announced."""
        msg = f"upload {self._id} has digest {actual}, not {wanted}: push it again"
        return DigestInvalidError(msg, digest=str(wanted), actual=str(actual))

    def overtaken(self) -> PreconditionFailedError:
        """Return the error for a commit from which somebody else takes the content away."""
        detail = "another commit of it is under way: commit it again"
        return PreconditionFailedError(self.data, self._driver.name, detail)

    def unknown(self) -> BlobUploadUnknownError:
        """Return the error for an upload that is not there."""
        msg = (
            f"repository {self._name!r} has no upload {self._id}: "
            "it was committed, cancelled or purged; begin another"
        )
        return BlobUploadUnknownError(msg, name=self._name, upload_id=self._id)

    def invalid(self, why: str) -> BlobUploadInvalidError:
        """Return the error for a step that this upload does not allow."""
        msg = f"upload {self._id}: {why}"
        return BlobUploadInvalidError(msg, name=self._name, upload_id=self._id)
