"""The table of S3's answers: which of regstore's errors each one is, and what to do about it.

Codes are those of the S3 API reference, section "Error responses", and some of other stores'. A
code decides; the HTTP status only where there is none, or an unknown one: answers to HEAD have no
body, and a proxy in between speaks no XML.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from regstore.errors import (
    ConfigurationError,
    DriverError,
    InvalidOffsetError,
    InvalidPathError,
    NoSpaceError,
    PathNotFoundError,
    PermissionDeniedError,
    PreconditionFailedError,
    RegstoreError,
    ThrottledError,
    TransientError,
    UnsupportedMethodError,
)

Kind = type[RegstoreError]
"""A class of errors."""


def _all(kind: Kind, codes: str) -> dict[str, Kind]:
    return dict.fromkeys(codes.split(), kind)


_NOT_CARRIED_OUT = _all(
    TransientError,
    "BadDigest IncompleteBody InvalidDigest OperationAborted XAmzContentSHA256Mismatch",
)

_CODES: Mapping[str, Kind] = MappingProxyType(
    {
        # InvalidPart: a part of an upload that somebody else has discarded.
        **_all(PathNotFoundError, "NoSuchKey NoSuchUpload NoSuchVersion InvalidPart"),
        # The second one: the object was deleted while a conditional write was under way.
        **_all(PreconditionFailedError, "PreconditionFailed ConditionalRequestConflict"),
        **_all(
            PermissionDeniedError,
            "AccessDenied AccountProblem AllAccessDisabled AuthorizationHeaderMalformed "
            "ExpiredToken InvalidAccessKeyId InvalidObjectState InvalidSecurity InvalidToken "
            "NotSignedUp RequestTimeTooSkewed SignatureDoesNotMatch TokenRefreshRequired "
            "UnauthorizedAccess",
        ),
        **_all(
            ThrottledError,
            "BandwidthLimitExceeded RequestLimitExceeded RequestThrottled ServiceUnavailable "
            "SlowDown SlowDownRead SlowDownWrite Throttling ThrottlingException TooManyRequests "
            "TooManyRequestsException",
        ),
        **_NOT_CARRIED_OUT,
        **_all(TransientError, "InternalError RequestTimeout"),
        **_all(
            NoSpaceError,
            "EntityTooLarge InsufficientCapacity InsufficientStorage QuotaExceeded StorageFull "
            "XMinioAdminBucketQuotaExceeded XMinioStorageFull",
        ),
        **_all(InvalidPathError, "InvalidURI KeyTooLong KeyTooLongError XMinioInvalidObjectName"),
        **_all(InvalidOffsetError, "InvalidRange"),
        **_all(UnsupportedMethodError, "MethodNotAllowed NotImplemented"),
        **_all(
            ConfigurationError,
            "IllegalLocationConstraintException InvalidBucketName NoSuchBucket PermanentRedirect",
        ),
    }
)

_STATUS: Mapping[int, Kind] = MappingProxyType(
    {
        301: ConfigurationError,
        307: TransientError,
        401: PermissionDeniedError,
        403: PermissionDeniedError,
        404: PathNotFoundError,
        405: UnsupportedMethodError,
        408: TransientError,
        409: TransientError,
        412: PreconditionFailedError,
        413: NoSpaceError,
        416: InvalidOffsetError,
        429: ThrottledError,
        501: UnsupportedMethodError,
        503: ThrottledError,
        507: NoSpaceError,
    }
)
_SERVER_ERRORS = range(500, 600)
_UNCHANGED = {307, 409}

_ADVICE = MappingProxyType(
    {
        "NoSuchBucket": "create it, or name another one in s3://bucket/prefix",
        "InvalidBucketName": "name another one in s3://bucket/prefix",
        "PermanentRedirect": "set client_kwargs={'region_name': ...} to its region",
        "301": "set client_kwargs={'region_name': ...} to its region",
        "AccessDenied": "absent objects are refused, too, without the right s3:ListBucket",
        "403": "absent objects are refused, too, without the right s3:ListBucket",
        "ExpiredToken": "renew the credentials",
        "InvalidObjectState": "it was archived; restore it first",
        "RequestTimeTooSkewed": "set this machine's clock",
        "EntityTooSmall": "a part that is not the last one is smaller than this store takes",
        "InvalidPart": "a part is gone: somebody else has discarded this upload",
    }
)


def kind_of(code: str, status: int) -> Kind:
    """Return what an answer is; *code* may be empty, *status* 0."""
    found = _CODES.get(code) or _STATUS.get(status)
    if found is None:
        found = TransientError if status in _SERVER_ERRORS else DriverError
    return found


def detail_of(code: str) -> str:
    """Return *code*, and what to do about it."""
    advice = _ADVICE.get(code)
    return f"{code}: {advice}" if advice else code


def was_refused(code: str, status: int) -> bool:
    """Tell whether an answer that is worth another try says that nothing has changed."""
    return code in _NOT_CARRIED_OUT or status in _UNCHANGED
