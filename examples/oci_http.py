"""The HTTP of the OCI distribution specification as pure functions, for whatever framework.

Every function takes strings and gives strings or numbers; none does I/O. "Spec" is the OCI
distribution specification 1.1 with what its main branch adds; sections are named where they rule.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final
from urllib.parse import quote, urlencode

from regstore import (
    ABSENT,
    ANY,
    Descriptor,
    Digest,
    Page,
    PutResult,
    RegistryError,
    RegstoreError,
    errors,
)
from regstore.oci import OCI_INDEX, OCTET_STREAM
from regstore.tags import Expect, Item

Headers = Callable[[str], str | None]
"""Gives the value of a request's header, if it was sent."""

API_VERSION: Final = {"Docker-Distribution-API-Version": "registry/2.0"}
DRAINED_BYTES: Final = 32 << 20
"""How much of a refused body is read all the same: many clients read no answer before they have
sent everything, and lose it when the connection closes."""
MAX_TAGS_PER_PUSH: Final = 100
MAX_PAGE: Final = 10_000
"""Tags on one page; a request without ``n`` gets so many, too."""
MAX_LISTED: Final = 1_000
"""Repositories or referrers on one page."""

STATUS: Final[Mapping[type[RegstoreError], int]] = {
    errors.NameUnknownError: 404,
    errors.ManifestUnknownError: 404,
    errors.BlobUnknownError: 404,
    errors.BlobUploadUnknownError: 404,
    errors.ReadOnlyError: 405,
    errors.PreconditionFailedError: 409,
    errors.TagConflictError: 412,
    errors.ManifestTooLargeError: 413,
    errors.UploadOffsetError: 416,
    errors.InvalidOffsetError: 416,
    errors.ThrottledError: 429,
    errors.CorruptContentError: 500,
    errors.UnsupportedMethodError: 501,
    errors.TransientError: 503,
    errors.NoSpaceError: 507,
    errors.RegistryError: 400,
    errors.RegstoreError: 500,
}
"""The status that answers an error: that of the first class it is an instance of."""


class RequestError(RegistryError, ValueError):
    """The request itself is wrong. Field: ``status``."""

    status = 400


class ChunkRangeError(RequestError):
    """The ``Content-Range`` of a chunk is malformed (spec, "Pushing a blob in chunks")."""

    code = "BLOB_UPLOAD_INVALID"


class PreconditionError(RequestError):
    """``If-Match`` asks for what cannot be promised."""

    code = "DENIED"
    status = 412


class TooManyTagsError(RequestError):
    """More tags in one push than are taken (spec, "Pushing Manifests")."""

    status = 414


class RangeNotSatisfiableError(RequestError):
    """No byte of the blob lies in the range asked for. Field: ``size`` of the blob."""

    status = 416
    size: int


class UnauthorizedError(RequestError):
    """The client must say who it is. Field: ``challenge``, the value of ``WWW-Authenticate``."""

    code = "UNAUTHORIZED"
    status = 401
    challenge: str


class DeniedError(RequestError):
    """The client may not do this."""

    code = "DENIED"
    status = 403


def status_of(error: RegstoreError) -> int:
    """Return the status that answers *error*."""
    if isinstance(error, RequestError):
        return error.status
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def error_headers(error: RegstoreError) -> dict[str, str]:
    """Return what the answer to *error* tells beside its body."""
    if isinstance(error, UnauthorizedError):
        return API_VERSION | {"WWW-Authenticate": error.challenge}
    if isinstance(error, RangeNotSatisfiableError):
        return {"Content-Range": f"bytes */{error.size}"}
    if isinstance(error, errors.UploadOffsetError):
        return upload_headers(error.name, error.upload_id, error.offset)
    if isinstance(error, errors.ThrottledError):
        return {"Retry-After": str(round(error.retry_after or 1))}
    return {"Allow": "GET, HEAD"} if isinstance(error, errors.ReadOnlyError) else {}


def error_body(error: RegstoreError) -> bytes:
    """Return the body that answers *error* (spec, "Error Codes"), without paths of the store."""
    if isinstance(error, RegistryError):
        fields = {key: value for key, value in vars(error).items() if key != "path"}
        return failure(error.code, str(error), fields)
    code = "TOOMANYREQUESTS" if isinstance(error, errors.ThrottledError) else "UNSUPPORTED"
    return failure(code, getattr(error, "summary", "the registry is not set up as it should be"))


def failure(code: str, message: str, detail: Mapping[str, object] | None = None) -> bytes:
    """Return an error's body (spec, "Error Codes")."""
    error = {"code": code, "message": message, "detail": detail}
    return to_json({"errors": [error]})


def to_json(value: object) -> bytes:
    """Return a body; what JSON does not know is given as text."""
    return json.dumps(value, default=str).encode()


def blob_path(name: str, digest: Digest) -> str:
    """Return where a blob is pulled."""
    return f"/v2/{name}/blobs/{digest}"


def upload_headers(name: str, upload_id: str, offset: int) -> dict[str, str]:
    """Tell where an upload goes on. A range cannot be empty: that of no bytes is ``0-0``, too."""
    return {
        "Location": f"/v2/{name}/blobs/uploads/{upload_id}",
        "Range": f"0-{max(offset - 1, 0)}",
        "Docker-Upload-UUID": upload_id,
    }


def created_headers(name: str, digest: Digest) -> dict[str, str]:
    """Tell where the blob that was pushed or mounted is pulled."""
    return {"Location": blob_path(name, digest), "Docker-Content-Digest": digest}


def pushed_headers(name: str, result: PutResult) -> dict[str, str]:
    """Tell what a push of a manifest did; ``OCI-Tag`` names each tag that was set."""
    digest = result.descriptor.digest
    headers = {"Location": f"/v2/{name}/manifests/{digest}", "Docker-Content-Digest": digest}
    if result.tags:
        headers["OCI-Tag"] = ", ".join(result.tags)
    if result.subject:
        headers["OCI-Subject"] = result.subject
    return headers


def digest_headers(digest: Digest) -> dict[str, str]:
    """Say which content this is; all that status 304 tells."""
    return {"Docker-Content-Digest": digest, "ETag": f'"{digest}"'}


def content_headers(content: Descriptor) -> dict[str, str]:
    """Describe content that is pulled."""
    headers = {"Content-Type": content.media_type, "Content-Length": str(content.size)}
    if content.media_type == OCTET_STREAM:
        headers["Accept-Ranges"] = "bytes"
    return headers | digest_headers(content.digest)


def etags(header: str | None) -> set[str]:
    """Return the entity tags in ``If-Match`` or ``If-None-Match``, without quotes."""
    parts = header.split(",") if header else []
    return {part.strip().removeprefix("W/").strip('"') for part in parts}


def is_unmodified(if_none_match: str | None, digest: Digest) -> bool:
    """Return whether the client has this content already."""
    return not etags(if_none_match).isdisjoint({"*", digest})


def expectation(reference: str, header: Headers) -> Expect:
    """Return what the tag *reference* must be for a push or a deletion to go ahead.

    :raises PreconditionError: ``If-Match`` names anything but one digest.
    """
    if ":" in reference:
        return ANY
    if "*" in etags(header("If-None-Match")):
        return ABSENT
    named = etags(header("If-Match"))
    if len(named) > 1 or any(":" not in tag for tag in named):
        raise PreconditionError("If-Match takes the ETag of one manifest")
    return Digest(named.pop()) if named else ANY


def range_wanted(header: Headers, digest: Digest) -> str | None:
    """Return the range asked for, if this is still the content that it was asked of."""
    condition = header("If-Range")
    return header("Range") if condition in {None, f'"{digest}"'} else None


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return the first byte asked for and the one after the last; ``None`` for the whole.

    As RFC 9110 section 14.2 allows, several ranges in one request are answered with the whole.

    :raises RangeNotSatisfiableError: no byte lies in it.
    """
    match = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", (header or "").replace(" ", ""))
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    start = int(first) if first else max(size - int(last), 0)
    stop = min(int(last) + 1, size) if first and last else size
    if start >= stop:
        raise RangeNotSatisfiableError(f"the blob has {size} bytes", size=size)
    return start, stop


def range_headers(start: int, stop: int, size: int) -> dict[str, str]:
    """Describe the part of a blob that is sent with status 206."""
    return {
        "Content-Range": f"bytes {start}-{stop - 1}/{size}",
        "Content-Length": str(stop - start),
    }


def chunk_place(header: Headers) -> tuple[int | None, int | None]:
    """Return where the body of an upload request begins, and its size, as far as it tells.

    :raises ChunkRangeError: the range is malformed.
    :raises SizeInvalidError: range and length disagree.
    """
    content_range, content_length = header("Content-Range"), header("Content-Length")
    length = int(content_length) if content_length else None
    if content_range is None:
        return None, length
    match = re.fullmatch(r"([0-9]{1,18})-([0-9]{1,18})", content_range)
    start, stop = (int(match[1]), int(match[2]) + 1) if match else (0, 0)
    if start >= stop:
        raise ChunkRangeError(f"Content-Range must be like 0-99, not {content_range[:40]!r}")
    size = stop - start
    if size != (size if length is None else length):
        msg = f"Content-Range tells of {size} bytes, Content-Length of {length}"
        raise errors.SizeInvalidError(msg, expected=size, actual=length)
    return start, size


def page_limit(n: str | None, most: int) -> int:
    """Return how many items a page may have.

    :raises RequestError: *n* is no number.
    """
    if n is None:
        return most
    if not re.fullmatch(r"[0-9]{1,18}", n):
        raise RequestError(f"n must be a number of items, not {n[:40]!r}")
    return min(int(n), most)


def next_link(path: str, n: int, page: Page[Item], **filters: str | None) -> dict[str, str]:
    """Tell where the next page is, if there is one (RFC 8288)."""
    if not page.more or page.last is None:
        return {}
    asked = {key: value for key, value in filters.items() if value}
    query = urlencode({"n": n, "last": page.last} | asked)
    return {"Link": f'<{quote(path)}?{query}>; rel="next"'}


def tags_to_push(query: Iterable[str], reference: str) -> list[str]:
    """Return the tags that a push sets: the reference, unless it is a digest, and those asked for.

    :raises TooManyTagsError: there are more than :data:`MAX_TAGS_PER_PUSH`.
    """
    tags = [*query] if ":" in reference else [reference, *query]
    if len(tags) > MAX_TAGS_PER_PUSH:
        raise TooManyTagsError(f"a push sets at most {MAX_TAGS_PER_PUSH} tags")
    return tags


def index_of(manifests: Iterable[Descriptor]) -> bytes:
    """Return the image index that lists *manifests* (spec, "Listing Referrers")."""
    listed = [descriptor.to_json() for descriptor in manifests]
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}
    return to_json(index)
