"""Files in this process's memory: the reference reading of the contract."""

from __future__ import annotations

import itertools
import os
import threading
from bisect import bisect_left, bisect_right, insort
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar, Literal

from typing_extensions import override

from regstore._run import BlockingRuntime, Runtime
from regstore.driver import (
    ANY,
    CHUNK_SIZE,
    EPOCH,
    Capabilities,
    Condition,
    Content,
    FileInfo,
    FileReader,
    FileWriter,
    StorageDriver,
    check_path,
    check_range,
)
from regstore.drivers.writer import Buffer, StatefulWriter
from regstore.errors import (
    IncompleteReadError,
    InvalidOffsetError,
    InvalidPathError,
    NotYetVisibleError,
    PathExistsError,
    PathNotFoundError,
    PreconditionFailedError,
    UnsupportedMethodError,
)

_NAME = "memory"

# One lock for all stores: it is held for microseconds, and a fork can wait for it, so that a child
# finds every store whole (X5).
_LOCK = threading.Lock()
os.register_at_fork(
    before=_LOCK.acquire, after_in_parent=_LOCK.release, after_in_child=_LOCK.release
)


@dataclass(slots=True, eq=False)
class _Head:
    """The head record of an upload: who may go on is told by its identity (A7).

    ``parts`` is what was parked, or ``None`` before the first park.
    """

    parts: tuple[bytes, ...] | None


class MemoryStore:
    """What memory drivers hold. Drivers that share one are as two processes on one store.

    Only :class:`MemoryDriver` calls its methods; paths arrive checked.
    """

    _named: ClassVar[dict[str, MemoryStore]] = {}

    def __init__(self) -> None:
        self._objects: dict[str, Content] = {}
        self._children: dict[str, list[str]] = {"": []}
        self._heads: dict[str, _Head] = {}
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
            raise PathNotFoundError(path, _NAME)
        return content

    def is_directory(self, path: str) -> bool:
        """Whether something lies below *path*; the root always is a directory."""
        return path in self._children

    def names(self, path: str, start_after: str | None, limit: int | None) -> list[str]:
        """Return the names of the children of *path*, sorted."""
        with _LOCK:
            names = self._children.get(path)
            if names is None:
                raise PathNotFoundError(path, _NAME, "nothing lies below it")
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
                raise PreconditionFailedError(source, _NAME, f"version is {content.version}")
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
                raise PathNotFoundError(path, _NAME)

    def delete_file(self, path: str, condition: Condition) -> None:
        """Remove the object at *path* as *condition* allows."""
        with _LOCK:
            self.get(path)
            self._check_condition(path, condition)
            self._remove(path)

    def begin(self, path: str) -> _Head:
        """Begin an upload at *path*; what was parked there is discarded."""
        with _LOCK:
            self._check_place(path)
            return self._replace_head(path, None)

    def resume(self, path: str, at_least: int) -> _Head:
        """Take over the upload that was parked at *path*, or begin on an empty object."""
        with _LOCK:
            parts = self._parked(path)
            size = sum(map(len, parts))
            if size < at_least:
                detail = f"{size} bytes are parked, {at_least} were acknowledged"
                raise NotYetVisibleError(path, _NAME, detail)
            return self._replace_head(path, parts)

    def check_head(self, path: str, head: _Head) -> None:
        """Refuse a writer that another one has taken over from (A7)."""
        if self._heads.get(path) is not head:
            raise PreconditionFailedError(path, _NAME, "another writer or a delete has taken over")

    def park(self, path: str, head: _Head, parts: tuple[bytes, ...]) -> None:
        """Keep *parts* for whoever resumes *path*."""
        with _LOCK:
            self.check_head(path, head)
            head.parts = parts

    def commit(
        self, path: str, head: _Head, to: str, data: bytes, now: datetime, condition: Condition
    ) -> str:
        """Make *data* appear at *to*; leave nothing at *path* when that is another."""
        with _LOCK:
            self.check_head(path, head)
            self._check_condition(to, condition)
            version = self._put(to, data, now)
            if to != path and path in self._objects:
                self._remove(path)
            del self._heads[path]
            return version

    def cancel(self, path: str, head: _Head) -> None:
        """Forget the upload at *path*, unless another writer has it now."""
        with _LOCK:
            if self._heads.get(path) is head:
                del self._heads[path]

    def _replace_head(self, path: str, parts: tuple[bytes, ...] | None) -> _Head:
        head = self._heads[path] = _Head(parts)
        return head

    def _parked(self, path: str) -> tuple[bytes, ...]:
        head = self._heads.get(path)
        if head is not None and head.parts is not None:
            return head.parts
        if self.get(path).data:
            raise PathExistsError(path, _NAME, "committed content cannot be continued")
        return ()

    def _check_condition(self, path: str, condition: Condition) -> None:
        if condition.kind == "any":
            return
        content = self._objects.get(path)
        if condition.kind == "absent":
            if content is not None:
                raise PathExistsError(path, _NAME)
        elif content is None or content.version != condition.version:
            found = "nothing" if content is None else f"version {content.version}"
            raise PreconditionFailedError(path, _NAME, f"found {found}")

    def _check_place(self, path: str) -> None:
        if path in self._children:
            raise InvalidPathError(path, _NAME, "a directory; no object can take its place")
        parent = path.rpartition("/")[0]
        while parent not in self._children:
            if parent in self._objects:
                raise InvalidPathError(path, _NAME, f"{parent!r} is an object, not a directory")
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


class MemoryReader(FileReader):
    """Reads one version of an object; a replacement meanwhile is not seen (R5)."""

    def __init__(self, info: FileInfo, data: bytes, start: int, stop: int) -> None:
        self.info = info
        self._data: bytes | None = data
        self._next = start
        self._stop = stop

    @override
    async def read(self) -> bytes:
        start = self._next
        if start >= self._stop:
            return b""
        if self._data is None:
            raise IncompleteReadError(self.info.path, _NAME, "the reader was closed")
        self._next = min(start + CHUNK_SIZE, self._stop)
        return self._data[start : self._next]

    @override
    async def aclose(self) -> None:
        self._data = None


class MemoryWriter(StatefulWriter):
    """Collects parts in its own list; the store sees them at park and commit."""

    def __init__(self, store: MemoryStore, path: str, head: _Head, runtime: Runtime) -> None:
        self._parts = list(head.parts or ())
        super().__init__(path, _NAME, sum(map(len, self._parts)))
        self._store = store
        self._head = head
        self._runtime = runtime

    async def _append(self, data: Buffer) -> None:
        self._store.check_head(self._path, self._head)
        self._parts.append(bytes(data))

    async def _park(self) -> None:
        self._store.park(self._path, self._head, tuple(self._parts))

    async def _commit(self, to: str | None, condition: Condition) -> str:
        target = self._path if to is None else check_path(to, _NAME)
        data = b"".join(self._parts)
        now = self._runtime.now()
        version = self._store.commit(self._path, self._head, target, data, now, condition)
        self._parts.clear()
        return version

    async def _cancel(self) -> None:
        self._store.cancel(self._path, self._head)
        self._parts.clear()


class MemoryDriver(StorageDriver):
    """A driver that keeps every clause, and forgets everything when its process ends.

    :param store: what it holds; a private one by default.
    :param runtime: where ``modified`` comes from.
    """

    name = _NAME
    capabilities = Capabilities(
        atomic_put=True,
        stable_reads=True,
        conditional_create=True,
        conditional_replace=True,
        conditional_delete=True,
        conditional_commit=True,
        conditional_copy=True,
        source_pinned_copy=True,
        unique_versions=True,
        atomic_move=True,
        server_side_copy=True,
        resume_scope="process",
        fenced_writers=True,
        read_after_write=True,
        read_after_overwrite=True,
        list_after_write=True,
        staleness_bound=0.0,
        modified_is_commit_time=True,
        listing_start_after=True,
        clock_resolution=1e-6,
    )

    def __init__(self, store: MemoryStore | None = None, runtime: Runtime | None = None) -> None:
        self._store = store or MemoryStore()
        self.runtime = runtime or BlockingRuntime()

    @override
    async def stat(self, path: str, *, must_exist: bool = False) -> FileInfo:
        check_path(path, _NAME, allow_root=True)
        content = self._store.find(path)
        if content is not None:
            return _info(path, content)
        if not self._store.is_directory(path):
            raise PathNotFoundError(path, _NAME)
        return FileInfo(path, 0, EPOCH, "", is_dir=True)

    @override
    async def get_content(self, path: str, *, must_exist: bool = False) -> Content:
        return self._store.get(check_path(path, _NAME))

    @override
    async def reader(
        self, path: str, offset: int = 0, length: int | None = None, *, must_exist: bool = False
    ) -> FileReader:
        check_path(path, _NAME)
        check_range(path, offset, length, _NAME)
        content = self._store.get(path)
        size = len(content.data)
        if offset > size:
            raise InvalidOffsetError(path, offset, _NAME, f"the object ends at {size}")
        stop = size if length is None else min(offset + length, size)
        return MemoryReader(_info(path, content), content.data, offset, stop)

    @override
    async def put_content(self, path: str, data: bytes, condition: Condition = ANY) -> str:
        check_path(path, _NAME)
        return self._store.put(path, bytes(data), self.runtime.now(), condition)

    @override
    async def writer(self, path: str, *, append: bool = False, at_least: int = 0) -> FileWriter:
        check_path(path, _NAME)
        head = self._store.resume(path, at_least) if append else self._store.begin(path)
        return MemoryWriter(self._store, path, head, self.runtime)

    @override
    async def move(self, source: str, destination: str) -> None:
        check_path(source, _NAME)
        check_path(destination, _NAME)
        self._store.move(source, destination, self.runtime.now())

    @override
    async def copy(
        self,
        source: str,
        destination: str,
        condition: Condition = ANY,
        source_version: str | None = None,
    ) -> str:
        check_path(source, _NAME)
        check_path(destination, _NAME)
        now = self.runtime.now()
        return self._store.copy(source, destination, now, condition, source_version)

    @override
    async def delete(self, path: str) -> None:
        self._store.delete(check_path(path, _NAME))

    @override
    async def delete_file(self, path: str, condition: Condition = ANY) -> None:
        check_path(path, _NAME)
        if condition.kind == "absent":
            raise UnsupportedMethodError(path, _NAME, "what is absent cannot be deleted")
        self._store.delete_file(path, condition)

    @override
    async def list(
        self, path: str, start_after: str | None = None, limit: int | None = None
    ) -> AsyncGenerator[str, None]:
        check_path(path, _NAME, allow_root=True)
        for name in self._store.names(path, start_after, limit):
            yield name

    @override
    async def walk(self, path: str) -> AsyncGenerator[FileInfo, None]:
        check_path(path, _NAME, allow_root=True)
        below = self._store.below(path)
        if path and not below:
            raise PathNotFoundError(path, _NAME, "nothing lies below it")
        for each in below:
            content = self._store.find(each)
            if content is not None:
                yield _info(each, content)

    @override
    async def redirect_url(
        self,
        path: str,
        method: Literal["GET", "HEAD"] = "GET",
        expires: timedelta = timedelta(minutes=20),
        filename: str | None = None,
    ) -> None:
        check_path(path, _NAME)

    @override
    async def local_file(self, path: str) -> Path | None:
        self._store.get(check_path(path, _NAME))
        return None

    @override
    async def aclose(self) -> None:
        """Do nothing: there is nothing to release."""


def _info(path: str, content: Content) -> FileInfo:
    return FileInfo(path, len(content.data), content.modified, content.version)
