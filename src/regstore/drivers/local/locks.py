"""Advisory locks (``flock(2)``), which die with their process.

A lock belongs to the open file description, so two threads that opened the same file exclude each
other too. A forked child shares it: therefore every lock is given back by name, never by closing.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

if sys.platform != "win32":
    import fcntl

_WITHOUT_LOCKS = frozenset(
    # NFS wants a descriptor open for writing, which directories cannot have: EBADF.
    {errno.EBADF, errno.EINVAL, errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}
)


def lock(fd: int) -> bool:
    """Wait for the exclusive lock of *fd*; return ``False`` where the file system has no locks."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno in _WITHOUT_LOCKS:
            return False
        raise
    return True


def try_lock(fd: int) -> bool:
    """Take the exclusive lock of *fd* if nobody has it and the file system has locks."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _WITHOUT_LOCKS or isinstance(error, BlockingIOError):
            return False
        raise
    return True


def unlock(fd: int) -> None:
    """Give the lock back, for whoever else holds the same description too."""
    try:
        fcntl.flock(fd, fcntl.LOCK_UN)
    except OSError as error:
        if error.errno not in _WITHOUT_LOCKS:
            raise


@contextmanager
def locked(*fds: int) -> Iterator[bool]:
    """Hold the locks of *fds*, each file once, in one order for everybody.

    Yields whether the file system has locks.
    """
    files = {_identity(fd): fd for fd in fds}
    held: list[int] = []
    try:
        for _, fd in sorted(files.items()):
            if lock(fd):
                held.append(fd)
        yield len(held) == len(files)
    finally:
        for fd in held:
            unlock(fd)


def _identity(fd: int) -> tuple[int, int]:
    status = os.fstat(fd)
    return status.st_dev, status.st_ino
