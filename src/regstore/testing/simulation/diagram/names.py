"""Short names of a store's keys, and of what they hold, for people to read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

from regstore import Digest, layout
from regstore.errors import DigestInvalidError, UnsupportedAlgorithmError
from regstore.testing.simulation.trace import Change

_UPLOAD: Final = re.compile(r".*/_uploads/[^/]+/(?:\.regstore-parked/)?")
_PROBE: Final = re.compile(layout.ProbesRoot().path + "/")
_HEX: Final = re.compile(r"([0-9a-f]{8})[0-9a-f-]{8,}")


def short_names(keys: Iterable[str]) -> dict[str, str]:
    """Return a name for each of *keys*, no two of them alike."""
    names: dict[str, str] = {}
    met: Counter[str] = Counter()
    for key in keys:
        name = _short(key)
        met[name] += 1
        names[key] = name if met[name] == 1 else f"{name} ({met[name]})"
    return names


def version_name(change: Change) -> str:
    """Return what a key is with *change*: of a link the digest, else which version it is."""
    if change.content is None:
        return "deleted"
    try:
        return Digest(change.content.data.decode("ascii")).hex[:8]
    except (UnicodeDecodeError, DigestInvalidError, UnsupportedAlgorithmError):
        return f"v{change.count}"


def _short(key: str) -> str:
    match spec := layout.parse(key):
        case layout.TagCurrentLink():
            return f"tag {spec.tag}"
        case layout.TagIndexLink():
            return f"index of {spec.tag}: {spec.digest.hex[:8]}"
        case layout.RevisionLink():
            return f"revision {spec.digest.hex[:8]}"
        case layout.LayerLink():
            return f"layer {spec.digest.hex[:8]}"
        case layout.BlobData():
            return f"data {spec.digest.hex[:8]}"
        case _:
            last = "/".join(key.rstrip("/").split("/")[-2:])
            name = _PROBE.sub("probe ", _UPLOAD.sub("upload ", key))
            return _HEX.sub(r"\1", last if name == key else name)
