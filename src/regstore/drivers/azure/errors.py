"""The one table that turns what Azure and its SDK raise into regstore's errors (X4).

Codes are those of "Blob service error codes" and "Common REST API error codes" in the reference of
the REST API (learn.microsoft.com/rest/api/storageservices). The service's own text is not repeated:
it is in the ``__cause__``, since it may name what was signed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Protocol, cast

import aiohttp
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    DecodeError,
    HttpResponseError,
    ServiceRequestTimeoutError,
)
from azure.core.exceptions import IncompleteReadError as ShortBody

from regstore.errors import (
    ConfigurationError,
    DriverError,
    IncompleteReadError,
    InvalidOffsetError,
    NoSpaceError,
    PathExistsError,
    PathNotFoundError,
    PermissionDeniedError,
    PreconditionFailedError,
    RegstoreError,
    ThrottledError,
    TransientError,
    UnsupportedMethodError,
)

DRIVER = "azure"
FAILURES = (AzureError, aiohttp.ClientError, OSError, TimeoutError)
"""What a request may raise that is not a mistake of ours."""

Make = Callable[[str, str, str], RegstoreError]
"""Makes an error of a path, a driver's name and a detail."""


class Answer(Protocol):
    """What is looked at of an answer; a legacy one of azure-core, or one of ``azure.core.rest``."""

    @property
    def status_code(self) -> int:
        """The status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, in any case."""


_NEVER_CONNECTED = (
    aiohttp.ClientConnectorError,  # also of names and certificates
    aiohttp.InvalidURL,
    aiohttp.ClientProxyConnectionError,
)
_BY_CODE: dict[str, Make] = {
    "BlobNotFound": PathNotFoundError,
    "ResourceNotFound": PathNotFoundError,
    "BlobAlreadyExists": PathExistsError,
    "ConditionNotMet": PreconditionFailedError,
    "SourceConditionNotMet": PreconditionFailedError,
    "TargetConditionNotMet": PreconditionFailedError,
    "InvalidRange": lambda path, driver, detail: InvalidOffsetError(path, -1, driver, detail),
    "UnauthorizedBlobOverwrite": PermissionDeniedError,
    "BlobImmutableDueToPolicy": PermissionDeniedError,
    "PendingCopyOperation": TransientError,
    "ContainerBeingDeleted": TransientError,
    "AccountBeingCreated": TransientError,
}
_CONFIGURATION = {
    "ContainerNotFound": "there is no such container: create it, or correct the URL",
    "ContainerDisabled": "the container has been disabled",
    "AccountIsDisabled": "the storage account has been disabled",
    "InvalidResourceName": "the URL's container or prefix is no name that Azure takes",
}
_ADVICE = {
    "BlobImmutableDueToPolicy": "an immutability policy or legal hold keeps this blob",
    "BlobArchived": "the blob is in the archive tier: rehydrate it first",
    "BlobBeingRehydrated": "the blob is on its way out of the archive tier: wait for it",
    "InvalidBlobType": "what lies there is no block blob: delete it first",
    "InvalidBlobOrBlock": "another program has left unfinished blocks here: they vanish in a week,"
    " or when anything is written to this path",
    "SnapshotsPresent": "the blob has snapshots: delete them first",
    "InvalidBlockList": "what was sent has been discarded: send it again",
    "UnauthorizedBlobOverwrite": "the signature lets nothing be replaced",
}
_BY_STATUS: dict[int, Make] = {
    401: PermissionDeniedError,
    403: PermissionDeniedError,
    404: PathNotFoundError,
    412: PreconditionFailedError,
    416: _BY_CODE["InvalidRange"],
    501: UnsupportedMethodError,
    507: NoSpaceError,
}
_THROTTLING = {"ServerBusy", "TooManyRequests"}
_TOO_MANY = 429
_BUSY = 503
_TRANSIENT = {408, 500, 502, 503, 504}
_CODE = re.compile(rb"<Code>([A-Za-z]+)</Code>")


def translate(
    error: BaseException,
    path: str,
    *,
    writing: bool,
    codes: Mapping[str, Make] | None = None,
) -> RegstoreError:
    """Return what *error*, raised by the SDK about *path*, is called here.

    :param writing: whether the call may have changed something.
    :param codes: what some codes mean for this call, before what they mean for all.
    """
    if isinstance(error, HttpResponseError) and error.response is not None:
        return of_answer(cast("Answer", error.response), path, writing=writing, codes=codes)
    if isinstance(error, ClientAuthenticationError) or _is_signing(error):
        return PermissionDeniedError(path, DRIVER, "no valid credentials: check what adlfs is told")
    if isinstance(error, ShortBody) and not writing:
        return IncompleteReadError(path, DRIVER, "the connection ended early")
    return TransientError(
        path, DRIVER, _name(error), outcome_unknown=writing and not _never_sent(error)
    )


def of_answer(
    answer: Answer, path: str, *, writing: bool, codes: Mapping[str, Make] | None = None
) -> RegstoreError:
    """Return the error that an answer of the service means; parameters as in :func:`translate`."""
    code = code_of(answer)
    status = answer.status_code
    detail = f"{status} {code}".strip()
    if code in _CONFIGURATION:
        return ConfigurationError(f"{DRIVER}: {_CONFIGURATION[code]} ({detail})")
    if code in _ADVICE:
        detail = f"{detail}: {_ADVICE[code]}"
    if code.startswith("Lease"):
        return PermissionDeniedError(path, DRIVER, f"{detail}: a lease is held, break it first")
    make = (codes or {}).get(code) or _BY_CODE.get(code) or _BY_STATUS.get(status)
    if make is not None:
        return make(path, DRIVER, detail)
    if status == _TOO_MANY or code in _THROTTLING or (status == _BUSY and _pause(answer)):
        return ThrottledError(path, DRIVER, detail, retry_after=_pause(answer))
    if status in _TRANSIENT:
        return TransientError(path, DRIVER, detail, outcome_unknown=writing)
    return DriverError(path, DRIVER, detail)


def code_of(answer: Answer) -> str:
    """Return the service's name for what went wrong; ``""`` where it gives none."""
    code = answer.headers.get("x-ms-error-code")
    if code:
        return code
    found = _CODE.search(_body(answer))
    return found[1].decode() if found else ""


def _body(answer: Answer) -> bytes:
    try:
        content: object = getattr(answer, "content", b"")
    except AzureError:  # it was never read
        content = b""
    return content if isinstance(content, bytes) else b""


def _pause(answer: Answer) -> float | None:
    """Return for how many seconds the service asks to be left alone."""
    seconds = answer.headers.get("Retry-After", "")
    milliseconds = answer.headers.get("x-ms-retry-after-ms", "")
    if milliseconds.isdecimal():
        return int(milliseconds) / 1000
    return float(seconds) if seconds.isdecimal() else None


def _never_sent(error: BaseException) -> bool:
    """Whether no octet of the request can have reached the service.

    The SDK's ``ServiceRequestError`` does not say: it stands for lost connections, too.
    """
    inner = getattr(error, "inner_exception", None) or error
    return isinstance(error, ServiceRequestTimeoutError) or isinstance(inner, _NEVER_CONNECTED)


def _is_signing(error: BaseException) -> bool:
    return type(error).__name__ == "AzureSigningError"  # the SDK does not export it


def _name(error: BaseException) -> str:
    if isinstance(error, DecodeError):
        return "the answer could not be read"
    inner = getattr(error, "inner_exception", None) or error
    return type(inner).__name__
