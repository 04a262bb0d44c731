"""The driver of whatever fsspec can open."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import nullcontext, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from fsspec import AbstractFileSystem
from typing_extensions import override

from regstore._run import BlockingRuntime, Runtime
from regstore.driver import (
    ANY,
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
from regstore.drivers.generic.info import kind_of
from regstore.drivers.generic.publish import publisher_for
from regstore.drivers.generic.reader import RangeReader
from regstore.drivers.generic.session import Record, Session
from regstore.drivers.generic.source import Source
from regstore.drivers.generic.store import Store
from regstore.drivers.generic.tree import (
    files_below,
    has_files,
    remove_below,
    shown_children,
)
from regstore.drivers.generic.versions import described, find_file, size_of
from regstore.drivers.generic.writer import GenericWriter
from regstore.errors import (
    InvalidOffsetError,
    NotYetVisibleError,
    PathExistsError,
    PathNotFoundError,
    TransientError,
    UnsupportedMethodError,
)

_ATTEMPTS = 20
"""How often a whole object is read that others replace meanwhile."""


class GenericDriver(StorageDriver):
    """Any filesystem of fsspec, through the methods that block.

    It promises in ``capabilities`` what is known of that filesystem's class; of an unknown class
    nothing but that it works while nobody else writes. What holds for all:

    - No conditions: nothing that fsspec offers refuses a write for what is already there, and
      looking first is no substitute. They raise :exc:`UnsupportedMethodError`.
    - Where the filesystem renames, content is written beside its place and moved in. Elsewhere it
      is written straight to its place: object stores and memory then show it at once, of others a
      reader may see a part, and a store that is full or breaks may keep one.
    - Nothing is synced: what a crash of the machine leaves is the filesystem's affair. On local
      disks use :class:`~regstore.drivers.local.LocalDriver`, which syncs.
    - Each write of a :class:`FileWriter` reads a small record first; a commit carries the content
      through this process.
    - Symbolic links to files are not followed. Links to directories are: no method of fsspec tells
      of them.
    - Empty directories are pruned where ``rmdir`` is known to spare what is not empty; elsewhere
      their names linger. Names that no path may hold (P1) are not shown.

    :param fs: a filesystem. Another instance with the same arguments, and without a cache of
        listings, is used, not *fs* itself, unless it is of this machine's disks or memory.
    :param root: the directory that paths are relative to, as *fs* names it.
    :param capabilities: what to promise instead; see to it that it holds.
    :raises ConfigurationError: *fs* caches content.
    """

    def __init__(
        self,
        fs: AbstractFileSystem | Source,
        root: str,
        *,
        capabilities: Capabilities | None = None,
        runtime: Runtime | None = None,
    ) -> None:
        if isinstance(fs, Source):
            source = fs
        else:
            source, root = Source.of(fs), fs._strip_protocol(root)  # noqa: SLF001 - there is no other
        self.name: str = source.name
        self.capabilities: Capabilities = capabilities or source.traits.capabilities
        self.runtime: Runtime = runtime or BlockingRuntime()
        self._source = source
        self._store = Store(source, root)
        self._publisher = publisher_for(self._store, self.runtime)

    @override
    async def stat(self, path: str, *, must_exist: bool = False) -> FileInfo:
        check_path(path, self.name, allow_root=True)
        info = self._store.info(path) if path else None
        if info is not None and kind_of(info) == "file":
            return described(self._store, path, info)
        if path and (info is None or not has_files(self._store, path)):
            raise PathNotFoundError(path, self.name)
        return FileInfo(path, 0, EPOCH, "", is_dir=True)

    @override
    async def get_content(self, path: str, *, must_exist: bool = False) -> Content:
        check_path(path, self.name)
        before = find_file(self._store, path)
        for _ in range(_ATTEMPTS):
            data = self._store.read(path)
            after = find_file(self._store, path)
            if after == before and after.size == len(data):
                return Content(data, after.version, after.modified)
            before = after
        raise TransientError(path, self.name, "it is being replaced again and again")

    @override
    async def reader(
        self, path: str, offset: int = 0, length: int | None = None, *, must_exist: bool = False
    ) -> FileReader:
        check_path(path, self.name)
        check_range(path, offset, length, self.name)
        info = find_file(self._store, path)
        if offset > info.size:
            detail = f"the object ends at {info.size}"
            raise InvalidOffsetError(path, offset, self.name, detail)
        stop = info.size if length is None else min(offset + length, info.size)
        return RangeReader(self._store, info, offset, stop)

    @override
    async def put_content(self, path: str, data: bytes, condition: Condition = ANY) -> None:
        self._check_write(path, condition)
        self._publisher.put(path, bytes(data))

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
        self._check_write(path)
        session = Session(self._store, self._publisher, path)
        record = session.parked() if append else None
        if append:
            self._check_resumable(path, record, at_least, begin=begin)
        if record is not None:
            return GenericWriter(self._store, self._publisher, session, *session.resume())
        self._store.require_place(path)
        return GenericWriter(self._store, self._publisher, session, session.begin())

    @override
    async def parked_at(self, path: str) -> datetime | None:
        check_path(path, self.name)
        return Session(self._store, self._publisher, path).parked_at()

    @override
    async def move(self, source: str, destination: str) -> None:
        check_path(source, self.name)
        self._check_write(destination)
        size_of(self._store, source)
        if source != destination:
            self._publisher.move(source, destination)

    @override
    async def copy(
        self,
        source: str,
        destination: str,
        condition: Condition = ANY,
        source_version: str | None = None,
    ) -> None:
        check_path(source, self.name)
        self._check_write(destination, condition)
        if source_version is not None:
            raise UnsupportedMethodError(source, self.name, "a copy of one version only")
        if source != destination:
            self._publisher.copy(source, destination)
        else:
            size_of(self._store, source)

    @override
    async def delete(self, path: str) -> None:
        self._check_write(path)
        info = self._store.info(path)
        found = info is not None and kind_of(info) == "file"
        if found:
            self._store.remove(path)
        parked = Session(self._store, self._publisher, path).directory
        for directory in (parked, path):
            found = remove_below(self._store, directory) or found
        if not found:
            raise PathNotFoundError(path, self.name)

    @override
    async def delete_file(
        self, path: str, condition: Condition = ANY, *, missing_ok: bool = False
    ) -> None:
        self._check_write(path, condition)
        try:
            size_of(self._store, path)
        except PathNotFoundError:
            if missing_ok:
                return
            raise
        self._store.remove(path)
        self._store.prune(path.rpartition("/")[0])

    @override
    async def list(
        self, path: str, start_after: str | None = None, limit: int | None = None
    ) -> AsyncGenerator[str, None]:
        check_path(path, self.name, allow_root=True)
        names = shown_children(self._store, path)
        if path and not names:
            raise PathNotFoundError(path, self.name, "nothing lies below it")
        later = [name for name in names if start_after is None or name > start_after]
        for name in later[:limit]:
            yield name

    @override
    async def walk(self, path: str) -> AsyncGenerator[FileInfo, None]:
        check_path(path, self.name, allow_root=True)
        nothing = True
        for found in files_below(self._store, path):
            nothing = False
            try:
                info = described(self._store, found.path, found.info)
            except PathNotFoundError:
                continue  # deleted since it was listed
            yield info
        if path and nothing:
            raise PathNotFoundError(path, self.name, "nothing lies below it")

    @override
    async def redirect_url(
        self,
        path: str,
        method: Literal["GET", "HEAD"] = "GET",
        expires: timedelta = timedelta(minutes=20),
        filename: str | None = None,
    ) -> str | None:
        check_path(path, self.name)
        seconds = int(expires.total_seconds())
        options = self._store.traits.sign_options(method, filename)
        if not self.capabilities.redirect or seconds < 1 or options is None:
            return None
        return self._store.sign(path, seconds, options)

    @override
    async def local_file(self, path: str) -> Path | None:
        check_path(path, self.name)
        size_of(self._store, path)
        return self._store.local(path)

    @override
    async def aclose(self) -> None:
        self._source.close()

    def _check_write(self, path: str, condition: Condition = ANY) -> None:
        check_path(path, self.name)
        self._store.require_writable(path)
        if condition.kind != "any":
            raise UnsupportedMethodError(path, self.name, f"a write if {condition.kind}")

    def _check_resumable(
        self, path: str, record: Record | None, at_least: int, *, begin: bool
    ) -> None:
        size = 0 if record is None else record.size
        with suppress(PathNotFoundError) if begin else nullcontext():
            if record is None and size_of(self._store, path):
                detail = "committed content cannot be continued"
                raise PathExistsError(path, self.name, detail)
        if size < at_least:
            detail = f"{size} bytes are parked, {at_least} were acknowledged"
            raise NotYetVisibleError(path, self.name, detail)
