"""What stands in the files of collectors, as JSON objects; members that are not known are ignored.

What cannot be read, or says what this library does not know, is taken for the more dangerous: a
collector is at work, and a digest may be deleted at any moment.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Final, Literal, cast, get_args

from regstore.digest import Digest

Stage = Literal["condemned", "rescued", "deleting", "quarantined", "purging", "unknown"]
"""``condemned``: to be deleted, unless somebody needs it. ``rescued``: somebody did.
``deleting``: content and layer links are being removed. ``quarantined``: only the copy is left.
``purging``: the copy is being removed. ``unknown``: whatever a newer regstore means by it."""

GRACE: Final = 24 * 3600.0
LEASE: Final = 120.0
_STAGES: Final = frozenset(get_args(Stage))


@dataclass(frozen=True, slots=True)
class Collecting:
    """What ``gc/state`` says: ``{"active": true, "grace": 86400}``.

    :ivar active: whether anything may be condemned, or is.
    :ivar grace: seconds for which a new link keeps content alive.
    """

    active: bool
    grace: float = GRACE

    def body(self) -> bytes:
        """Return the content of the file."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def parse(cls, data: bytes) -> Collecting:
        """Read the content of the file; a collector is at work unless it says otherwise."""
        members = _members(data)
        return cls(members.get("active") is not False, _seconds(members.get("grace"), GRACE))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a tombstone says, each member a field: ``{"stage": "condemned", "fenced": true}``.

    :ivar stage: see :data:`Stage`.
    :ivar fenced: whether the collector changes it by compare-and-swap alone. Then writers do too.
    :ivar lag: seconds for which the store may show what was, as the collector believes.
    :ivar lease: seconds after which a step that has begun has ended or was given up, requests that
        were still under way included.
    :ivar nonce: makes each writing of a verdict different from all others.
    """

    stage: Stage
    fenced: bool = False
    lag: float = 0.0
    lease: float = LEASE
    nonce: str = ""

    def body(self) -> bytes:
        """Return the content of the file."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def parse(cls, data: bytes) -> Verdict:
        """Read the content of the file."""
        members = _members(data)
        stage, nonce = members.get("stage"), members.get("nonce")
        return cls(
            cast("Stage", stage) if isinstance(stage, str) and stage in _STAGES else "unknown",
            members.get("fenced") is True,
            _seconds(members.get("lag"), 0.0),
            _seconds(members.get("lease"), LEASE),
            nonce if isinstance(nonce, str) else "",
        )


def saved_body(digest: Digest) -> bytes:
    """Return the content of a claim to *digest*."""
    return json.dumps({"digest": str(digest)}).encode()


def _members(data: bytes) -> dict[str, object]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _seconds(value: object, default: float) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value < float("inf") else default  # type: ignore[arg-type,operator]
