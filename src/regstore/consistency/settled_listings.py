"""Listings, with what this process has done laid over them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from regstore.consistency.journal import Entry, Journal
from regstore.consistency.settled_reads import Verdict, described, judged, look_at_info
from regstore.consistency.trust import Trust
from regstore.driver import FileInfo, StorageDriver
from regstore.errors import NotYetVisibleError, PathNotFoundError

Names = AsyncGenerator[str, None]
Inside = Mapping[str, Mapping[str, Entry]]
"""What was done below a directory: by the name in it, then by the path from it."""


class SettledListings:
    """Adds own writes to what a store lists, and hides what this process has deleted.

    :param inner: what lists.
    :param outer: reads again where it must: the wrapper around *inner*.
    """

    def __init__(
        self, inner: StorageDriver, outer: StorageDriver, journal: Journal, trust: Trust
    ) -> None:
        self._inner = inner
        self._outer = outer
        self._journal = journal
        self._trust = trust

    def own_below(self, path: str) -> dict[str, Entry]:
        """Return what this process did below *path* and the store may not show yet."""
        if not len(self._journal):
            return {}
        since = self._inner.runtime.monotonic() - self._trust.window
        return self._journal.below(path, since)

    def is_swept(self, path: str) -> bool:
        """Whether this process has deleted *path* with all below it a moment ago."""
        tree = self._journal.tree_above(path)
        if tree is None:
            return False
        return tree.time >= self._inner.runtime.monotonic() - self._trust.window

    async def list(self, path: str, start_after: str | None, limit: int | None) -> Names:
        """Yield names as :meth:`StorageDriver.list` does."""
        own = self.own_below(path)
        if limit == 0 and any(entry.kind == "put" for entry in own.values()):
            return
        if limit == 0 or not (own or self.is_swept(path)):
            async with aclosing(self._inner.list(path, start_after, limit)) as names:
                async for name in names:
                    yield name
            return
        given = 0
        async with aclosing(self._merged(path, _by_name(own), start_after, limit)) as merged:
            async for name in merged:
                yield name
                given += 1
                if given == limit:
                    return
        if not path or given:
            return
        if not start_after:
            raise PathNotFoundError(path, self._inner.name, "nothing lies below it")
        # Nothing lies behind the start: whether anything lies before it is another question.
        async with aclosing(self.list(path, None, 1)) as names:
            async for _ in names:
                return

    async def _merged(
        self, path: str, own: Inside, start_after: str | None, limit: int | None
    ) -> Names:
        hides = not self._trust.capabilities.list_after_write
        more = limit + sum(map(len, own.values())) if limit is not None and hides else limit
        left = sorted(_names_put(own, start_after), reverse=True)
        try:
            async with aclosing(self._inner.list(path, start_after, more)) as names:
                async for name in names:
                    while left and left[-1] < name:
                        if await self._is_added(path, own[left[-1]]):
                            yield left[-1]
                        left.pop()
                    if left and left[-1] == name:
                        left.pop()
                        yield name
                    elif not await self._is_hidden(path, name, own.get(name, {})):
                        yield name
        except PathNotFoundError:
            pass
        while left:
            if await self._is_added(path, own[left[-1]]):
                yield left[-1]
            left.pop()

    async def _is_added(self, path: str, own: Mapping[str, Entry]) -> bool:
        """Whether a name, which the store does not list, is there all the same: for its *own*."""
        if self._trust.capabilities.list_after_write:
            for each, entry in own.items():
                if entry.kind == "put" and await self._is_late(_join(path, each), entry):
                    return True
            return False
        self._trust.seen.overlaid += 1
        return True

    async def _is_late(self, path: str, entry: Entry) -> bool:
        """Whether a listing that promises to show *entry* has broken its promise."""
        try:
            info = await self._inner.stat(path)
        except PathNotFoundError:
            return False
        # Where versions come again others may have written it again meanwhile, and where deletions
        # lag others may have deleted it.
        keeps = self._trust.capabilities
        is_there = keeps.unique_versions and keeps.read_after_overwrite
        if is_there and info.version == entry.version:
            age = self._inner.runtime.monotonic() - entry.time
            self._trust.violated(path, "list_after_write", age)
        return True

    async def _is_hidden(self, path: str, name: str, own: Mapping[str, Entry]) -> bool:
        """Whether *name*, which the store lists, is gone."""
        if self._trust.capabilities.list_after_write:
            return False
        at = own.get(name)
        if (at is not None and at.kind != "put") or self.is_swept(_join(path, name)):
            self._trust.seen.overlaid += 1
            return True
        if not own:
            return False
        # Things below it were deleted: is anything left?
        async with aclosing(self.list(_join(path, name), None, 1)) as names:
            try:
                async for _ in names:
                    return False
            except PathNotFoundError:
                pass
        self._trust.seen.overlaid += 1
        return True

    async def walk(self, path: str) -> AsyncGenerator[FileInfo, None]:
        """Yield objects as :meth:`StorageDriver.walk` does."""
        own = self.own_below(path)
        given = 0
        try:
            async with aclosing(self._inner.walk(path)) as infos:
                async for info in infos:
                    known = own.pop(info.path[len(path) + 1 :] if path else info.path, None)
                    current: FileInfo | None = info
                    if known is not None or self._journal.is_swept:
                        current = await self._current(info, known)
                    if current is not None:
                        given += 1
                        yield current
        except PathNotFoundError:
            if not own:
                raise
        for each, entry in own.items():
            added = await self._added(_join(path, each), entry)
            if added is not None:
                given += 1
                yield added
        if path and not given:
            raise PathNotFoundError(path, self._inner.name, "nothing lies below it")

    async def _current(self, info: FileInfo, entry: Entry | None) -> FileInfo | None:
        """Return what *info*, which the store shows, should say; ``None`` if it is gone."""
        if self._trust.capabilities.list_after_write:
            return info
        if entry is None:
            if not self.is_swept(info.path):
                return info
        elif entry.kind == "put":
            how = self._judge(entry, info)
            if how in {Verdict.CURRENT, Verdict.NEWER}:
                return info
            self._trust.seen.overlaid += 1
            return described(info.path, entry) or await self._found(info.path)
        self._trust.seen.overlaid += 1
        return None

    async def _added(self, path: str, entry: Entry) -> FileInfo | None:
        """Return what the store does not show of an own write."""
        if entry.kind != "put":
            return None
        if self._trust.capabilities.list_after_write and not await self._is_late(path, entry):
            return None
        self._trust.seen.overlaid += 1
        return described(path, entry) or await self._found(path)

    def _judge(self, entry: Entry, info: FileInfo) -> Verdict:
        keeps = self._trust.capabilities
        return judged(
            entry,
            look_at_info(info),
            unique=keeps.unique_versions,
            dated=keeps.modified_is_commit_time,
            prompt=keeps.read_after_overwrite,
        )

    async def _found(self, path: str) -> FileInfo | None:
        try:
            return await self._outer.stat(path)
        except (PathNotFoundError, NotYetVisibleError):
            return None


def _by_name(own: Mapping[str, Entry]) -> Inside:
    inside: dict[str, dict[str, Entry]] = {}
    for path, entry in own.items():
        inside.setdefault(path.split("/", 1)[0], {})[path] = entry
    return inside


def _names_put(own: Inside, start_after: str | None) -> list[str]:
    return [
        name
        for name, entries in own.items()
        if (start_after is None or name > start_after)
        and any(entry.kind == "put" for entry in entries.values())
    ]


def _join(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name
