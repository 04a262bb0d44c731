"""What stands in the small files of the tree: links, and the time at which an upload began."""

from __future__ import annotations

from datetime import UTC, datetime

from regstore.digest import Digest
from regstore.errors import DigestInvalidError


def link_body(digest: Digest) -> bytes:
    """Return the content of a link to ``digest``: ``<algorithm>:<hex>``, with no newline.

    Source: distribution, ``registry/storage/blobstore.go``, ``link``.
    """
    return digest.encode("ascii")


def parse_link(data: bytes) -> Digest:
    """Return the digest that a link holds.

    As strict as stock (``blobstore.go``, ``readlink``): an empty file and a trailing newline are
    errors. Whether a bad link is worth reading again is for the caller to know.

    :raises DigestInvalidError: the content is not exactly one digest of a known algorithm.
    """
    try:
        return Digest(data.decode("ascii"))
    except UnicodeDecodeError as error:
        text = data.decode("ascii", "backslashreplace")
        raise DigestInvalidError(
            "a link holds something else than a digest", digest=text, actual=None
        ) from error


def format_startedat(when: datetime) -> bytes:
    """Return the content of ``startedat``: RFC 3339 in UTC, whole seconds, cut off not rounded.

    Source: distribution, ``registry/storage/linkedblobstore.go``, ``Create``.

    :raises ValueError: ``when`` has no time zone.
    """
    if when.tzinfo is None:
        raise ValueError(f"{when} has no time zone: say datetime.now(UTC)")
    moment = when.astimezone(UTC).replace(tzinfo=None)
    return f"{moment.isoformat(timespec='seconds')}Z".encode("ascii")


def parse_startedat(data: bytes) -> datetime:
    """Return the time that ``startedat`` holds, in UTC.

    Takes all that Go's ``time.RFC3339`` and ``time.RFC3339Nano`` give: fractions, of which
    microseconds are kept, and numeric zones. Not a strict reader: it takes what
    :meth:`datetime.datetime.fromisoformat` takes, as long as the time zone is told.

    :raises ValueError: the content is no such time.
    """
    try:
        when = datetime.fromisoformat(data.decode("ascii"))
        if when.tzinfo is not None:
            return when.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"not a time of RFC 3339: {data[:64]!r}") from error
    raise ValueError(f"a time without its zone: {data[:64]!r}")
