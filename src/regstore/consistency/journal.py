"""What this process has written and deleted of late: the memory behind ``settle.py``."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from math import inf
from typing import Final, Literal

from regstore.consistency.directories import Directories

MAX_BODY: Final = 4096
"""Bytes of a body that is kept, at most: links, times of uploads, small documents."""

_REPLACED: Final = 8
_AT_ONCE: Final = 100
"""Entries that are forgotten in one go, at most, since callers wait meanwhile."""


@dataclass(slots=True, eq=False)
class Entry:
    """The last thing that this process did to one path.

    :ivar kind: ``"put"``, ``"delete"``, or ``"tree"``: all below it was deleted.
    :ivar time: when it was done, on the runtime's monotonic clock, in seconds.
    :ivar written: the same on this process's wall clock.
    :ivar version: of a put what is stored, of a deletion what is gone; ``None`` if unknown.
    :ivar size: bytes, if known.
    :ivar body: the content, where it is small.
    :ivar replaced: versions that this process had written there before, newest first.
    :ivar fresh: this process had not deleted anything there before.
    :ivar first: this process had done nothing there before.
    :ivar rivals: versions that this process wrote there at the same time: any may have won.
    :ivar only: what was deleted was *version*, for certain, and nothing else.
    :ivar ticket: of its record.
    :ivar adopted_at: of what others have made of it: when that was seen.
    :ivar modified: the store's own time of this version, once it was seen.
    :ivar missed_at: when the store was asked last that did not show it, although it should have.
    :ivar gone_by: when that was answered, at the latest: by then others may have deleted it.
    """

    kind: Literal["put", "delete", "tree"]
    time: float
    written: datetime
    version: str | None = None
    size: int | None = None
    body: bytes | None = None
    replaced: tuple[str, ...] = ()
    modified: datetime | None = None
    fresh: bool = True
    first: bool = True
    rivals: tuple[str, ...] = ()
    only: bool = False
    ticket: int = 0
    adopted_at: float | None = None
    missed_at: float = 0.0
    gone_by: float = 0.0

    @property
    def known_at(self) -> float:
        """When it was there for certain, on the runtime's monotonic clock."""
        return self.time if self.adopted_at is None else self.adopted_at


class Entries:
    """Entries by path, bounded: the oldest go first, and are counted.

    Safe for any thread: every step is one operation on a dict or deque.

    :param limit: entries, at most.
    :param max_body: bytes of a body that is kept, at most.
    :ivar evicted: entries that went because of *limit*: for these nothing is promised any more.
    """

    def __init__(self, limit: int = 10_000, max_body: int = MAX_BODY) -> None:
        self.limit = limit
        self.max_body = max_body
        self.evicted: int = 0
        self._entries: dict[str, Entry] = {}
        self._directories = Directories(self._entries)
        self._trees: dict[str, Entry] = {}
        self._tickets = count(1)
        self._order: deque[tuple[str, Entry]] = deque()

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, path: str) -> Entry | None:
        """Return what was done to *path* last: to itself, or to a directory above it."""
        found = self._entries.get(path)
        return self.tree_above(path) if found is None and self._trees else found

    @property
    def is_swept(self) -> bool:
        """Whether any tree was deleted of late."""
        return bool(self._trees)

    def tree_above(self, path: str) -> Entry | None:
        """Return the deletion of *path* or a directory above it, if there was one."""
        while path and self._trees:
            tree = self._trees.get(path)
            if tree is not None:
                return tree
            path = path.rpartition("/")[0]
        return None

    def begin(self) -> int:
        """Return a ticket for a change that begins: what is recorded later overlaps with it."""
        return next(self._tickets)

    def record(self, path: str, entry: Entry, begun: int | None = None) -> None:
        """Remember *entry*, and forget what was known of *path* before.

        Of changes at the same time nobody knows the order: of writes any may have won, and a write
        beside a deletion is not remembered at all, unless what was deleted was another version.

        :param begun: the ticket with which the change began; ``None`` where nothing can overlap.
        """
        if entry.body is not None and len(entry.body) > self.max_body:
            entry.body = None
        before = self.find(path)
        entry.ticket = next(self._tickets)
        known = (before.version,) if before is not None and before.version else ()
        if before is not None and begun is not None and before.ticket > begun:
            if before.kind == entry.kind:
                entry.rivals, known, entry.body = (*before.rivals, *known), (), None
            elif not _outlasts(entry, before):
                self._settle_order(path, before, entry)
                return
        entry.fresh = before is None or before.kind == "put"
        entry.first = before is None
        if before is not None:
            entry.replaced = (*known, *before.replaced)[:_REPLACED]
        if entry.kind != "put" and entry.version is None and before is not None:
            entry.version = before.version
        self._entries[path] = entry
        self._directories.added(path)
        if entry.kind == "tree":
            self._trees[path] = entry
        self._order.append((path, entry))
        while len(self._entries) > self.limit or len(self._order) > 2 * self.limit:
            self._drop_oldest()

    def _settle_order(self, path: str, before: Entry, entry: Entry) -> None:
        """Keep *before* where it outlasts *entry*; forget both where nobody knows."""
        if not _outlasts(before, entry):
            self.forget(path, before)
        elif entry.version is not None:
            before.replaced = (entry.version, *before.replaced)[:_REPLACED]

    def forget(self, path: str, entry: Entry) -> None:
        """Forget *entry*, unless another one has taken its place."""
        if self._entries.get(path) is entry:
            found = self._entries.pop(path, None)
            if found is not None and found is not entry:  # another thread was faster
                self._entries.setdefault(path, found)
            self._directories.removed(path)
        if entry.kind == "tree" and self._trees.get(path) is entry:
            self._trees.pop(path, None)

    @property
    def oldest(self) -> float:
        """When that was done which is forgotten next; never, where there is nothing."""
        try:
            return self._order[0][1].time if self._order else inf
        except IndexError:  # another thread was faster
            return inf

    def expire(self, before: float) -> None:
        """Forget what was done before that time: if it is much, some of it, and more next time."""
        for _ in range(_AT_ONCE):
            if self.oldest >= before or (oldest := self._pop()) is None:
                return
            if oldest[1].time >= before:  # another thread was faster, and this is the next one
                self._order.appendleft(oldest)
                return
            self.forget(*oldest)

    def below(self, path: str, since: float) -> dict[str, Entry]:
        """Return what was done below *path* since then, by the path from there."""
        cut = len(path) + 1 if path else 0
        return {
            each[cut:]: entry
            for each in self._directories.below(path)
            if (entry := self._entries.get(each)) is not None and entry.time >= since
        }

    def _drop_oldest(self) -> None:
        oldest = self._pop()
        if oldest is not None and self._entries.get(oldest[0]) is oldest[1]:
            self.forget(*oldest)
            self.evicted += 1

    def _pop(self) -> tuple[str, Entry] | None:
        try:
            return self._order.popleft()
        except IndexError:  # another thread was faster
            return None


def _outlasts(put: Entry, deletion: Entry) -> bool:
    """Whether *put* is there although *deletion* took place at the same time."""
    is_known = put.kind == "put" and put.version is not None and deletion.only
    return is_known and put.version != deletion.version


class Journal(Entries):
    """What one process did on one store.

    May be shared by several drivers on the same store and root. Each part has *limit*.

    :ivar parked: up to which size writers were parked.
    :ivar missed: what was written and did not show when it should have: it is not waited for any
        more, and tells that the store has broken its word if it shows after all.
    """

    def __init__(self, limit: int = 10_000, max_body: int = MAX_BODY) -> None:
        super().__init__(limit, max_body)
        self.parked: Entries = Entries(limit, max_body)
        self.missed: Entries = Entries(limit, max_body)
