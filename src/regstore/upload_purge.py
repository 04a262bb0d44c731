"""The end of an upload that its client has abandoned, and of no other.

Who ends an upload does not know whether somebody still writes to it, so each looks at what the
other did: whoever adds bytes looks for the start of the upload *after* them, and acknowledges
nothing without it; whoever ends the upload removes its start, and looks for bytes *after* that.
Where there are new ones they may have been acknowledged, and the start is put back.
"""

from __future__ import annotations

from collections.abc import Awaitable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from regstore._protections import protections
from regstore.consistency.deadline import no_deadline, time_left
from regstore.driver import Content, FileInfo
from regstore.errors import DriverError, PathNotFoundError, TransientError
from regstore.scope import Scope
from regstore.upload_place import UploadPlace

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was seen of an upload.

    :ivar files: path and version of each, but for its start and the mark of who ends it.
    :ivar newest: when any of it, the start included, was last written; without a start the mark,
        too: who has taken the start away may put it back.
    """

    files: frozenset[tuple[str, str]]
    parked_at: datetime | None
    newest: datetime
    has_start: bool

    def has_grown_since(self, before: _Seen) -> bool:
        """Whether anything was added."""
        return bool(self.files - before.files) or (
            self.parked_at is not None and self.parked_at != before.parked_at
        )


class Purge:
    """The ending of one upload by somebody else than its client."""

    def __init__(self, scope: Scope, upload_id: str) -> None:
        self._scope = scope
        self._driver = scope.driver
        self._place = UploadPlace(scope, upload_id)

    async def end(self, older_than: timedelta) -> bool:
        """End the upload; return ``False`` where something of it is younger than that.

        :raises BlobUploadUnknownError: there is nothing of such an upload.
        """
        before = await self._look()
        if before is None and self._driver.capabilities.lag:  # it may not show yet
            before = await self._look_later()
        if before is None:
            return await self._end_unseen()
        if self._scope.runtime.now() - before.newest < older_than:
            return False
        self._require_time()
        marked_at = await self._marked_at()
        if marked_at is None:  # somebody else has ended it, or let it go on
            return await self.end(older_than)
        if marked_at - before.newest < older_than:
            await self._unmark()
            return False
        if await self._goes_on(before):
            return False
        await self._place.remove_rest()
        return True

    async def _goes_on(self, before: _Seen) -> bool:
        """Make the upload unknown, unless somebody adds to it, or else ends it."""
        if not protections().startedat_first:
            return False
        start = await self._place.find_start()
        if start is None or not await self._or_put_back(start, self._place.take_start(start)):
            return await self._is_for_others(before)
        after = await self._or_put_back(start, self._look_later())
        if after is None or not after.has_grown_since(before):
            return False
        await self._put_back(start)
        await self._unmark()
        return True

    async def _is_for_others(self, before: _Seen) -> bool:
        """Return whether somebody has taken the start before, who may put it back."""
        if before.has_start and await self._look() is None:
            await self._unmark()
        return before.has_start

    async def _look_later(self) -> _Seen | None:
        """Look once all see that the start is gone, and all that was added before is seen.

        :raises TransientError: the caller has no time to wait.
        """
        self._require_time()
        if self._seconds:
            await self._scope.runtime.sleep(self._seconds)
        return await self._look()

    @property
    def _seconds(self) -> float:
        """For how long to wait until all is seen that others have done."""
        return 2 * self._driver.capabilities.lag

    def _require_time(self) -> None:
        """Change nothing where there is no time to see what others do meanwhile.

        To put the start back would make the upload young again.

        :raises TransientError: there is none.
        """
        left = time_left(self._scope.runtime)
        if left is not None and left <= self._seconds:
            seconds = f"{self._seconds:.3g} s"
            detail = f"whether somebody adds to it shows in {seconds}: give it more time"
            raise TransientError(self._place.start, self._driver.name, detail)

    async def _or_put_back(self, start: Content, step: Awaitable[T]) -> T:
        """Await *step*; where it fails nobody knows whether anything was added: it goes on."""
        try:
            return await step
        except BaseException as error:
            try:
                await self._put_back(start)
            except DriverError as failure:
                error.add_note(f"and the start of the upload could not be put back: {failure}")
            raise

    async def _put_back(self, start: Content) -> None:
        """Let the upload go on, whoever gives up: its client was told that its bytes are kept."""
        with no_deadline():
            await self._scope.runtime.shield(self._place.restore_start(start))

    async def _unmark(self) -> None:
        await self._driver.delete_file(self._place.purging, missing_ok=True)

    async def _marked_at(self) -> datetime | None:
        """Say that the upload is being ended, and return the time by the store's clock.

        ``None`` where somebody else has removed the mark at once.
        """
        await self._driver.put_content(self._place.purging, b"")
        try:
            return (await self._driver.stat(self._place.purging, must_exist=True)).modified
        except PathNotFoundError:
            return None

    async def _look(self) -> _Seen | None:
        """Return what there is of the upload; ``None`` where nothing can be seen."""
        found = {info.path: info for info in await self._files()}
        parked_at = await self._driver.parked_at(self._place.data)
        mark = found.pop(self._place.purging, None)
        times = [info.modified for info in found.values()]
        if parked_at is not None:
            times.append(parked_at)
        if not times:
            return None
        start = found.pop(self._place.start, None)
        if start is None and mark is not None:
            times.append(mark.modified)
        files = frozenset((info.path, info.version) for info in found.values())
        return _Seen(files, parked_at, max(times), has_start=start is not None)

    async def _files(self) -> list[FileInfo]:
        try:
            async with aclosing(self._driver.walk(self._place.directory.path)) as files:
                return [info async for info in files]
        except PathNotFoundError:
            return []

    async def _end_unseen(self) -> bool:
        """Remove what only the driver sees: what a process has left that was killed."""
        try:
            await self._driver.delete(self._place.directory.path)
        except PathNotFoundError:
            raise self._place.unknown() from None
        return True
