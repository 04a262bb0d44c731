"""What S3 and its client raise, as regstore's errors (X4).

The server's text is not repeated, since nobody says what it holds: the original is the
``__cause__``.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import aiohttp
from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from regstore.driver import ANY, Condition
from regstore.drivers.s3._http import never_connected
from regstore.drivers.s3.codes import detail_of, kind_of, was_refused
from regstore.errors import (
    ConfigurationError,
    DriverError,
    IncompleteReadError,
    InvalidOffsetError,
    PathExistsError,
    PathNotFoundError,
    PermissionDeniedError,
    PreconditionFailedError,
    RegstoreError,
    ThrottledError,
    TransientError,
)

_CREDENTIALS = (
    boto.CredentialRetrievalError,
    boto.MetadataRetrievalError,
    boto.NoAuthTokenError,
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.SSOError,
    boto.TokenRetrievalError,
)
_SETTINGS = (
    boto.BaseEndpointResolverError,
    boto.ConfigNotFound,
    boto.ConfigParseError,
    boto.EndpointProviderError,
    boto.InvalidProxiesConfigError,
    boto.InvalidRegionError,
    boto.ParamValidationError,
    boto.ProfileNotFound,
)
_NEVER_SENT = (boto.ConnectTimeoutError, boto.ProxyConnectionError, aiohttp.ClientConnectorError)
_LOST = (
    boto.ConnectionError,
    boto.HTTPClientError,
    ResponseParserError,
    aiohttp.ClientError,
    TimeoutError,
    OSError,
)
_CUT_SHORT = (boto.IncompleteReadError, aiohttp.ClientPayloadError)


@dataclass(frozen=True, slots=True)
class Call:
    """What was asked of the store when it failed.

    :ivar path: what was read or written.
    :ivar writing: whether it may have changed something.
    :ivar condition: what was asked of *path*.
    :ivar offset: where the range began that was asked for.
    :ivar source: what was copied.
    :ivar pinned: whether *source* had to have a certain version.
    :ivar deleting: whether *path* was to be gone.
    """

    path: str
    driver: str
    bucket: str
    writing: bool = False
    condition: Condition = ANY
    offset: int = 0
    source: str | None = None
    pinned: bool = False
    deleting: bool = False


def origin_of(error: Exception) -> Exception:
    """Return what the client raised, which s3fs may have dressed as an error of Python's."""
    cause = error.__cause__
    return cause if isinstance(cause, boto.ClientError) else error


def translate(error: Exception, call: Call) -> RegstoreError:
    """Return what *error* is called here; the caller raises it ``from`` its origin."""
    origin = origin_of(error)
    if isinstance(origin, RegstoreError):
        return origin
    if isinstance(origin, boto.ClientError):
        return _refused(origin, call)
    return _failed(origin, call)


def refusal(code: str, call: Call) -> RegstoreError:
    """Return the error for one key of many, of which S3 tells the code alone."""
    kind = kind_of(code, 0)
    return _missing(code, call) if kind is PathNotFoundError else _answer(code, 0, {}, call)


def _refused(error: boto.ClientError, call: Call) -> RegstoreError:
    answer = error.response
    about = answer.get("ResponseMetadata", {})
    told: Mapping[str, str] = answer.get("Error", {})
    code, status = str(told.get("Code", "")), about.get("HTTPStatusCode", 0)
    kind = kind_of(code, status)
    if kind is PathNotFoundError:
        return _missing(code, call)
    if kind is PreconditionFailedError:
        return _condition_failed(code, told.get("Condition", ""), call)
    return _answer(code, status, about.get("HTTPHeaders", {}), call)


def _answer(code: str, status: int, headers: Mapping[str, str], call: Call) -> RegstoreError:
    kind = kind_of(code, status)
    detail = detail_of(code or f"status {status}")
    if kind is ConfigurationError:
        where = f"{call.driver}: the bucket {call.bucket!r}"
        return ConfigurationError(f"{where} cannot be used: {detail}")
    if kind is ThrottledError:
        wait = _retry_after(headers)
        return ThrottledError(call.path, call.driver, detail, retry_after=wait)
    if kind is TransientError:
        unknown = call.writing and not was_refused(code, status)
        return TransientError(call.path, call.driver, detail, outcome_unknown=unknown)
    if kind is InvalidOffsetError:
        return InvalidOffsetError(call.path, call.offset, call.driver, "at or beyond the end")
    assert issubclass(kind, DriverError)  # noqa: S101 - the table has no others
    return kind(call.path, call.driver, detail)


def _missing(code: str, call: Call) -> RegstoreError:
    """Tell what is missing: an upload, the source of a copy, or what ``If-Match`` was asked of."""
    if code in {"NoSuchUpload", "InvalidPart"}:
        return PathNotFoundError(call.path, call.driver, detail_of(code))
    if call.source is not None:
        return PathNotFoundError(call.source, call.driver)
    if call.condition.kind == "version" and not call.deleting:
        return PreconditionFailedError(call.path, call.driver, "it is gone")
    return PathNotFoundError(call.path, call.driver)


def _condition_failed(code: str, condition: str, call: Call) -> RegstoreError:
    """Tell which condition does not hold: 412, or 409 where the object was deleted meanwhile.

    :param condition: the header that S3 names, if it does.
    """
    if code == "ConditionalRequestConflict":
        return _conflict(call)
    if call.pinned and (call.condition.kind == "any" or "copy-source" in condition.lower()):
        return PreconditionFailedError(call.source or "", call.driver)
    if call.pinned and not condition:
        detail = "it, or what was to be copied"
        return PreconditionFailedError(call.path, call.driver, detail)
    if call.condition.kind == "absent":
        return PathExistsError(call.path, call.driver)
    return PreconditionFailedError(call.path, call.driver)


def _conflict(call: Call) -> RegstoreError:
    """Return what 409 means: where the object is gone, it may be created after all."""
    detail = "it was deleted meanwhile"
    if call.condition.kind == "absent":
        return TransientError(call.path, call.driver, detail)
    return PreconditionFailedError(call.path, call.driver, detail)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a Retry-After, by the server's own clock where it names a time."""
    value = headers.get("retry-after", "")
    if value.isdecimal():
        return float(value)
    try:
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("date", ""))
    except (TypeError, ValueError):
        return None
    return max(wait.total_seconds(), 0.0)


def _failed(error: Exception, call: Call) -> RegstoreError:
    """Translate what has no answer of the server behind it."""
    name = type(error).__name__
    if isinstance(error, _CREDENTIALS):
        detail = f"{name}: give key and secret, or what botocore finds by itself"
        return PermissionDeniedError(call.path, call.driver, detail)
    if isinstance(error, _SETTINGS):
        return ConfigurationError(f"{call.driver}: look at bucket and storage options ({name})")
    if isinstance(error, _CUT_SHORT):
        return IncompleteReadError(call.path, call.driver, name)
    if _is_untrusted(error):
        return ConfigurationError(
            f"{call.driver}: the endpoint's certificate is not trusted: set AWS_CA_BUNDLE, or "
            "client_kwargs={'verify': ...}"
        )
    if isinstance(error, _LOST):
        unknown = call.writing and not _was_never_sent(error)
        return TransientError(call.path, call.driver, name, outcome_unknown=unknown)
    return DriverError(call.path, call.driver, name)


def _was_never_sent(error: Exception) -> bool:
    if isinstance(error, boto.EndpointConnectionError | boto.SSLError):
        return never_connected(error)
    return isinstance(error, _NEVER_SENT)


def _is_untrusted(error: Exception) -> bool:
    inner = getattr(error, "kwargs", {}).get("error")
    return isinstance(inner, aiohttp.ClientConnectorCertificateError) or isinstance(
        getattr(inner, "certificate_error", inner), ssl.SSLCertVerificationError
    )
