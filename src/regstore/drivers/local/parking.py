"""Where writers keep what is not committed: at the path itself, or beside it, unseen."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from datetime import datetime
from random import Random

from regstore.drivers.local.directory import NOFOLLOW, NONBLOCK, Place, changing
from regstore.drivers.local.naming import NAME, part_name
from regstore.drivers.local.publishing import replace
from regstore.drivers.local.stamps import modified
from regstore.drivers.local.temporary import temporary
from regstore.drivers.local.tree import Tree
from regstore.drivers.local.writer import LocalWriter
from regstore.errors import NotYetVisibleError, PathExistsError, PathNotFoundError


@dataclass(frozen=True, slots=True)
class Parking:
    """Opens the writers of one path.

    :ivar in_place: whether what is parked lies at *path* itself. Nothing is ever committed there:
        whatever is found can be continued.
    """

    tree: Tree
    path: str
    random: Random
    in_place: bool

    def begin(self) -> LocalWriter:
        """Discard what is parked; begin with nothing."""
        return self.tree.store(self.path, self._replace)

    def resume(self, at_least: int, *, begin: bool) -> LocalWriter:
        """Go on with what is parked, or with a committed empty object.

        :param begin: begin with nothing where there is neither.
        """
        parent, _, name = self.path.rpartition("/")
        try:
            with self.tree.open_directory(parent) as directory:
                directory.settle()
                target = Place(directory, name, self.path)
                fd = self._open(target)
                if fd is not None:
                    return self._continue_or_close(fd, target, at_least)
        except FileNotFoundError:
            if not begin:
                raise
        if at_least:
            raise self._too_short(0, at_least)
        return self.tree.store(self.path, self._open_or_create)

    def time(self) -> datetime | None:
        """Return when what is parked was last written."""
        parent, _, name = self.path.rpartition("/")
        try:
            with self.tree.open_directory(parent) as directory:
                status = self._place(Place(directory, name, self.path)).status()
        except FileNotFoundError:
            return None
        return None if status is None or stat.S_ISDIR(status.st_mode) else modified(status)

    def _open_or_create(self, target: Place) -> LocalWriter:
        """Begin with nothing, or go on with what somebody else has begun meanwhile."""
        self._refuse_directory(target)
        place = self._place(target)
        flags = os.O_RDWR | os.O_CREAT | NONBLOCK | NOFOLLOW
        with changing(target.directory):
            fd = os.open(place.name, flags, 0o666, dir_fd=place.directory.fd)
        return self._continue_or_close(fd, target, 0)

    def _continue_or_close(self, fd: int, target: Place, at_least: int) -> LocalWriter:
        try:
            return self._continue(fd, target, at_least)
        except BaseException:
            os.close(fd)
            raise

    def _open(self, target: Place) -> int | None:
        flags = os.O_RDWR | NONBLOCK | NOFOLLOW
        place = self._place(target)
        try:
            return os.open(place.name, flags, dir_fd=place.directory.fd)
        except FileNotFoundError:
            committed = None if self.in_place else target.status()
        if committed is None or stat.S_ISDIR(committed.st_mode):
            raise PathNotFoundError(self.path, NAME, "nothing is parked there")
        if committed.st_size:
            raise PathExistsError(self.path, NAME, "committed content cannot be continued")
        return None

    def _continue(self, fd: int, target: Place, at_least: int) -> LocalWriter:
        status = os.fstat(fd)
        if status.st_size < at_least:
            raise self._too_short(status.st_size, at_least)
        if status.st_nlink == 1:
            return self._writer(fd, target)
        # It was committed by somebody who could not finish, or a backup has linked it.
        copy = self._replace(target, fd)
        os.close(fd)
        return copy

    def _too_short(self, size: int, at_least: int) -> NotYetVisibleError:
        detail = f"{size} bytes are parked, {at_least} were acknowledged"
        return NotYetVisibleError(self.path, NAME, detail)

    def _replace(self, target: Place, source: int | None = None) -> LocalWriter:
        self._refuse_directory(target)
        with temporary(self.tree, target.directory.base, self.random) as made:
            if source is not None:
                made.copy(source)
            with changing(target.directory):
                replace(made.place, self._place(target))
            return self._writer(made.release(), target)

    def _writer(self, fd: int, target: Place) -> LocalWriter:
        place = Place(target.directory.another(), self._place(target).name, self.path)
        return LocalWriter(self.tree, self.path, fd, place, in_place=self.in_place)

    def _place(self, target: Place) -> Place:
        if self.in_place:
            return target
        return Place(target.directory, part_name(target.name), self.path)

    def _refuse_directory(self, target: Place) -> None:
        status = target.status()
        if status is None or not stat.S_ISDIR(status.st_mode):
            return
        if not target.directory.remove(target.name):
            raise IsADirectoryError(errno.EISDIR, "a directory", self.path)
