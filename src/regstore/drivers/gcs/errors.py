"""The one table that turns what Cloud Storage and the wire answer into regstore's errors (X4).

https://cloud.google.com/storage/docs/json_api/v1/status-codes tells the status codes and reasons.
The store's own text is not repeated, nor a URL: they may hold what a log must not. The exception
that was seen is the ``__cause__``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import aiohttp
from gcsfs import retry
from gcsfs.retry import HttpError
from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
from requests import RequestException

from regstore.drivers.gcs.calls import NAME, Answer, Call
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

_CREDENTIALS = "check the credentials in storage_options, such as token="
_NO_BUCKET = (
    "the bucket does not exist: create it, or correct the URL; regstore does not make buckets"
)
_NO_BUCKET_TEXT = b"bucket does not exist"
_REASON = re.compile(r"[A-Za-z]{1,60}", re.ASCII)
_SLOW_DOWN = {"rateLimitExceeded", "userRateLimitExceeded"}
_FULL = {"quotaExceeded", "dailyLimitExceeded", "storageQuotaExceeded", "uploadTooLarge"}
# Older ones have no such class.
_WRAPPERS = (HttpError, getattr(retry, "NonRetryableError", HttpError))
_SERVER_ERRORS = range(500, 600)
_NEVER_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
_UNTRUSTED = (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError)


def refusal(call: Call, answer: Answer) -> RegstoreError:
    """Return the error that an answer of status 300 or more is."""
    reason = _reason(answer.body)
    detail = f"status {answer.status}" + (f", {reason}" if reason else "")
    if reason in _SLOW_DOWN:
        return _throttled(call, answer, detail)
    if reason in _FULL:
        return NoSpaceError(call.key, NAME, detail)
    make = _BY_STATUS.get(answer.status)
    if make is None and answer.status in _SERVER_ERRORS:
        make = _failure
    if make is None:
        return DriverError(call.key, NAME, f"refused with {detail}")
    return make(call, answer, detail)


def _denied(call: Call, _answer: Answer, detail: str) -> RegstoreError:
    return PermissionDeniedError(call.key, NAME, f"{detail}: {_CREDENTIALS}")


def _missing(call: Call, answer: Answer, _detail: str) -> RegstoreError:
    if call.about == "bucket" or _NO_BUCKET_TEXT in answer.body:
        return ConfigurationError(f"{NAME}: {_NO_BUCKET}")
    return PathNotFoundError(call.key, NAME)


def _condition_failed(call: Call, _answer: Answer, _detail: str) -> RegstoreError:
    kind = PathExistsError if call.condition.kind == "absent" else PreconditionFailedError
    return kind(call.key, NAME)


def _beyond(call: Call, _answer: Answer, _detail: str) -> RegstoreError:
    return InvalidOffsetError(call.key, call.start, NAME, "at or beyond the end")


def _full(call: Call, _answer: Answer, detail: str) -> RegstoreError:
    return NoSpaceError(call.key, NAME, detail)


def _unsupported(call: Call, _answer: Answer, detail: str) -> RegstoreError:
    return UnsupportedMethodError(call.key, NAME, detail)


def _failure(call: Call, answer: Answer, detail: str) -> RegstoreError:
    """Tell that the server failed: it may have written before, so only a read may be throttled."""
    if not call.writing and "Retry-After" in answer.headers:
        return _throttled(call, answer, detail)
    return TransientError(call.key, NAME, detail, outcome_unknown=call.writing)


def _throttled(call: Call, answer: Answer, detail: str) -> RegstoreError:
    try:
        seconds = max(0.0, float(answer.headers.get("Retry-After", "")))
    except ValueError:  # none, or a date
        seconds = None
    return ThrottledError(call.key, NAME, detail, retry_after=seconds)


_BY_STATUS: dict[int, Callable[[Call, Answer, str], RegstoreError]] = {
    304: _condition_failed,
    401: _denied,
    403: _denied,
    404: _missing,
    408: _failure,
    409: _failure,
    412: _condition_failed,
    413: _full,
    416: _beyond,
    429: _throttled,
    501: _unsupported,
    507: _full,
}


def _reason(body: bytes) -> str:
    """Return the store's word for a failure, if it gave one."""
    try:
        reason = json.loads(body)["error"]["errors"][0]["reason"]
    except (ValueError, LookupError, TypeError):
        return ""
    return reason if isinstance(reason, str) and _REASON.fullmatch(reason) else ""


def broken(call: Call, error: Exception) -> RegstoreError:
    """Return what an exception of the HTTP client, raised while *call* was made, is called here."""
    seen = type(error).__name__
    if isinstance(error, _UNTRUSTED):
        return ConfigurationError(
            f"{NAME}: the server's certificate is not trusted: check endpoint_url, or install the "
            "certificate authority that signs it"
        )
    if isinstance(error, aiohttp.InvalidURL):
        return ConfigurationError(f"{NAME}: endpoint_url must be like http://127.0.0.1:4443")
    if isinstance(error, _NEVER_SENT):
        return TransientError(call.key, NAME, f"no connection: {seen}")
    return TransientError(call.key, NAME, f"connection lost: {seen}", outcome_unknown=call.writing)


def cut_off(call: Call, error: Exception) -> DriverError:
    """Return what an exception raised while a download's body was read is called here."""
    if isinstance(error, aiohttp.ClientPayloadError):
        return IncompleteReadError(call.key, NAME, "the connection ended early")
    return TransientError(call.key, NAME, f"connection lost: {type(error).__name__}")


def unauthorised(key: str, error: Exception) -> DriverError:
    """Return what an exception raised while an access token was fetched is called here.

    Whatever it is, the request that needed the token has not been sent.
    """
    cause = error.__cause__ if isinstance(error, _WRAPPERS) else error
    passing = isinstance(cause, TransportError | RequestException) or (
        isinstance(cause, RefreshError) and cause.retryable
    )
    if passing:
        return TransientError(key, NAME, f"no access token: {type(cause).__name__}")
    return PermissionDeniedError(key, NAME, f"no access token: {_CREDENTIALS}")


def unusable(error: Exception) -> RegstoreError:
    """Return what an exception raised while the filesystem was made is called here."""
    if isinstance(error, RequestException | TransportError):
        return TransientError("", NAME, f"no access token: {type(error).__name__}")
    return ConfigurationError(
        f"{NAME}: gcsfs does not take these storage_options ({type(error).__name__}): check "
        "token=, project= and endpoint_url="
    )


TOKEN_ERRORS: tuple[type[Exception], ...] = (GoogleAuthError, RequestException, *_WRAPPERS)
"""What gcsfs raises when it fetches an access token."""

WIRE_ERRORS = (aiohttp.ClientError, TimeoutError, OSError)
"""What the HTTP client raises when a request or an answer is lost."""

OPTION_ERRORS = (GoogleAuthError, RequestException, OSError, ValueError, TypeError, LookupError)
"""What gcsfs raises when it is made with options that it cannot use."""
