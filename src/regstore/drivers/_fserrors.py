"""The table that turns what an fsspec filesystem raises into regstore's errors (X4).

The text of the original is not repeated: it may hold a URL with credentials. It is the
``__cause__``.
"""

from __future__ import annotations

import errno
import os

from regstore.drivers._oserrors import READING, WRITING
from regstore.errors import (
    DriverError,
    InvalidPathError,
    NoSpaceError,
    PathNotFoundError,
    PermissionDeniedError,
    ThrottledError,
    TransientError,
    UnsupportedMethodError,
)

_LOST = (
    errno.ECONNABORTED,
    errno.ECONNREFUSED,
    errno.ECONNRESET,
    errno.EHOSTUNREACH,
    errno.EINTR,
    errno.ENETUNREACH,
    errno.EPIPE,
    getattr(errno, "EREMOTEIO", errno.EIO),  # s3fs: status 500
)
_REMOTE: dict[int, type[DriverError]] = {
    **dict.fromkeys(_LOST, TransientError),
    errno.EBUSY: ThrottledError,  # s3fs: SlowDown
}
_READING: dict[int, type[DriverError]] = {**READING, **_REMOTE}
_WRITING: dict[int, type[DriverError]] = {**WRITING, **_REMOTE, errno.EEXIST: InvalidPathError}
_ERRNO_OF: tuple[tuple[type[OSError], int], ...] = (
    (FileNotFoundError, errno.ENOENT),
    (NotADirectoryError, errno.ENOTDIR),
    (IsADirectoryError, errno.EISDIR),
    (FileExistsError, errno.EEXIST),
    (PermissionError, errno.EACCES),
    (TimeoutError, errno.ETIMEDOUT),
    (ConnectionError, errno.ECONNRESET),
)

_BY_STATUS: dict[int, type[DriverError]] = {
    401: PermissionDeniedError,
    403: PermissionDeniedError,
    404: PathNotFoundError,
    408: TransientError,
    429: ThrottledError,
    501: UnsupportedMethodError,
    503: ThrottledError,
    507: NoSpaceError,
}
_SERVER_ERRORS = range(500, 600)

# Classes that are no OSError, by name, so that no backend need be installed to name them.
_BY_NAME: dict[str, type[DriverError]] = {
    "ClientConnectionError": TransientError,  # aiohttp
    "ClientPayloadError": TransientError,
    "HTTPClientError": TransientError,  # botocore: all that is lost on the wire
    "NoCredentialsError": PermissionDeniedError,
    "AuthenticationException": PermissionDeniedError,  # paramiko
    "BadHostKeyException": PermissionDeniedError,
    "NoValidConnectionsError": TransientError,
    "SSHException": TransientError,
    "ServiceRequestError": TransientError,  # azure
    "ServiceResponseError": TransientError,
    "EOFError": TransientError,
    "NotImplementedError": UnsupportedMethodError,
}


def translate(error: Exception, path: str, driver: str, *, writing: bool) -> DriverError:
    """Return what *error*, raised by a filesystem about *path*, is called here.

    :param writing: whether the call may have changed something.
    """
    if isinstance(error, DriverError):
        return error
    code = _errno(error)
    kind = (_WRITING if writing else _READING).get(code) or _kind(error)
    detail = os.strerror(code) if code else type(error).__name__
    if kind is TransientError:
        return TransientError(path, driver, detail, outcome_unknown=writing)
    return kind(path, driver, detail)


def _errno(error: Exception) -> int:
    if not isinstance(error, OSError):
        return 0
    return error.errno or next((code for kind, code in _ERRNO_OF if isinstance(error, kind)), 0)


def _kind(error: Exception) -> type[DriverError]:
    for field in ("status_code", "status", "code"):
        status: object = getattr(error, field, None)
        if isinstance(status, int) and (status in _BY_STATUS or status in _SERVER_ERRORS):
            return _BY_STATUS.get(status, TransientError)
    names = (each.__name__ for each in type(error).__mro__)
    return next((_BY_NAME[name] for name in names if name in _BY_NAME), DriverError)
