"""Which keys a request depends on, and which it changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from regstore.testing.simulation.trace import Request

_SESSION = "session of "
_READS = frozenset({"head", "get", "open"})
_OF_SESSIONS = frozenset({"put_part", "copy_part", "complete", "abort"})


@dataclass(slots=True)
class Footprint:
    """What one request touches, or several.

    :ivar reads: keys on which answers depend.
    :ivar writes: keys that change, or whose answer depends on what is there.
    :ivar prefixes: answers depend on each key below one of these.
    """

    reads: set[str] = field(default_factory=set)
    writes: set[str] = field(default_factory=set)
    prefixes: set[str] = field(default_factory=set)

    def meets(self, other: Footprint) -> bool:
        """Return whether the order of the two may matter to anybody."""
        return (
            not self.writes.isdisjoint(other.writes)
            or not self.writes.isdisjoint(other.reads)
            or not self.reads.isdisjoint(other.writes)
            or _lists(self.prefixes, other.writes)
            or _lists(other.prefixes, self.writes)
        )

    def add(self, other: Footprint) -> None:
        """Touch what *other* touches, too."""
        self.reads |= other.reads
        self.writes |= other.writes
        self.prefixes |= other.prefixes


def footprint(request: Request) -> Footprint:
    """Return what *request* touches; a session has a key of its own beside that of its object."""
    return _footprint(request.name, request.key, request.others)


@lru_cache(1 << 14)
def _footprint(name: str, key: str, others: tuple[str, ...]) -> Footprint:
    if name in _READS:
        return Footprint(reads={key})
    if name == "list":
        return Footprint(prefixes={key})
    if name == "sessions":
        return Footprint(prefixes={_SESSION + key})
    if name == "begin":  # the store names all sessions, from one source of names
        return Footprint(writes={_SESSION + key, _SESSION})
    if name == "delete_many":
        return Footprint(writes={key, *others})
    writes = {key} if name in {"put", "delete", "copy", "complete"} else set()
    if name in _OF_SESSIONS:
        writes |= {_SESSION + key}
    return Footprint(reads=set(others), writes=writes)


def _lists(prefixes: set[str], keys: set[str]) -> bool:
    return any(key.startswith(prefix) for prefix in prefixes for key in keys)
