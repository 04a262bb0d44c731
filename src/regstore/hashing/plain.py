"""Hashes whose state cannot be saved: :mod:`hashlib`'s, and blake3."""

from __future__ import annotations

from typing import Self

from regstore.digest import PlainHash, new_hash
from regstore.hashing.sha2 import ChainingState, Variant


class PlainEngine:
    """A hash under way that counts its bytes.

    :param plain: a hash that has taken ``size`` bytes.
    """

    __slots__ = ("_plain", "size")

    def __init__(self, plain: PlainHash, size: int = 0) -> None:
        self._plain = plain
        self.size: int = size

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Take more bytes."""
        self._plain.update(data)
        self.size += memoryview(data).nbytes

    def digest(self) -> bytes:
        """Return the hash of the bytes taken so far."""
        return self._plain.digest()

    def export(self) -> ChainingState | None:
        """Return ``None``: the state is out of reach."""
        return None

    def copy(self) -> Self:
        """Return an independent engine in the same state."""
        return type(self)(self._plain.copy(), self.size)


class HashlibBackend:
    """SHA-2 by :mod:`hashlib`: always there, never resumable."""

    def start(self, variant: Variant) -> PlainEngine:
        """Return an engine that has taken nothing yet."""
        return PlainEngine(new_hash(variant.name))

    def restore(self, variant: Variant, state: ChainingState) -> None:
        """Return ``None``: hash the stored bytes again."""
