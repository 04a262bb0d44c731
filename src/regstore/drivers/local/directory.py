"""Open directories: what happens in them goes through their descriptors."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Self

from regstore.drivers.local.locks import locked

if sys.platform == "darwin":
    import fcntl

# None of them exists on Windows, where the driver refuses to be made, in words.
DIRECTORY = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)
NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
NONBLOCK = getattr(os, "O_NONBLOCK", 0)  # a named pipe must not hold anybody up

_NOT_EMPTY = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.EBUSY, errno.EINVAL})


def sync(fd: int) -> None:
    """Make what *fd* is open on durable: a file's bytes, or a directory's names."""
    if sys.platform == "darwin":
        # There fsync only hands the bytes to the disk's cache (``fsync(2)``).
        fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
    else:
        os.fsync(fd)


class Directory:
    """An open directory, closed by leaving its context.

    :param fd: its descriptor; owned from here on.
    :param location: where it lies in truth, free of symbolic links.
    :param base: the root, or the allowed root, that it lies in.
    """

    def __init__(self, fd: int, location: str, base: str) -> None:
        self.fd: int = fd
        self.location = location
        self.base = base

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it. Harmless when repeated."""
        if self.fd >= 0:
            fd, self.fd = self.fd, -1
            os.close(fd)

    def another(self) -> Directory:
        """Open it once more, for somebody who outlives this context."""
        return Directory(os.dup(self.fd), self.location, self.base)

    def sync(self) -> None:
        """Make the names in it durable."""
        sync(self.fd)

    def entries(self) -> list[os.DirEntry[str]]:
        """Return everything in it."""
        with os.scandir(self.fd) as found:
            return list(found)

    def make(self, name: str) -> Directory:
        """Open the directory *name* in it, made if need be.

        A directory is born with the sticky bit and loses it once its name is durable, so that a
        second writer never rests on a directory that a power loss may still take.
        """
        with suppress(FileExistsError):
            os.mkdir(name, 0o1777, dir_fd=self.fd)
        fd = os.open(name, DIRECTORY | NOFOLLOW, dir_fd=self.fd)
        made = Directory(fd, f"{self.location}/{name}", self.base)
        try:
            made.settle()
        except BaseException:
            made.close()
            raise
        return made

    def settle(self) -> None:
        """Make its own name durable, unless it is known to be."""
        mode = os.fstat(self.fd).st_mode
        if not mode & stat.S_ISVTX or self.location == self.base:
            return
        with Directory(os.open("..", DIRECTORY, dir_fd=self.fd), "", "") as parent:
            parent.sync()
        with suppress(PermissionError):  # not ours to change: synced again by each writer
            os.fchmod(self.fd, stat.S_IMODE(mode) & ~stat.S_ISVTX)

    def remove(self, name: str) -> bool:
        """Remove the directory *name* from it; return ``False`` if it is not empty."""
        try:
            os.rmdir(name, dir_fd=self.fd)
        except FileNotFoundError:
            return True
        except OSError as error:
            if error.errno in _NOT_EMPTY:
                return False
            raise
        return True


@dataclass(frozen=True, slots=True)
class Place:
    """A name in an open directory.

    :ivar path: how callers call it, for errors.
    """

    directory: Directory
    name: str
    path: str

    def status(self) -> os.stat_result | None:
        """Describe what has this name, if anything; symbolic links are not followed."""
        try:
            return os.stat(self.name, dir_fd=self.directory.fd, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def names(self, fd: int) -> bool:
        """Tell whether this name still is that of the file open as *fd*."""
        there = self.status()
        return there is not None and os.path.samestat(there, os.fstat(fd))

    def unlink(self) -> bool:
        """Take the name away; return whether it was there."""
        try:
            os.unlink(self.name, dir_fd=self.directory.fd)
        except FileNotFoundError:
            return False
        return True


@contextmanager
def changing(*directories: Directory) -> Iterator[bool]:
    """Hold the locks under which names in *directories* are changed.

    Yields whether the file system has locks. Every regstore writer takes them; other software does
    not.

    :raises FileNotFoundError: a directory was removed or moved away meanwhile.
    """
    with locked(*(each.fd for each in directories)) as held:
        for each in directories:
            if not os.path.samestat(os.stat(each.location), os.fstat(each.fd)):
                raise FileNotFoundError(errno.ENOENT, "replaced", each.location)
        yield held
