"""Where a driver over objects keeps what is its own: below one reserved segment of each directory.

::

    <directory>/.regstore-parked/<name>/head             what is parked at <directory>/<name>
    <directory>/.regstore-parked/<name>/chunk-<nonce>    its bytes; immutable, listed by the head
    <directory>/.regstore-parked/<name>/session-<nonce>  an assembly under way elsewhere

So a listing of an ancestor finds all of it, and nothing of it is below *name* itself: stores with
real directories (Azure with a hierarchical namespace) have no object that is a directory too.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from regstore.driver import RESERVED_PREFIX

PARKED = f"{RESERVED_PREFIX}parked"
_SESSION = "session-"


@dataclass(frozen=True, slots=True)
class ParkedPlace:
    """The keys of what is parked at one path."""

    directory: str

    @classmethod
    def of(cls, path: str) -> ParkedPlace:
        """Return the place of *path*."""
        parent, _, name = path.rpartition("/")
        return cls(f"{parent}/{PARKED}/{name}" if parent else f"{PARKED}/{name}")

    @property
    def head(self) -> str:
        """The key of the head record."""
        return f"{self.directory}/head"

    def chunk(self, rng: random.Random) -> str:
        """Return a key that no chunk has had."""
        return f"{self.directory}/chunk-{nonce(rng)}"

    def session(self, rng: random.Random) -> str:
        """Return a key for the record of a session."""
        return f"{self.directory}/{_SESSION}{nonce(rng)}"


def nonce(rng: random.Random) -> str:
    """Return a name that nobody else gives."""
    return f"{rng.getrandbits(96):024x}"


def is_reserved(name: str) -> bool:
    """Whether *name* is one segment of the driver's own."""
    return name.startswith(RESERVED_PREFIX)


def is_hidden(key: str) -> bool:
    """Whether any segment of *key* is the driver's own."""
    return key.startswith(RESERVED_PREFIX) or f"/{RESERVED_PREFIX}" in key


def is_session_record(key: str) -> bool:
    """Whether *key* is the record of a session."""
    directory, _, name = key.rpartition("/")
    return name.startswith(_SESSION) and f"/{PARKED}/" in f"/{directory}"
