"""What was measured of a store: how it lowers what a driver claims, and how it is kept."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any, Final

from regstore.driver import Capabilities, ResumeScope
from regstore.errors import CorruptContentError
from regstore.layout import Caps

FORMAT: Final = "regstore-capabilities"
VERSION: Final = 1

_DRAWBACKS: Final = {"uncommitted_visible", "ghost_directories"}
"""Capabilities that are worse where they are true."""
_SCOPES: Final[tuple[ResumeScope, ...]] = ("object", "process", "host")


def lower(claimed: Capabilities, seen: Capabilities) -> Capabilities:
    """Return, field by field, the worse of both: what was seen never raises a claim."""
    worse: dict[str, Any] = {
        each.name: _worse(each.name, getattr(claimed, each.name), getattr(seen, each.name))
        for each in fields(Capabilities)
    }
    return replace(claimed, **worse)


def without(claimed: Capabilities, names: Iterable[str]) -> Capabilities:
    """Return *claimed* without what is named; all of that is ``bool``."""
    lost: dict[str, Any] = dict.fromkeys(names, False)
    return replace(claimed, **lost)


def instead_of(capability: str) -> str:
    """Return what to do where a store does not keep *capability*, which a call has asked for."""
    if capability == "source_pinned_copy":
        return "copy without source_version, or verify what was copied"
    return (
        "leave out the condition (a tag: set or delete it without expect=, and the last writer "
        "wins), or use a store with conditional writes: 'regstore probe URL' tells what one keeps"
    )


def _worse(name: str, one: Any, other: Any) -> object:  # noqa: ANN401 - of any field
    if name == "resume_scope":
        return min(one, other, key=_SCOPES.index)
    if isinstance(one, bool):
        return (one or other) if name in _DRAWBACKS else (one and other)
    if name == "staleness_bound":
        # Unknown is the worst of bounds.
        return None if one is None or other is None else max(one, other)
    if name == "clock_resolution":
        return max(one, other)
    # Of sizes and counts, no bound is the best.
    given = [each for each in (one, other) if each is not None]
    return min(given, default=None)


@dataclass(frozen=True, slots=True)
class Saved:
    """The content of ``caps.json`` (:class:`regstore.layout.Caps`).

    :ivar driver: the name of the driver that was probed.
    :ivar time: when, on the store's clock, in UTC.
    :ivar capabilities: what was measured.
    """

    driver: str
    time: datetime
    capabilities: Capabilities

    def encode(self) -> bytes:
        """Return it as JSON."""
        document = {
            "format": FORMAT,
            "version": VERSION,
            "driver": self.driver,
            "time": self.time.astimezone(UTC).isoformat(),
            "capabilities": asdict(self.capabilities),
        }
        return json.dumps(document, indent=2).encode()

    @classmethod
    def decode(cls, data: bytes) -> Saved:
        """Read what :meth:`encode` wrote; fields that are missing promise nothing.

        :raises CorruptContentError: it is something else, or of a newer version.
        """
        try:
            document = json.loads(data)
            if (document["format"], document["version"]) != (FORMAT, VERSION):
                raise ValueError(f"format {document['format']}, version {document['version']}")
            time = datetime.fromisoformat(document["time"])
            if time.tzinfo is None:
                raise ValueError("a time without its zone")
            return cls(str(document["driver"]), time, _capabilities(document["capabilities"]))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            path = Caps().path
            message = f"{path} cannot be read ({error}): write it anew with regstore probe --save"
            raise CorruptContentError(message, path=path, digest=None) from error


def _capabilities(given: Mapping[str, object]) -> Capabilities:
    values: dict[str, Any] = {}
    for each in fields(Capabilities):
        value = values[each.name] = given.get(each.name, each.default)
        if not _fits(each.name, value, each.default):
            raise ValueError(f"{each.name} cannot be {value!r}")
    return Capabilities(**values)


def _fits(name: str, value: object, default: object) -> bool:
    if name == "resume_scope":
        return value in _SCOPES
    if isinstance(default, bool):
        return isinstance(value, bool)
    return isinstance(value, int | float) or (value is None and name != "clock_resolution")
