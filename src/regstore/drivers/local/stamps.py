"""Versions and times of files.

A version is made of inode number, time of modification and size. Two of them repeat easily: a
freed inode number is given away at once, and kernels stamp files with a clock that ticks every 4 to
10 ms. So what is about to get a name is stamped with the wall clock's nanosecond first.
"""

from __future__ import annotations

import os
import time
from datetime import datetime, timedelta

from regstore.driver import EPOCH, FileInfo

ROUNDING = 1_000
"""Nanoseconds by which a file system may round a stamp and still tell any two writes apart."""


def version(status: os.stat_result) -> str:
    """Return the version of the file that *status* describes."""
    return f"{status.st_ino:x}-{status.st_mtime_ns:x}-{status.st_size:x}"


def modified(status: os.stat_result) -> datetime:
    """Return the time of modification."""
    return EPOCH + timedelta(microseconds=status.st_mtime_ns // 1_000)


def file_info(path: str, status: os.stat_result) -> FileInfo:
    """Describe the file at *path*."""
    return FileInfo(path, status.st_size, modified(status), version(status))


def stamp(fd: int) -> tuple[os.stat_result, bool]:
    """Stamp a file with this nanosecond; return what it is now, and whether its version is unique.

    It is not where the file system rounds times (ext3, HFS+), nor on files of another user, which
    only the kernel's clock may stamp (``utimensat(2)``).
    """
    now = time.time_ns()
    try:
        os.utime(fd, ns=(now, now))
    except PermissionError:
        os.utime(fd)
    status = os.fstat(fd)
    return status, abs(status.st_mtime_ns - now) <= ROUNDING
