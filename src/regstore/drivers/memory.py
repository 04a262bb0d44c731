"""Files in this process's memory: the reference reading of the contract."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import nullcontext, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

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
from regstore.drivers.memory_store import NAME, Head, MemoryStore
from regstore.drivers.writer import Buffer, StatefulWriter
from regstore.errors import (
    IncompleteReadError,
    InvalidOffsetError,
    PathNotFoundError,
    UnsupportedMethodError,
)

__all__ = ["MemoryDriver", "MemoryReader", "MemoryStore", "MemoryWriter"]


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
            raise IncompleteReadError(self.info.path, NAME, "the reader was closed")
        self._next = min(start + CHUNK_SIZE, self._stop)
        return self._data[start : self._next]

    @override
    async def aclose(self) -> None:
        self._data = None


class MemoryWriter(StatefulWriter):
    """Collects parts in its own list; the store sees them at park and commit."""

    keeps_notes = True

    def __init__(self, store: MemoryStore, path: str, head: Head, runtime: Runtime) -> None:
        self._parts = list(head.parts or ())
        super().__init__(path, NAME, sum(map(len, self._parts)), head.note)
        self._store = store
        self._head = head
        self._runtime = runtime

    async def _append(self, data: Buffer) -> None:
        self._store.check_head(self._path, self._head)
        self._parts.append(bytes(data))

    async def _park(self, note: bytes) -> None:
        now = self._runtime.now()
        self._store.park(self._path, self._head, tuple(self._parts), bytes(note), now)

    async def _commit(self, to: str | None, condition: Condition, *, keep_parked: bool) -> str:
        target = self._path if to is None else check_path(to, NAME)
        data = b"".join(self._parts)
        now = self._runtime.now()
        version = self._store.commit(
            self._path, self._head, target, data, now, condition, keep_parked=keep_parked
        )
        self._parts.clear()
        return version

    async def _cancel(self) -> None:
        self._store.cancel(self._path, self._head)
        self._parts.clear()

    async def _sweep(self) -> None:
        self._store.cancel(self._path, self._head)


class MemoryDriver(StorageDriver):
    """A driver that keeps every clause, and forgets everything when its process ends.

    :param store: what it holds; a private one by default.
    :param runtime: where ``modified`` comes from.
    """

    name: str = NAME
    capabilities: Capabilities = Capabilities(
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
        parked_notes=True,
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
        self.runtime: Runtime = runtime or BlockingRuntime()

    @override
    async def stat(self, path: str, *, must_exist: bool = False) -> FileInfo:
        check_path(path, NAME, allow_root=True)
        content = self._store.find(path)
        if content is not None:
            return _info(path, content)
        if not self._store.is_directory(path):
            raise PathNotFoundError(path, NAME)
        return FileInfo(path, 0, EPOCH, "", is_dir=True)

    @override
    async def get_content(self, path: str, *, must_exist: bool = False) -> Content:
        return self._store.get(check_path(path, NAME))

    @override
    async def reader(
        self, path: str, offset: int = 0, length: int | None = None, *, must_exist: bool = False
    ) -> FileReader:
        check_path(path, NAME)
        check_range(path, offset, length, NAME)
        content = self._store.get(path)
        size = len(content.data)
        if offset > size:
            raise InvalidOffsetError(path, offset, NAME, f"the object ends at {size}")
        stop = size if length is None else min(offset + length, size)
        return MemoryReader(_info(path, content), content.data, offset, stop)

    @override
    async def put_content(self, path: str, data: bytes, condition: Condition = ANY) -> str:
        check_path(path, NAME)
        return self._store.put(path, bytes(data), self.runtime.now(), condition)

    @override
    async def writer(
        self,
        path: str,
        *,
        append: bool = False,
        begin: bool = False,
        at_least: int = 0,
        destination: str | None = None,
    ) -> FileWriter:
        check_path(path, NAME)
        if append:
            head = self._store.resume(path, at_least, begin=begin)
        else:
            head = self._store.begin(path)
        return MemoryWriter(self._store, path, head, self.runtime)

    @override
    async def parked_at(self, path: str) -> datetime | None:
        return self._store.parked_at(check_path(path, NAME))

    @override
    async def move(self, source: str, destination: str) -> None:
        check_path(source, NAME)
        check_path(destination, NAME)
        self._store.move(source, destination, self.runtime.now())

    @override
    async def copy(
        self,
        source: str,
        destination: str,
        condition: Condition = ANY,
        source_version: str | None = None,
    ) -> str:
        check_path(source, NAME)
        check_path(destination, NAME)
        now = self.runtime.now()
        return self._store.copy(source, destination, now, condition, source_version)

    @override
    async def delete(self, path: str) -> None:
        self._store.delete(check_path(path, NAME))

    @override
    async def delete_file(
        self, path: str, condition: Condition = ANY, *, missing_ok: bool = False
    ) -> None:
        check_path(path, NAME)
        if condition.kind == "absent":
            raise UnsupportedMethodError(path, NAME, "what is absent cannot be deleted")
        with suppress(PathNotFoundError) if missing_ok else nullcontext():
            self._store.delete_file(path, condition)

    @override
    async def list(
        self, path: str, start_after: str | None = None, limit: int | None = None
    ) -> AsyncGenerator[str, None]:
        check_path(path, NAME, allow_root=True)
        for name in self._store.names(path, start_after, limit):
            yield name

    @override
    async def walk(self, path: str) -> AsyncGenerator[FileInfo, None]:
        check_path(path, NAME, allow_root=True)
        below = self._store.below(path)
        if path and not below:
            raise PathNotFoundError(path, NAME, "nothing lies below it")
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
        check_path(path, NAME)

    @override
    async def local_file(self, path: str) -> Path | None:
        self._store.get(check_path(path, NAME))
        return None

    @override
    async def aclose(self) -> None:
        """Do nothing: there is nothing to release."""


def _info(path: str, content: Content) -> FileInfo:
    return FileInfo(path, len(content.data), content.modified, content.version)
