"""What Cloud Storage says of an object, as metadata and as the headers of a download."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from regstore.driver import FileInfo
from regstore.drivers.gcs.calls import NAME
from regstore.errors import TransientError

FIELDS = "name,size,updated,generation"
"""The fields of an object's metadata that are asked for."""


def from_resource(key: str, resource: Mapping[str, str]) -> FileInfo:
    """Describe an object by its metadata.

    Its time is cut to whole seconds: a download's headers say no more, and one version has one
    time however it was asked for.

    https://cloud.google.com/storage/docs/json_api/v1/objects#resource

    :raises TransientError: something is lacking.
    """
    try:
        updated = datetime.fromisoformat(resource["updated"]).astimezone(UTC)
        size = int(resource["size"])
        version = resource["generation"]
    except (KeyError, TypeError, ValueError) as error:
        raise TransientError(key, NAME, "the metadata answered lack a field") from error
    return FileInfo(key, size, updated.replace(microsecond=0), version)


def from_headers(key: str, headers: Mapping[str, str], status: int) -> FileInfo:
    """Describe an object by the headers of a download of it, or of a part of it.

    https://cloud.google.com/storage/docs/xml-api/reference-headers

    :raises TransientError: something is lacking.
    """
    try:
        updated = parsedate_to_datetime(headers["Last-Modified"]).astimezone(UTC)
        version = headers["X-Goog-Generation"]
        size = _stored_size(headers, status)
    except (KeyError, ValueError) as error:
        raise TransientError(key, NAME, "the download's headers lack a field") from error
    return FileInfo(key, size, updated, version)


def _stored_size(headers: Mapping[str, str], status: int) -> int:
    """Emulators give no stored length, but the other two say the same."""
    stored = headers.get("X-Goog-Stored-Content-Length")
    if stored is not None:
        return int(stored)
    if status == 206:  # noqa: PLR2004 - Partial Content
        return int(headers["Content-Range"].rpartition("/")[2])
    return int(headers["Content-Length"])


def version_of(key: str, resource: Mapping[str, object]) -> str:
    """Return the version that a write has made.

    :raises TransientError: the answer does not tell.
    """
    version = resource.get("generation")
    if not isinstance(version, str):
        raise TransientError(key, NAME, "the answer names no generation", outcome_unknown=True)
    return version
