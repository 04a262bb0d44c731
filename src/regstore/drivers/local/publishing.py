"""Giving names to files that are whole: the moment at which content appears."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass

from regstore.driver import Condition
from regstore.drivers.local.directory import Directory, Place, changing, sync
from regstore.drivers.local.naming import NAME
from regstore.drivers.local.stamps import stamp, version
from regstore.errors import PreconditionFailedError, UnsupportedMethodError


@dataclass(frozen=True, slots=True)
class Sealed:
    """An open file whose bytes are durable, at a name that is not its last.

    :ivar version: what its version will be.
    :ivar unique: whether no other version of its path was ever called so.
    """

    fd: int
    place: Place
    version: str
    unique: bool

    def publish(self, target: Place, condition: Condition, *also: Directory) -> str:
        """Rename it to *target*, durably, as *condition* allows; return the version there.

        :param also: directories to lock too: its own, where others may take its name.
        :raises FileNotFoundError: they did.
        """
        with changing(target.directory, *also) as held:
            if not self.place.names(self.fd):
                raise FileNotFoundError(errno.ENOENT, "replaced meanwhile", self.place.name)
            if condition.kind == "absent":
                create(self.place, target)
                return self.version
            if condition.kind == "version":
                self._expect(target, condition.version, held=held)
            replace(self.place, target)
        target.directory.sync()
        return self.version

    def _expect(self, target: Place, wanted: str, *, held: bool) -> None:
        if not self.unique:
            detail = "this file system rounds times, so that versions repeat"
            raise UnsupportedMethodError(target.path, NAME, detail)
        expect(target, wanted, held=held)


def seal(fd: int, place: Place) -> Sealed:
    """Make the file *fd* at *place* durable, ready to be published."""
    status, unique = stamp(fd)
    sync(fd)
    return Sealed(fd, place, version(status), unique)


def expect(place: Place, wanted: str, *, held: bool) -> None:
    """Refuse unless *wanted* is the version at *place*.

    :param held: whether the locks are, without which this proves nothing.
    """
    if not held:
        raise UnsupportedMethodError(place.path, NAME, "this file system has no locks")
    status = place.status()
    found = None if status is None else version(status)
    if found != wanted:
        raise PreconditionFailedError(place.path, NAME, f"found {found or 'nothing'}")


def create(source: Place, target: Place) -> None:
    """Rename, durably, to a name that nobody has: with ``link(2)``, which other software heeds too.

    The old name goes only when the new one is durable: a power loss must not leave neither.
    """
    try:
        _link(source, target)
    except FileExistsError:
        _demand_nothing(target)
        _link(source, target)
    target.directory.sync()
    source.unlink()


def replace(source: Place, target: Place) -> None:
    """Rename; an empty directory, which does not count as there, gives way."""
    try:
        _rename(source, target)
    except IsADirectoryError:
        if not target.directory.remove(target.name):
            raise
        _rename(source, target)


def _demand_nothing(target: Place) -> None:
    """Let an empty directory give way.

    :raises OSError: it is something else.
    """
    if target.directory.remove(target.name):
        return
    status = target.status()
    if status is not None and stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "a directory", target.name)
    # Whoever is told that it exists may rest on it.
    target.directory.sync()
    raise FileExistsError(errno.EEXIST, "it exists", target.name)


def _rename(source: Place, target: Place) -> None:
    os.rename(
        source.name,
        target.name,
        src_dir_fd=source.directory.fd,
        dst_dir_fd=target.directory.fd,
    )


def _link(source: Place, target: Place) -> None:
    os.link(
        source.name,
        target.name,
        src_dir_fd=source.directory.fd,
        dst_dir_fd=target.directory.fd,
        follow_symlinks=False,
    )
