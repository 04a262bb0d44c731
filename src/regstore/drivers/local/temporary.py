"""Temporary files: written unseen, then given their names, whole and durable.

They live in one directory per root, each locked by its process. A crash frees the lock, and the
next write of anybody removes what it finds unlocked there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from random import Random

from regstore.driver import Condition
from regstore.drivers.local.directory import NOFOLLOW, NONBLOCK, Directory, Place
from regstore.drivers.local.locks import lock, try_lock, unlock
from regstore.drivers.local.publishing import seal
from regstore.drivers.local.tree import Tree

_CHUNK = 1 << 20


class Temporary:
    """An open file without a name that anybody looks for.

    :ivar fd: open for reading and writing.
    :ivar place: its hidden name.
    """

    def __init__(self, fd: int, place: Place) -> None:
        self.fd: int = fd
        self.place = place

    def release(self) -> int:
        """Hand over the descriptor, unlocked: from now on the caller closes it."""
        unlock(self.fd)
        fd, self.fd = self.fd, -1
        return fd

    def write(self, data: bytes | memoryview) -> None:
        """Write *data* at the end."""
        view = memoryview(data)
        while view:
            view = view[os.write(self.fd, view) :]

    def copy(self, source: int) -> None:
        """Append all that *source* holds; the file system shares the blocks where it can."""
        os.lseek(source, 0, os.SEEK_SET)
        if hasattr(os, "copy_file_range"):
            with suppress(OSError):  # not on this pair of file systems, or not to the end
                while os.copy_file_range(source, self.fd, 1 << 30):
                    pass
        while chunk := os.read(source, _CHUNK):
            self.write(chunk)


def store(
    tree: Tree,
    path: str,
    random: Random,
    fill: Callable[[Temporary], None],
    condition: Condition,
) -> str:
    """Make the content that *fill* writes appear at *path*, durably; return its version."""

    def put(target: Place) -> str:
        with temporary(tree, target.directory.base, random) as made:
            fill(made)
            return seal(made.fd, made.place).publish(target, condition)

    return tree.store(path, put)


@contextmanager
def temporary(tree: Tree, base: str, random: Random) -> Iterator[Temporary]:
    """Make a temporary file in *base*; what still has its hidden name in the end is removed."""
    with tree.open_scratch(base) as scratch:
        _sweep(scratch)
        made = _create(scratch, random)
        try:
            yield made
        finally:
            if made.fd >= 0:
                _discard(made)


def _discard(made: Temporary) -> None:
    try:
        if made.place.names(made.fd):
            made.place.unlink()
    finally:
        os.close(made.release())


def _create(scratch: Directory, random: Random) -> Temporary:
    while True:
        place = Place(scratch, f"{random.getrandbits(64):016x}", "")
        try:
            fd = os.open(place.name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=scratch.fd)
        except FileExistsError:
            continue
        lock(fd)
        if os.fstat(fd).st_nlink:
            return Temporary(fd, place)
        os.close(fd)  # another write took it for a leftover before it was locked


def _sweep(scratch: Directory) -> None:
    for name in os.listdir(scratch.fd):
        # Its owner may be faster, or another user; whatever it is, no write fails of it.
        with suppress(OSError):
            fd = os.open(name, os.O_RDONLY | NOFOLLOW | NONBLOCK, dir_fd=scratch.fd)
            try:
                _remove_leftover(fd, Place(scratch, name, ""))
            finally:
                os.close(fd)


def _remove_leftover(fd: int, place: Place) -> None:
    if not try_lock(fd):
        return
    try:
        if place.names(fd):
            place.unlink()
    finally:
        unlock(fd)
