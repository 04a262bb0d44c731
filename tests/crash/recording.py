"""Records what the local driver does to a disk, at the seam where it calls the operating system."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from tests.crash.posix_model import ROOT, Event, Name, Sync, Truncate, Write


class KilledError(BaseException):
    """The process that makes these calls is no more; nothing handles this."""


def _hears_all(_recorder: RecordingOS, _inode: int) -> bool:
    return False


class RecordingOS:
    """Stands in for the module ``os``: every call is made, and every change is recorded.

    :ivar events: what was recorded.
    :ivar calls: the same as pairs of a system call and what it was about.
    :ivar deaf: tells of a sync whether it is left out, as a driver with a bug would.
    :ivar stop_after: number of events after which the calling process dies.
    :ivar sticky: whether directories get the mark of those whose name is not yet durable.
    """

    def __init__(self, root: str) -> None:
        self.events: list[Event] = []
        self.calls: list[tuple[str, str]] = []
        self.deaf: Callable[[RecordingOS, int], bool] = _hears_all
        self.stop_after: int | None = None
        self.sticky = True
        self._root = root
        self._inodes = 0
        self._open: dict[int, int] = {}
        self._names: dict[int, dict[str, int]] = {ROOT: {}}
        self._parents: dict[int, int] = {}
        self._called = {ROOT: root.rpartition("/")[2]}

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the module has
        return getattr(os, name)

    def open(self, path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if flags & os.O_CREAT:
            self._live()
        fd = os.open(path, flags, mode, dir_fd=dir_fd)
        directory, name = self._locate(path, dir_fd)
        if flags & os.O_CREAT and name not in self._names[directory]:
            self.calls.append(("create", name))
            self._set(directory, name, self._new())
        self._open[fd] = self._names[directory][name] if name else directory
        return fd

    def close(self, fd: int) -> None:
        self._open.pop(fd, None)
        os.close(fd)

    def dup(self, fd: int) -> int:
        copy = os.dup(fd)
        self._open[copy] = self._open[fd]
        return copy

    def mkdir(self, path: str, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        self._live()
        os.mkdir(path, mode if self.sticky else mode & 0o777, dir_fd=dir_fd)
        directory, name = self._locate(path, dir_fd)
        self.calls.append(("mkdir", name))
        made = self._new()
        self._names[made] = {}
        self._parents[made] = directory
        self._set(directory, name, made, is_directory=True)

    def rmdir(self, path: str, *, dir_fd: int | None = None) -> None:
        self._live()
        os.rmdir(path, dir_fd=dir_fd)
        self.calls.append(("rmdir", path))
        self._take(*self._locate(path, dir_fd))

    def unlink(self, path: str, *, dir_fd: int | None = None) -> None:
        self._live()
        os.unlink(path, dir_fd=dir_fd)
        self.calls.append(("unlink", path))
        self._take(*self._locate(path, dir_fd))

    def link(
        self,
        source: str,
        target: str,
        *,
        src_dir_fd: int,
        dst_dir_fd: int,
        follow_symlinks: bool,
    ) -> None:
        self._live()
        os.link(
            source,
            target,
            src_dir_fd=src_dir_fd,
            dst_dir_fd=dst_dir_fd,
            follow_symlinks=follow_symlinks,
        )
        self.calls.append(("link", target))
        directory, name = self._locate(source, src_dir_fd)
        self._set(*self._locate(target, dst_dir_fd), self._names[directory][name])

    def rename(self, source: str, target: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        self._live()
        os.rename(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
        self.calls.append(("rename", target))
        old, new = self._locate(source, src_dir_fd), self._locate(target, dst_dir_fd)
        self._set(*new, self._names[old[0]][old[1]])
        self._take(*old, after=new)

    def write(self, fd: int, data: memoryview) -> int:
        return self.pwrite(fd, data, os.lseek(fd, 0, os.SEEK_CUR), move=True)

    def pwrite(self, fd: int, data: memoryview, offset: int, *, move: bool = False) -> int:
        self._live()
        written = os.write(fd, data) if move else os.pwrite(fd, data, offset)
        self.calls.append(("write", str(written)))
        self.events.append(Write(self._open[fd], offset, bytes(data[:written])))
        return written

    def copy_file_range(self, source: int, target: int, count: int) -> int:
        self._live()
        offset = os.lseek(target, 0, os.SEEK_CUR)
        copied = os.copy_file_range(source, target, count)
        self.calls.append(("copy_file_range", str(copied)))
        self.events.append(Write(self._open[target], offset, os.pread(target, copied, offset)))
        return copied

    def ftruncate(self, fd: int, size: int) -> None:
        self._live()
        os.ftruncate(fd, size)
        self.calls.append(("ftruncate", str(size)))
        self.events.append(Truncate(self._open[fd], size))

    def fsync(self, fd: int) -> None:
        self._live()
        os.fsync(fd)
        inode = self._open[fd]
        self.calls.append(("fsync", self._called[inode]))
        if not self.deaf(self, inode):
            self.events.append(Sync(inode))

    def is_directory(self, inode: int) -> bool:
        return inode in self._names

    def has_new_directory(self, inode: int) -> bool:
        """Tell whether a directory was made in this one since it was last synced."""
        for event in reversed(self.events):
            if event == Sync(inode):
                return False
            if isinstance(event, Name) and event.directory == inode and event.is_directory:
                return True
        return False

    def revive(self) -> None:
        """Let another process go on; what the first one held open and locked is free."""
        self.stop_after = None
        for fd in list(self._open):
            self.close(fd)

    def _live(self) -> None:
        if self.stop_after is not None and len(self.events) >= self.stop_after:
            raise KilledError

    def _new(self) -> int:
        self._inodes += 1
        return self._inodes

    def _locate(self, path: str, dir_fd: int | None) -> tuple[int, str]:
        """Return the directory and the name in it, ``""`` for the directory itself."""
        if path == "..":
            assert dir_fd is not None
            return self._parents[self._open[dir_fd]], ""
        if dir_fd is not None:
            return self._open[dir_fd], path
        *above, name = os.path.relpath(path, self._root).split("/")
        directory = ROOT
        for each in above:
            directory = self._names[directory][each]
        return directory, "" if name == "." else name

    def _set(self, directory: int, name: str, inode: int, *, is_directory: bool = False) -> None:
        self._names[directory][name] = inode
        self._called[inode] = name
        self.events.append(Name(directory, name, inode, is_directory=is_directory))

    def _take(self, directory: int, name: str, after: tuple[int, str] | None = None) -> None:
        del self._names[directory][name]
        self.events.append(Name(directory, name, None, after=after))
