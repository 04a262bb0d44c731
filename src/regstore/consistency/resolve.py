"""What has become of a change whose answer was lost: look, compare, and never guess.

On a store that lags a look shows what was true before the change was sent: the same bytes may be
those of long ago. So it comes once a change that has taken effect must show.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from regstore import layout
from regstore.consistency.deadline import MOMENT, sleep_in_time
from regstore.consistency.outcomes import Failed, Ok, Outcome, Unknown
from regstore.consistency.trust import Trust
from regstore.driver import Condition, FileInfo, StorageDriver
from regstore.errors import PathNotFoundError, RegstoreError, TransientError

T = TypeVar("T")

_LASTING = (
    layout.BlobData,
    layout.LayerLink,
    layout.RevisionLink,
    layout.TagIndexLink,
    layout.Referrer,
    layout.ReferrersComplete,
    layout.SavedDigest,
    layout.Quarantined,
    layout.UploadStartedAt,
)
_CONTENTS = (layout.BlobData, layout.Quarantined)
_UPLOADS = (layout.Upload, layout.UploadStartedAt, layout.UploadData)


def is_lasting(path: str) -> bool:
    """Whether whoever writes *path* writes the same, so that a write may be repeated at any time.

    That is content under its digest, links of layers and revisions, the index of a tag, referrers
    and that all of them are indexed, copies of deleted content and claims to it, and the start of
    an upload, whose random name nobody else has. It is not the current link of a tag, nor anything
    that this library does not know.
    """
    return _is_any(path, _LASTING)


def is_content(path: str) -> bool:
    """Whether *path* holds the same bytes whoever writes it, and in whatever version."""
    return _is_any(path, _CONTENTS)


def is_private(path: str) -> bool:
    """Whether *path* is an upload, or its data or start: no other content ever takes its place."""
    return _is_any(path, _UPLOADS)


def _is_any(path: str, kinds: tuple[type[layout.PathSpec], ...]) -> bool:
    return isinstance(layout.parse(path), kinds)


class Resolver:
    """Settles changes by reading back.

    :param driver: reads with retries of its own.
    :param lasting: whether a path may be written again (:func:`is_lasting`).
    :param trust: tells how long the store lags.
    """

    def __init__(self, driver: StorageDriver, lasting: Callable[[str], bool], trust: Trust) -> None:
        self._driver = driver
        self._lasting = lasting
        self._trust = trust

    async def put(
        self, error: TransientError, path: str, data: bytes, condition: Condition
    ) -> Outcome[str | None]:
        """Compare bytes: our own, whoever wrote them, are success.

        A write over a version that still is there has not arrived and may be sent again, where a
        version never comes twice. Elsewhere the content may have been changed and changed back.
        """
        if condition.kind == "any" and self._lasting(path):
            return Failed(error)
        await self._until_shown(error)
        try:
            found = await self._driver.get_content(path)
        except PathNotFoundError:
            is_as_before = condition.kind == "absent" and self._lasting(path)
        else:
            if found.data == data:
                return Ok(found.version)
            is_as_before = self._is_as_before(condition, found.version)
        return Failed(error) if is_as_before else Unknown(error)

    async def delete(
        self, error: TransientError, path: str, condition: Condition, *, below: bool
    ) -> Outcome[None]:
        """Look whether it is gone; an object that is there again is somebody else's.

        :param below: whether all below *path* was meant, too.
        """
        await self._until_shown(error)
        found = await self._stat(path)
        if found is None or (found.is_dir and not below):
            return Ok(None)
        if is_private(path) or self._is_as_before(condition, found.version):
            return Failed(error)
        return Unknown(error)

    async def move(self, error: TransientError, source: str, destination: str) -> Outcome[None]:
        """Where the source is gone and the destination is there, it was moved."""
        await self._until_shown(error)
        if await self._stat(source) is not None:
            return Failed(error) if self._lasting(destination) else Unknown(error)
        return Unknown(error) if await self._stat(destination) is None else Ok(None)

    async def copy(
        self, error: TransientError, source: str, destination: str, condition: Condition
    ) -> Outcome[str | None]:
        """Let what goes to a lasting place be copied again; of others nobody can tell."""
        if not self._lasting(destination) or condition.kind == "version":
            return Unknown(error)
        if condition.kind == "any":
            return Failed(error)
        await self._until_shown(error)
        found, wanted = await self._stat(destination), await self._stat(source)
        if found is None:
            return Failed(error)
        is_ours = wanted is not None and wanted.size == found.size
        return Ok(found.version) if is_ours else Unknown(error)

    async def _until_shown(self, error: TransientError) -> None:
        """Wait until a change that has taken effect must show.

        :raises TransientError: the caller has no time for that.
        """
        lag = self._trust.lag
        if lag and not await sleep_in_time(self._driver.runtime, lag + MOMENT):
            raise error

    def _is_as_before(self, condition: Condition, version: str) -> bool:
        is_same = condition.kind == "version" and condition.version == version
        return is_same and self._driver.capabilities.unique_versions

    async def _stat(self, path: str) -> FileInfo | None:
        try:
            return await self._driver.stat(path)
        except PathNotFoundError:
            return None


async def or_unknown(error: TransientError, looked: Awaitable[Outcome[T]]) -> Outcome[T]:
    """Await *looked*; what cannot be looked at stays unknown."""
    try:
        return await looked
    except RegstoreError:
        return Unknown(error)
