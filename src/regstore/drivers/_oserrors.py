"""What the operating system's errors mean to a caller of a driver: one table."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from regstore.errors import (
    DriverError,
    InvalidPathError,
    NoSpaceError,
    PathExistsError,
    PathNotFoundError,
    PermissionDeniedError,
    TransientError,
    UnsupportedMethodError,
)

_COMMON: Mapping[int, type[DriverError]] = MappingProxyType(
    {
        errno.ENOENT: PathNotFoundError,
        errno.EEXIST: PathExistsError,
        errno.ENAMETOOLONG: InvalidPathError,
        errno.ELOOP: InvalidPathError,
        errno.EACCES: PermissionDeniedError,
        errno.EPERM: PermissionDeniedError,
        errno.EROFS: PermissionDeniedError,
        errno.ENOSPC: NoSpaceError,
        errno.EDQUOT: NoSpaceError,
        errno.EFBIG: NoSpaceError,
        errno.EXDEV: UnsupportedMethodError,
        errno.EOPNOTSUPP: UnsupportedMethodError,
        errno.ENOSYS: UnsupportedMethodError,
        errno.EIO: TransientError,
        errno.ESTALE: TransientError,
        errno.EMFILE: TransientError,
        errno.ENFILE: TransientError,
        errno.ENOMEM: TransientError,
        errno.EBUSY: TransientError,
        errno.EAGAIN: TransientError,
        errno.ETIMEDOUT: TransientError,
    }
)
READING = MappingProxyType(
    {**_COMMON, errno.ENOTDIR: PathNotFoundError, errno.EISDIR: PathNotFoundError}
)
WRITING = MappingProxyType(
    {
        **_COMMON,
        errno.ENOTDIR: InvalidPathError,
        errno.EISDIR: InvalidPathError,
        errno.ENOTEMPTY: InvalidPathError,
    }
)
_ADVICE = MappingProxyType(
    {
        errno.ENOTDIR: "an object lies where a directory would have to be",
        errno.EISDIR: "a directory; no object can take its place",
        errno.EXDEV: "the two places are on different file systems; keep a root on one",
        errno.EMFILE: "too many open files; raise the limit (ulimit -n)",
        errno.EFBIG: "larger than this file system or process may have files (ulimit -f)",
    }
)
_OUTCOME_UNKNOWN = frozenset({errno.EIO, errno.ESTALE, errno.ETIMEDOUT})


def translate(
    error: OSError, path: str, driver: str, table: Mapping[int, type[DriverError]] = _COMMON
) -> DriverError:
    """Return the error of ours that says the same as *error*; the caller raises it ``from`` it."""
    number = error.errno or 0
    kind = table.get(number, DriverError)
    detail = _ADVICE.get(number) or error.strerror or str(error) or os.strerror(number)
    if kind is TransientError:
        return TransientError(path, driver, detail, outcome_unknown=number in _OUTCOME_UNKNOWN)
    return kind(path, driver, detail)


@contextmanager
def reading(path: str, driver: str) -> Iterator[None]:
    """Translate what goes wrong inside: what is not an object there is not found."""
    try:
        yield
    except DriverError:
        raise
    except OSError as error:
        raise translate(error, path, driver, READING) from error


@contextmanager
def writing(path: str, driver: str) -> Iterator[None]:
    """Translate what goes wrong inside: an object never takes the place of a directory."""
    try:
        yield
    except DriverError:
        raise
    except OSError as error:
        raise translate(error, path, driver, WRITING) from error
