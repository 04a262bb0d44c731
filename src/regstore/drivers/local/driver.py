"""The driver for local disks."""

from __future__ import annotations

import os
import stat
from bisect import bisect_right
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import closing, nullcontext, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from typing_extensions import override

from regstore import layout
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
from regstore.drivers._oserrors import reading, writing
from regstore.drivers.local import listing, moving, removal
from regstore.drivers.local.naming import NAME
from regstore.drivers.local.parking import Parking
from regstore.drivers.local.reader import LocalReader, read_whole
from regstore.drivers.local.stamps import file_info
from regstore.drivers.local.temporary import store
from regstore.drivers.local.tree import Tree
from regstore.errors import (
    ConfigurationError,
    InvalidOffsetError,
    PathNotFoundError,
    UnsupportedMethodError,
)


class LocalDriver(StorageDriver):
    """Files below a directory of this machine, safe beside other processes and across crashes.

    What is acknowledged is durable: files and the directories that name them are synced first.
    Writers in other processes that are regstore's exclude each other through ``flock(2)``; other
    software does not take these locks, so beside it ``if_version`` is no proof. Where a file system
    has no locks (some network mounts), conditions on versions raise
    :exc:`~regstore.errors.UnsupportedMethodError`.

    At the paths that *append_in_place* names, uploads are appended to where they lie, exactly as
    CNCF distribution's filesystem driver does (``registry/storage/driver/filesystem``), so that
    either can finish the other's upload; at such paths nothing counts as committed.

    :param root: the directory; made by the first write.
    :param allowed_roots: directories outside the root into which symbolic links may lead.
    :param append_in_place: tells of a path whether writers append to it where it lies.
    :param runtime: how coroutines are run; they never suspend.
    :ivar root: the directory, resolved.
    :raises ConfigurationError: on Windows, which has neither such locks nor durable renames.
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
        native_append=True,
        uncommitted_visible=True,
        resume_scope="host",
        read_after_write=True,
        read_after_overwrite=True,
        list_after_write=True,
        staleness_bound=0.0,
        modified_is_commit_time=True,
        ghost_directories=True,
        # Files of other software bear the kernel's time, which ticks up to every 10 ms.
        clock_resolution=0.01,
    )

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        allowed_roots: Iterable[str | os.PathLike[str]] = (),
        append_in_place: Callable[[str], bool] = layout.is_upload_data,
        runtime: Runtime | None = None,
    ) -> None:
        if os.name != "posix":
            msg = "local stores need flock, link and durable renames, which Windows has not"
            raise ConfigurationError(msg)
        self.runtime: Runtime = runtime or BlockingRuntime()
        self._tree = Tree(root, allowed_roots)
        self.root: Path = Path(self._tree.location(""))
        self._append_in_place = append_in_place

    @override
    async def stat(self, path: str, *, must_exist: bool = False) -> FileInfo:
        check_path(path, NAME, allow_root=True)
        directory = FileInfo(path, 0, EPOCH, "", is_dir=True)
        if not path:
            self._tree.check_root()
            return directory
        with reading(path, NAME):
            status = self._tree.look(path)
            if stat.S_ISREG(status.st_mode):
                return file_info(path, status)
            listing.demand(self._tree, path)
        return directory

    @override
    async def get_content(self, path: str, *, must_exist: bool = False) -> Content:
        check_path(path, NAME)
        with reading(path, NAME):
            fd = self._tree.open_file(path).fd
            try:
                return read_whole(fd, path)
            finally:
                os.close(fd)

    @override
    async def reader(
        self, path: str, offset: int = 0, length: int | None = None, *, must_exist: bool = False
    ) -> FileReader:
        check_path(path, NAME)
        check_range(path, offset, length, NAME)
        with reading(path, NAME):
            fd, status = self._tree.open_file(path)
        size = status.st_size
        if offset > size:
            os.close(fd)
            raise InvalidOffsetError(path, offset, NAME, f"the object ends at {size}")
        stop = size if length is None else min(offset + length, size)
        return LocalReader(file_info(path, status), fd, offset, stop)

    @override
    async def put_content(self, path: str, data: bytes, condition: Condition = ANY) -> str:
        check_path(path, NAME)
        random = self.runtime.random
        with writing(path, NAME):
            return store(self._tree, path, random, lambda made: made.write(data), condition)

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
        parking = self._parking(path)
        if append:
            with (writing if begin else reading)(path, NAME):
                return parking.resume(at_least, begin=begin)
        with writing(path, NAME):
            return parking.begin()

    @override
    async def parked_at(self, path: str) -> datetime | None:
        """Return when bytes were last written, parked or not."""
        parking = self._parking(path)
        with reading(path, NAME):
            return parking.time()

    @override
    async def move(self, source: str, destination: str) -> None:
        check_path(source, NAME)
        check_path(destination, NAME)
        with writing(destination, NAME):
            moving.move(self._tree, source, destination)

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
        random = self.runtime.random
        with writing(destination, NAME):
            return moving.copy(self._tree, source, destination, random, condition, source_version)

    @override
    async def delete(self, path: str) -> None:
        check_path(path, NAME)
        with reading(path, NAME):
            removal.delete(self._tree, path)

    @override
    async def delete_file(
        self, path: str, condition: Condition = ANY, *, missing_ok: bool = False
    ) -> None:
        check_path(path, NAME)
        if condition.kind == "absent":
            raise UnsupportedMethodError(path, NAME, "what is absent cannot be deleted")
        missing = suppress(PathNotFoundError) if missing_ok else nullcontext()
        with missing, reading(path, NAME):
            removal.delete_file(self._tree, path, condition)

    @override
    async def list(
        self, path: str, start_after: str | None = None, limit: int | None = None
    ) -> AsyncGenerator[str, None]:
        check_path(path, NAME, allow_root=True)
        with reading(path, NAME):
            names = listing.names(self._tree, path)
        start = 0 if start_after is None else bisect_right(names, start_after)
        for name in names[start : None if limit is None else start + limit]:
            yield name

    @override
    async def walk(self, path: str) -> AsyncGenerator[FileInfo, None]:
        check_path(path, NAME, allow_root=True)
        with reading(path, NAME), closing(listing.walk(self._tree, path)) as objects:
            for each, status in objects:
                yield file_info(each, status)

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
    async def local_file(self, path: str) -> Path:
        check_path(path, NAME)
        with reading(path, NAME):
            os.close(self._tree.open_file(path).fd)
        return Path(self._tree.location(path))

    @override
    async def aclose(self) -> None:
        """Do nothing: between calls only readers and writers hold anything."""

    def _parking(self, path: str) -> Parking:
        check_path(path, NAME)
        in_place = self._append_in_place(path)
        return Parking(self._tree, path, self.runtime.random, in_place=in_place)
