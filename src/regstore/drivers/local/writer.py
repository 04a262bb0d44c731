"""Writing files of any size: in place where stock software does, else beside, unseen."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from typing_extensions import override

from regstore.driver import Condition, check_path
from regstore.drivers._oserrors import writing
from regstore.drivers.local.directory import Directory, Place, changing, sync
from regstore.drivers.local.locks import locked
from regstore.drivers.local.naming import NAME
from regstore.drivers.local.publishing import Sealed, seal
from regstore.drivers.local.tree import Tree, parent_of
from regstore.drivers.writer import Buffer, StatefulWriter
from regstore.errors import PreconditionFailedError, TransientError

_WRITE_BEHIND = 8 << 20
"""Bytes after which the kernel is asked to begin writing, so that the sync at the end is short."""


class LocalWriter(StatefulWriter):
    """Appends to one file, as long as nobody else does.

    Each step holds the file's lock and looks whether the file still has its name, that name only,
    and this writer's size. So bytes of two writers never interleave, and whoever comes late writes
    nothing into a file that was committed meanwhile.

    :param fd: the file, open for reading and writing; owned from here on.
    :param place: its name; the directory is owned too.
    :param in_place: whether that is the name at *path* itself.
    """

    def __init__(self, tree: Tree, path: str, fd: int, place: Place, *, in_place: bool) -> None:
        self._fd = fd
        self._place = place
        status = os.fstat(fd)
        super().__init__(path, NAME, status.st_size)
        self._tree = tree
        self._in_place = in_place
        self._identity = status
        self._found = status.st_size
        self._asked = self._size
        self._lost = False

    async def _append(self, data: Buffer) -> None:
        with writing(self._path, NAME), self._alone():
            self._write(memoryview(data).cast("B"))
            self._write_behind(self._size + len(data))

    @override
    async def _park(self, note: bytes) -> None:
        with writing(self._path, NAME), locked(self._fd):
            if self._size > self._found or self._file_size() < self._size:
                self._check_file()
            # Who only looked is in nobody's way: what it found is there, and more may have come.
            self._sync()
            self._place.directory.sync()
        self._close()

    @override
    async def _commit(
        self, to: str | None, condition: Condition, *, keep_parked: bool
    ) -> str | None:
        target = self._path if to is None else check_path(to, NAME)
        with writing(target, NAME):
            if self._in_place and target == self._path:
                return self._commit_in_place(condition)
            with self._alone():
                sealed = self._seal()
                self._tree.store(target, lambda place: self._publish(sealed, place, condition))
            self._leave(target)
        self._close()
        return sealed.version

    async def _cancel(self) -> None:
        with writing(self._path, NAME):
            # Closed only afterwards: an open file's inode cannot be given to another writer's.
            with suppress(FileNotFoundError), self._changing_parent() as directory:
                place = Place(directory, self._place.name, self._path)
                if self._is_mine(place.status()):
                    place.unlink()
            self._close()
            self._tree.prune(parent_of(self._path))

    def _is_mine(self, status: os.stat_result | None) -> bool:
        """Tell whether nobody else has gone on with this file, or put another in its place."""
        if status is None or not os.path.samestat(status, self._identity):
            return False
        return status.st_size == self._size

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with locked(self._fd):
            self._check_file()
            yield

    def _check_file(self) -> None:
        size = self._file_size()
        if size != self._size:
            detail = f"it has {size} bytes, this writer stands at {self._size}"
            raise PreconditionFailedError(self._path, NAME, detail)

    def _file_size(self) -> int:
        """Return how long the file is, as long as it has its name, and that name only."""
        if self._lost:
            detail = "an earlier sync failed, and bytes may be lost; cancel and begin again"
            raise TransientError(self._path, NAME, detail, outcome_unknown=True)
        mine = os.fstat(self._fd)
        there = self._place.status()
        if there is None or not os.path.samestat(mine, there) or mine.st_nlink != 1:
            raise PreconditionFailedError(self._path, NAME, "committed, replaced or deleted")
        return mine.st_size

    def _write(self, view: memoryview) -> None:
        at = self._size
        try:
            while len(view):
                written = os.pwrite(self._fd, view, at)
                at += written
                view = view[written:]
        except BaseException:
            os.ftruncate(self._fd, self._size)
            raise

    def _write_behind(self, end: int) -> None:
        if end - self._asked >= _WRITE_BEHIND and hasattr(os, "posix_fadvise"):
            # Linux begins to write what is dirty, and drops only what is clean.
            os.posix_fadvise(self._fd, self._asked, end - self._asked, os.POSIX_FADV_DONTNEED)
            self._asked = end

    def _sync(self) -> None:
        try:
            sync(self._fd)
        except OSError:
            # The kernel tells this once; the next sync would succeed without the bytes.
            self._lost = True
            raise

    def _seal(self) -> Sealed:
        try:
            return seal(self._fd, self._place)
        except OSError:
            self._lost = True
            raise

    def _publish(self, sealed: Sealed, target: Place, condition: Condition) -> None:
        self._check_file()
        sealed.publish(target, condition, self._place.directory)

    def _commit_in_place(self, condition: Condition) -> str:
        if condition.kind == "version":
            raise PreconditionFailedError(self._path, NAME, "found nothing")
        with self._alone():
            sealed = self._seal()
            self._place.directory.sync()
        self._close()
        return sealed.version

    def _leave(self, target: str) -> None:
        if target == self._path:
            return
        parent, _, name = self._path.rpartition("/")
        if not self._in_place:
            with suppress(FileNotFoundError), self._changing_parent() as directory:
                Place(directory, name, self._path).unlink()
        self._tree.prune(parent)

    @contextmanager
    def _changing_parent(self) -> Iterator[Directory]:
        directory = self._tree.open_directory(parent_of(self._path))
        with directory, changing(directory):
            yield directory

    def _close(self) -> None:
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)
            self._place.directory.close()

    def __del__(self) -> None:
        self._close()
