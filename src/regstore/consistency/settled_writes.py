"""What goes into the journal, and what must be there before something can be done with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from math import inf
from typing import Any, Final, Literal, Protocol, TypeVar

from typing_extensions import override

from regstore.consistency.deadline import MOMENT
from regstore.consistency.journal import Entries, Entry, Journal
from regstore.consistency.settled_reads import FIRST_PAUSE, GROWTH, LONGEST_PAUSE
from regstore.consistency.trust import Trust
from regstore.consistency.wrapper import WrapperWriter
from regstore.driver import ANY, Condition, FileWriter, StorageDriver
from regstore.errors import (
    InvalidPathError,
    NoSpaceError,
    NotYetVisibleError,
    PathNotFoundError,
    PermissionDeniedError,
    PreconditionFailedError,
    TransientError,
    UnsupportedMethodError,
    WriterClosedError,
)

T = TypeVar("T")

_MARGIN: Final = 10.0
"""Seconds for which writes are remembered beyond what a store needs, to notice one that lags."""


_HARMLESS: Final = (
    InvalidPathError,
    NoSpaceError,
    PathNotFoundError,
    PermissionDeniedError,
    UnsupportedMethodError,
    WriterClosedError,
)

Kind = Literal["put", "delete", "tree"]


class Opening(Protocol):
    """Opens a writer."""

    def __call__(self, *, at_least: int) -> Coroutine[Any, Any, FileWriter]:
        """Open it where at least so many bytes are parked."""
        ...


class SettledWrites:
    """Keeps the journal, and repeats what failed only because the store lags."""

    def __init__(
        self,
        inner: StorageDriver,
        journal: Journal,
        trust: Trust,
        left: Callable[[], float | None],
    ) -> None:
        self._inner = inner
        self._journal = journal
        self._trust = trust
        self._left = left

    def begin(self) -> int:
        """Return what :meth:`put` and :meth:`deleted` ask for: when the change began."""
        return self._journal.begin()

    def expire(self) -> None:
        """Forget what was done too long ago to matter. Cheap where nothing was."""
        oldest = self._journal.oldest
        if oldest == inf:
            return
        now = self._inner.runtime.monotonic()
        if oldest < now - _MARGIN:
            self._expire(self._journal, now)

    def put(
        self,
        path: str,
        begun: int,
        version: str | None,
        size: int | None,
        body: bytes | None = None,
    ) -> None:
        """Remember what was written."""
        small = body is not None and len(body) <= self._journal.max_body
        entry = self._entry("put", version, size)
        entry.body = bytes(body) if body is not None and small else None
        self._record(self._journal, path, entry, begun)

    def deleted(self, path: str, begun: int, version: str | None = None) -> None:
        """Remember what was deleted: *version* and nothing else, where it is given."""
        entry = self._entry("delete", version)
        entry.only = version is not None
        self._record(self._journal, path, entry, begun)

    def parked(self, path: str, size: int) -> None:
        """Remember up to where a writer was parked."""
        self._record(self._journal.parked, path, self._entry("put", None, size))

    def unparked(self, path: str) -> None:
        """Forget that a writer was parked: it is committed or cancelled."""
        entry = self._journal.parked.find(path)
        if entry is not None:
            self._journal.parked.forget(path, entry)

    def committed_elsewhere(self, path: str, begun: int) -> None:
        """Remember that nothing remains at a writer's own path."""
        entry = self._journal.find(path)
        if entry is not None and entry.kind == "put":
            self.deleted(path, begun)

    def failed(self, path: str, error: BaseException) -> None:
        """Answer no more for *path* from the journal: a change may have had its effect.

        What else is known of it stays: what is neither that nor newer is stale all the same.
        """
        entry = None if had_no_effect(error) else self._journal.find(path)
        if entry is not None:
            entry.body = entry.size = None

    async def from_source(self, path: str, act: Callable[[], Awaitable[T]]) -> T:
        """Do what needs the object at *path*; wait for it where this process has written it.

        :raises PathNotFoundError: it is not there, or was deleted by somebody else.
        """
        return await self._until_there(path, act, self._journal, must_exist=False)

    async def copied(
        self,
        source: str,
        source_version: str | None,
        copy: Callable[[str | None], Awaitable[str | None]],
    ) -> str | None:
        """Copy the version that this process has written, where the store can be told which."""
        entry = self._journal.find(source)
        own = entry.version if entry is not None and entry.kind == "put" else None
        may_pin = self._trust.capabilities.source_pinned_copy and entry is not None
        if source_version is not None or own is None or not may_pin or not self._lags:
            return await self.from_source(source, lambda: copy(source_version))

        async def pinned() -> str | None:
            try:
                return await copy(own)
            except PreconditionFailedError as error:
                # An old version, or one that somebody else has written since: time will tell.
                raise PathNotFoundError(source, self._inner.name) from error

        with suppress(PathNotFoundError):
            return await self.from_source(source, pinned)
        return await copy(None)

    async def resumed(self, path: str, at_least: int, opening: Opening) -> FileWriter:
        """Open what was parked, with all that this process has parked there."""
        entry = self._journal.parked.find(path)
        own = entry.size or 0 if entry is not None else 0
        known = max(at_least, own)
        try:
            return await self._until_there(
                path,
                lambda: opening(at_least=known),
                self._journal.parked,
                must_exist=at_least > 0,
            )
        except NotYetVisibleError:
            if known == at_least:
                raise
        # What is shorter by now is another's: the one that this process had parked is gone.
        return await opening(at_least=at_least)

    async def delete_tree(self, path: str, own: dict[str, Entry]) -> None:
        """Delete all below *path*, and what a listing does not show of this process's own."""
        begun = self.begin()
        puts = [f"{path}/{each}" for each, entry in own.items() if entry.kind == "put"]
        at = self._journal.find(path)
        missing: PathNotFoundError | None = None
        try:
            if at is not None and at.kind == "put":
                await self.from_source(path, lambda: self._inner.delete(path))
            else:
                await self._inner.delete(path)
        except PathNotFoundError as error:
            missing = error
        if not self._trust.capabilities.list_after_write:
            await self._inner.runtime.map(self._delete_own, puts)
        for each, entry in self._journal.below(path, -inf).items():
            if entry.kind == "put":
                self.deleted(f"{path}/{each}", begun)
        self._unpark_below(path)
        if missing is not None and not puts:
            raise missing
        self._record(self._journal, path, self._entry("tree"))

    async def _delete_own(self, path: str) -> None:
        await self._inner.delete_file(path, missing_ok=True)

    def _unpark_below(self, path: str) -> None:
        self.unparked(path)
        parked = self._journal.parked
        for each, entry in parked.below(path, -inf).items():
            parked.forget(f"{path}/{each}", entry)

    @property
    def _lags(self) -> bool:
        return not self._trust.capabilities.read_after_overwrite

    async def _until_there(
        self,
        path: str,
        act: Callable[[], Awaitable[T]],
        journal: Entries,
        *,
        must_exist: bool,
    ) -> T:
        """Repeat *act* while it does not find what this process's *journal* tells of."""
        runtime, pause = self._inner.runtime, FIRST_PAUSE
        begun, left = runtime.monotonic(), self._left()
        deadline = inf if left is None else begun + left
        while True:
            sent = runtime.monotonic()
            try:
                return await act()
            except (PathNotFoundError, NotYetVisibleError):
                end = self._end(path, journal, begun, must_exist=must_exist)
                now = runtime.monotonic()
                if sent > end or now > deadline - MOMENT:
                    raise
            await runtime.sleep(max(0.0, min(pause, end + MOMENT - now, deadline - now)))
            pause = min(pause * GROWTH, LONGEST_PAUSE)
            self._trust.seen.reads_again += 1

    def _end(self, path: str, journal: Entries, begun: float, *, must_exist: bool) -> float:
        entry = journal.find(path)
        if entry is None or entry.kind != "put":
            reach = self._trust.reach if must_exist else 0.0
            return begun + reach if reach else -inf
        return (begun if self._trust.bound == 0 else entry.time) + self._trust.window

    def _entry(self, kind: Kind, version: str | None = None, size: int | None = None) -> Entry:
        runtime = self._inner.runtime
        return Entry(kind, runtime.monotonic(), runtime.now(), version, size)

    def _record(self, journal: Entries, path: str, entry: Entry, begun: int | None = None) -> None:
        self._expire(journal, entry.time)
        journal.record(path, entry, begun)

    def _expire(self, journal: Entries, now: float) -> None:
        journal.expire(now - 2 * self._trust.window - _MARGIN)


def had_no_effect(error: BaseException) -> bool:
    """Whether what raised *error* has certainly changed nothing, and tells of no other's change."""
    if isinstance(error, TransientError):
        return not error.outcome_unknown
    return isinstance(error, _HARMLESS)


class SettledWriter(WrapperWriter):
    """Tells the journal what becomes of a writer."""

    def __init__(self, inner: FileWriter, path: str, writes: SettledWrites) -> None:
        super().__init__(inner)
        self._path = path
        self._writes = writes
        self._is_committed = False

    @override
    async def park(self, note: bytes = b"") -> None:
        await self._inner.park(note)
        self._writes.parked(self._path, self._inner.size)

    @override
    async def commit(
        self, to: str | None = None, condition: Condition = ANY, *, keep_parked: bool = False
    ) -> str | None:
        path = self._path if to is None else to
        begun = self._writes.begin()
        try:
            version = await self._inner.commit(to, condition, keep_parked=keep_parked)
        except BaseException as error:
            self._writes.failed(path, error)
            raise
        if not self._is_committed:
            # A repeat changes nothing, and others may have written since.
            self._is_committed = True
            self._writes.put(path, begun, version, self._inner.size)
            if path != self._path:
                self._writes.committed_elsewhere(self._path, begun)
            if not keep_parked:
                self._writes.unparked(self._path)
        return version

    @override
    async def cancel(self) -> None:
        await self._inner.cancel()
        self._writes.unparked(self._path)
