"""What memory drivers hold: a dict and a lock."""

from __future__ import annotations

import itertools
import os
import threading
from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

from regstore.driver import Condition, Content
from regstore.errors import (
    InvalidPathError,
    NotYetVisibleError,
    PathExistsError,
    PathNotFoundError,
    PreconditionFailedError,
)

NAME = "memory"

# One lock for all stores: it is held for microseconds, and a fork can wait for it, so that a child
# finds every store whole (X5).
_LOCK = threading.Lock()
os.register_at_fork(
    before=_LOCK.acquire, after_in_parent=_LOCK.release, after_in_child=_LOCK.release
)


@dataclass(slots=True, eq=False)
class Head:
    """The head record of an upload: who may go on is told by its identity (A7).

    ``parts`` is what was parked, or ``None`` before the first park; ``note`` is the note beside it,
    ``parked_at`` the time of that.
    """

    parts: tuple[bytes, ...] | None
    note: bytes = b""
    parked_at: datetime | None = None


class MemoryStore:
    """What memory drivers hold. Drivers that share one are as two processes on one store.

    Only :class:`MemoryDriver` calls its methods; paths arrive checked.
    """

    _named: ClassVar[dict[str, MemoryStore]] = {}

    def __init__(self) -> None:
        self._objects: dict[str, Content] = {}
        self._children: dict[str, list[str]] = {"": []}
        self._heads: dict[str, Head] = {}
        self._versions = itertools.count(1)

    @classmethod
    def named(cls, name: str) -> MemoryStore:
        """Return the store that this process knows by *name*, made when first asked for."""
        with _LOCK:
            return cls._named.setdefault(name, cls())

    def find(self, path: str) -> Content | None:
        """Return the object at *path*, if there is one."""
        return self._objects.get(path)

    def get(self, path: str) -> Content:
        """Return the object at *path*.

        :raises PathNotFoundError: there is none.
        """
        content = self._objects.get(path)
        if content is None:
            raise PathNotFoundError(path, NAME)
        return content

    def is_directory(self, path: str) -> bool:
        """Whether something lies below *path*; the root always is a directory."""
        return path in self._children

    def names(self, path: str, start_after: str | None, limit: int | None) -> list[str]:
        """Return the names of the children of *path*, sorted."""
        with _LOCK:
            names = self._children.get(path)
            if names is None:
                raise PathNotFoundError(path, NAME, "nothing lies below it")
            start = 0 if start_after is None else bisect_right(names, start_after)
            return names[start : None if limit is None else start + limit]

    def below(self, path: str) -> list[str]:
        """Return the path of every object below *path*."""
        with _LOCK:
            return self._below(path)

    def put(self, path: str, data: bytes, now: datetime, condition: Condition) -> str:
        """Store *data* at *path* as *condition* allows; return its version."""
        with _LOCK:
            self._check_condition(path, condition)
            return self._put(path, data, now)

    def move(self, source: str, destination: str, now: datetime) -> None:
        """Rename *source*; onto itself changes nothing."""
        with _LOCK:
            content = self.get(source)
            if source != destination:
                self._put(destination, content.data, now)
                self._remove(source)

    def copy(
        self,
        source: str,
        destination: str,
        now: datetime,
        condition: Condition,
        source_version: str | None,
    ) -> str:
        """Copy *source* as *condition* and *source_version* allow; return the new version."""
        with _LOCK:
            content = self.get(source)
            if source_version is not None and content.version != source_version:
                raise PreconditionFailedError(source, NAME, f"version is {content.version}")
            self._check_condition(destination, condition)
            return self._put(destination, content.data, now)

    def delete(self, path: str) -> None:
        """Remove the object at *path*, all below it, and what is parked there."""
        with _LOCK:
            objects = [path] if path in self._objects else self._below(path)
            heads = [key for key in self._heads if key == path or key.startswith(f"{path}/")]
            parked = [self._heads.pop(key) for key in heads]
            for each in objects:
                self._remove(each)
            if not objects and all(head.parts is None for head in parked):
                raise PathNotFoundError(path, NAME)

    def delete_file(self, path: str, condition: Condition) -> None:
        """Remove the object at *path* as *condition* allows."""
        with _LOCK:
            self.get(path)
            self._check_condition(path, condition)
            self._remove(path)

    def begin(self, path: str) -> Head:
        """Begin an upload at *path*; what was parked there is discarded."""
        with _LOCK:
            self._check_place(path)
            return self._replace_head(path, Head(None))

    def resume(self, path: str, at_least: int, *, begin: bool) -> Head:
        """Take over the upload that was parked at *path*, or begin on an empty object.

        :param begin: begin also where nothing lies.
        """
        with _LOCK:
            head = self._parked(path, begin=begin)
            size = sum(map(len, head.parts or ()))
            if size < at_least:
                detail = f"{size} bytes are parked, {at_least} were acknowledged"
                raise NotYetVisibleError(path, NAME, detail)
            return self._replace_head(path, head)

    def check_head(self, path: str, head: Head) -> None:
        """Refuse a writer that another one has taken over from (A7)."""
        if self._heads.get(path) is not head:
            raise PreconditionFailedError(path, NAME, "another writer or a delete has taken over")

    def parked_at(self, path: str) -> datetime | None:
        """Return when something was last parked at *path*."""
        head = self._heads.get(path)
        return None if head is None else head.parked_at

    def park(
        self, path: str, head: Head, parts: tuple[bytes, ...], note: bytes, now: datetime
    ) -> None:
        """Keep *parts* for whoever resumes *path*; no *note* beside what was there stays as is."""
        with _LOCK:
            self.check_head(path, head)
            if note or parts != head.parts:
                head.note = note
            head.parts, head.parked_at = parts, now

    def commit(
        self,
        path: str,
        head: Head,
        to: str,
        data: bytes,
        now: datetime,
        condition: Condition,
        *,
        keep_parked: bool,
    ) -> str:
        """Make *data* appear at *to*; leave nothing at *path* when that is another.

        :param keep_parked: let what was parked stay.
        """
        with _LOCK:
            self.check_head(path, head)
            self._check_condition(to, condition)
            version = self._put(to, data, now)
            if to != path and path in self._objects:
                self._remove(path)
            if head.parts is None or not keep_parked:
                del self._heads[path]
            return version

    def cancel(self, path: str, head: Head) -> None:
        """Forget the upload at *path*, unless another writer has it now."""
        with _LOCK:
            if self._heads.get(path) is head:
                del self._heads[path]

    def _replace_head(self, path: str, head: Head) -> Head:
        self._heads[path] = mine = replace(head)
        return mine

    def _parked(self, path: str, *, begin: bool) -> Head:
        head = self._heads.get(path)
        if head is not None and head.parts is not None:
            return head
        content = self.find(path) if begin else self.get(path)
        if content is None:
            self._check_place(path)
            return Head(None)
        if content.data:
            raise PathExistsError(path, NAME, "committed content cannot be continued")
        return Head(())

    def _check_condition(self, path: str, condition: Condition) -> None:
        if condition.kind == "any":
            return
        content = self._objects.get(path)
        if condition.kind == "absent":
            if content is not None:
                raise PathExistsError(path, NAME)
        elif content is None or content.version != condition.version:
            found = "nothing" if content is None else f"version {content.version}"
            raise PreconditionFailedError(path, NAME, f"found {found}")

    def _check_place(self, path: str) -> None:
        if path in self._children:
            raise InvalidPathError(path, NAME, "a directory; no object can take its place")
        parent = path.rpartition("/")[0]
        while parent not in self._children:
            if parent in self._objects:
                raise InvalidPathError(path, NAME, f"{parent!r} is an object, not a directory")
            parent = parent.rpartition("/")[0]

    def _put(self, path: str, data: bytes, now: datetime) -> str:
        version = str(next(self._versions))
        if path not in self._objects:
            self._check_place(path)
            self._link(path)
        self._objects[path] = Content(data, version, now)
        return version

    def _remove(self, path: str) -> None:
        del self._objects[path]
        self._unlink(path)

    def _link(self, path: str) -> None:
        while path:
            parent, _, name = path.rpartition("/")
            names = self._children.get(parent)
            if names is not None:
                insort(names, name)
                return
            self._children[parent] = [name]
            path = parent

    def _unlink(self, path: str) -> None:
        while path:
            parent, _, name = path.rpartition("/")
            names = self._children[parent]
            del names[bisect_left(names, name)]
            if names or not parent:
                return
            del self._children[parent]
            path = parent

    def _below(self, path: str) -> list[str]:
        found: list[str] = []
        waiting = [path]
        while waiting:
            directory = waiting.pop()
            for name in self._children.get(directory, ()):
                child = f"{directory}/{name}" if directory else name
                (waiting if child in self._children else found).append(child)
        return found
