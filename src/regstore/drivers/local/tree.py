"""The tree below a root: from paths to open files and directories, and never out of it."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

from regstore.drivers.local.directory import DIRECTORY, NOFOLLOW, NONBLOCK, Directory, Place
from regstore.drivers.local.naming import NAME, SCRATCH
from regstore.errors import DriverError, InvalidPathError, TransientError

if sys.platform == "darwin":
    import fcntl

_READ = os.O_RDONLY | NONBLOCK
_LOOK = getattr(os, "O_PATH", _READ)
_DELETED = " (deleted)"
_ATTEMPTS = 100

T = TypeVar("T")


class Found(NamedTuple):
    """An open file or directory, and what it is."""

    fd: int
    status: os.stat_result


def parent_of(path: str) -> str:
    """Return the directory of *path*."""
    return path.rpartition("/")[0]


class Tree:
    """A root and the symbolic links that may be followed out of it.

    A path is opened in one call; then the kernel is asked where the opened file really lies
    (``/proc/self/fd``, on macOS ``F_GETPATH``), and it is refused unless that is in place. So a
    link that is put there meanwhile leads nowhere. Where neither can be asked, the path is resolved
    instead, and such a race is possible.

    :param root: may be missing; it is made by the first write.
    :param allowed: directories into which symbolic links may lead.
    """

    def __init__(
        self, root: str | os.PathLike[str], allowed: Iterable[str | os.PathLike[str]] = ()
    ) -> None:
        self._root = os.path.realpath(root).rstrip("/")
        self._allowed = tuple(os.path.realpath(each).rstrip("/") for each in allowed)

    def location(self, path: str) -> str:
        """Return the absolute path of *path*."""
        return f"{self._root}/{path}" if path else self._root or "/"

    def check_root(self) -> None:
        """Refuse a root that no write can make a directory.

        :raises InvalidPathError: something else lies there.
        """
        root = Path(self._root or "/")
        if root.exists() and not root.is_dir():
            raise InvalidPathError("", NAME, f"the root {root} is not a directory")

    def look(self, path: str) -> os.stat_result:
        """Describe the file or directory at *path*."""
        found = self._open(path, _LOOK)
        os.close(found.fd)
        return found.status

    def open_file(self, path: str) -> Found:
        """Open the file at *path* for reading.

        :raises IsADirectoryError: it is a directory.
        """
        found = self._open(path, _READ)
        if stat.S_ISREG(found.status.st_mode):
            return found
        os.close(found.fd)
        if stat.S_ISDIR(found.status.st_mode):
            raise IsADirectoryError(errno.EISDIR, "a directory", path)
        raise FileNotFoundError(errno.ENOENT, "neither a file nor a directory", path)

    def open_directory(self, path: str) -> Directory:
        """Open the directory at *path*."""
        location = self.location(path)
        fd = os.open(location, DIRECTORY)
        try:
            return Directory(fd, *self._admit_directory(fd, location))
        except BaseException:
            os.close(fd)
            raise

    def make_directory(self, path: str) -> Directory:
        """Open the directory at *path*, durably made if need be."""
        missing: list[str] = []
        while True:
            try:
                directory = self.open_directory(path)
            except FileNotFoundError:
                path = self._step_up(path, missing)
                continue
            return self._descend(directory, reversed(missing))

    def open_scratch(self, base: str) -> Directory:
        """Open the directory of temporary files in the root, or allowed root, *base*."""
        location = f"{base}/{SCRATCH}"
        try:
            fd = os.open(location, DIRECTORY | NOFOLLOW)
        except FileNotFoundError:
            with suppress(FileExistsError):
                os.mkdir(location)
            fd = os.open(location, DIRECTORY | NOFOLLOW)
        return Directory(fd, location, base)

    def store(self, path: str, act: Callable[[Place], T]) -> T:
        """Call *act* with the place that *path* names, its directory made if need be.

        Other callers remove directories that are empty: when one vanishes meanwhile, everything is
        done again. When *act* fails for another reason, the directories made for it are removed.

        :raises TransientError: they vanish again and again.
        """
        parent, _, name = path.rpartition("/")
        for _ in range(_ATTEMPTS):
            try:
                with self.make_directory(parent) as directory:
                    return act(Place(directory, name, path))
            except BaseException as error:
                if isinstance(error, DriverError) or not isinstance(error, FileNotFoundError):
                    self._remove_empty(parent)
                    raise
        raise TransientError(path, NAME, "its directory is removed again and again; try again")

    def prune(self, path: str) -> None:
        """Remove the directory *path* and those above it that are empty, durably."""
        self._sync_nearest(self._remove_empty(path))

    def _remove_empty(self, path: str) -> str:
        while path and self.remove_directory(path):
            path = parent_of(path)
        return path

    def remove_directory(self, path: str) -> bool:
        """Remove the directory at *path*; return whether it is gone, ``False`` if not empty."""
        parent, _, name = path.rpartition("/")
        try:
            with self.open_directory(parent) as directory:
                return directory.remove(name)
        except FileNotFoundError:
            return True

    def _sync_nearest(self, path: str) -> None:
        while True:
            try:
                with self.open_directory(path) as directory:
                    return directory.sync()
            except FileNotFoundError:
                if not path:
                    return None
                path = parent_of(path)

    def _step_up(self, path: str, missing: list[str]) -> str:
        if not path:
            self._make_root()
            return path
        parent, _, name = path.rpartition("/")
        missing.append(name)
        return parent

    def _descend(self, directory: Directory, names: Iterable[str]) -> Directory:
        try:
            directory.settle()
            for name in names:
                with directory as above:
                    directory = above.make(name)
        except BaseException:
            directory.close()
            raise
        return directory

    def _make_root(self) -> None:
        above = Path(self._root)
        missing: list[str] = []
        while not above.exists():
            missing.append(above.name)
            above = above.parent
        existing = Directory(os.open(above, DIRECTORY), str(above), "")
        self._descend(existing, reversed(missing)).close()

    def _open(self, path: str, flags: int) -> Found:
        location = self.location(path)
        fd = os.open(location, flags)
        try:
            status = os.fstat(fd)
            if stat.S_ISDIR(status.st_mode):
                self._admit_directory(fd, location)
            else:
                self._admit_file(fd, path, location)
        except BaseException:
            os.close(fd)
            raise
        return Found(fd, status)

    def _admit_directory(self, fd: int, location: str) -> tuple[str, str]:
        real = _whereabouts(fd, location)
        if real == location:
            return real, self.location("")
        if real.endswith(_DELETED):
            raise FileNotFoundError(errno.ENOENT, "removed meanwhile", location)
        for base in self._allowed:
            if _lies_in(real, base):
                return real, base
        raise _stray(location, real)

    def _admit_file(self, fd: int, path: str, location: str) -> None:
        real = _whereabouts(fd, location)
        if real == location:
            return
        self.open_directory(parent_of(path)).close()
        if not any(_lies_in(real, base) for base in (self._root, *self._allowed)):
            raise _stray(location, real)


def _lies_in(real: str, base: str) -> bool:
    return real == base or real.startswith(f"{base}/")


def _stray(location: str, real: str) -> PermissionError:
    detail = f"a symbolic link leads to {real}: name its target in allowed_roots to follow it"
    return PermissionError(errno.EACCES, detail, location)


def _whereabouts(fd: int, location: str) -> str:
    try:
        if sys.platform == "darwin":
            return os.fsdecode(fcntl.fcntl(fd, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0"))
        return os.readlink(f"/proc/self/fd/{fd}")
    except FileNotFoundError:
        return os.path.realpath(location)
