"""What CNCF distribution makes of names that it does not know."""

from __future__ import annotations

import re
from typing import Final

from regstore import layout
from regstore.driver import RESERVED_PREFIX

_UUID: Final = re.compile(
    r"(urn:uuid:)?[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}|\{[0-9a-f-]{36}\}", re.IGNORECASE
)
"""What google/uuid parses, and a little more."""
_TAKEN: Final = frozenset({"data", "link", "startedat"})
"""File names that its walkers look for (``blobstore.go``, ``purgeuploads.go``)."""


def is_unseen(key: str) -> bool:
    """Return whether what the driver keeps at *key* is nothing to CNCF distribution.

    It is below regstore's own state, or below an upload. There, a purge takes each component that
    is a UUID for an upload, and each ``startedat`` for the beginning of one.
    """
    directory, _, rest = key.partition(f"/{RESERVED_PREFIX}")
    if directory.startswith(layout.StateRoot().path):
        return True
    parts = rest.split("/")
    return (
        isinstance(layout.parse(directory), layout.Upload)
        and parts[-1] not in _TAKEN
        and not any(_UUID.fullmatch(part) for part in parts)
    )
