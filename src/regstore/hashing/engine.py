"""What a :class:`~regstore.hashing.Hasher` runs on."""

from __future__ import annotations

from typing import Protocol, Self

from regstore.hashing.sha2 import ChainingState, Variant


class Engine(Protocol):
    """One hash under way."""

    @property
    def size(self) -> int:
        """Bytes taken so far."""

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Take more bytes."""

    def digest(self) -> bytes:
        """Return the hash of the bytes taken so far; more may follow."""

    def export(self) -> ChainingState | None:
        """Return the state, or ``None`` where it cannot be had."""

    def copy(self) -> Self:
        """Return an independent engine in the same state."""


class Backend(Protocol):
    """Something that hashes SHA-2."""

    def start(self, variant: Variant) -> Engine:
        """Return an engine that has taken nothing yet."""

    def restore(self, variant: Variant, state: ChainingState) -> Engine | None:
        """Return an engine in ``state``, or ``None`` where that cannot be had."""
