"""SHA-2 by the ``rehashes`` package, whose hashes can be serialised.

As fast as libcrypto in one thread, but it holds the interpreter's lock while it hashes.

Its form (version 0.3.0, as observed): eight words of the chaining state, the number of complete
blocks, one byte that counts the bytes after them, then room for a block less one; all numbers
little-endian, the number of blocks two words long.
"""

from __future__ import annotations

import struct
from typing import Protocol, Self

import rehashes

from regstore.hashing.sha2 import ChainingState, Variant


class _Serialisable(Protocol):
    def update(self, data: bytes) -> None: ...
    def finalize(self) -> str: ...
    def serialize(self) -> bytes: ...


class RehashesEngine:
    """A hash under way.

    :param state: where it stands; SHA-384 is SHA-512 with another start and a shorter digest.
    """

    __slots__ = ("_class", "_form", "_hash", "_variant")

    def __init__(self, variant: Variant, state: ChainingState) -> None:
        self._variant = variant
        self._form = struct.Struct(
            f"<8{variant.word}{variant.word_bits // 4}sB{variant.block - 1}s"
        )
        self._class = rehashes.PySha256 if variant.word == "I" else rehashes.PySha512
        self._hash: _Serialisable = self._class.deserialize(self._serialised(state))

    def _serialised(self, state: ChainingState) -> bytes:
        blocks = state.size // self._variant.block
        count = blocks.to_bytes(self._variant.word_bits // 4, "little")
        return self._form.pack(*state.words, count, len(state.tail), state.tail)

    @property
    def size(self) -> int:
        """Bytes taken so far."""
        return self.export().size

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Take more bytes; copies all but ``bytes``."""
        self._hash.update(bytes(data))

    def digest(self) -> bytes:
        """Return the hash of the bytes taken so far."""
        return bytes.fromhex(self._hash.finalize())[: self._variant.digest_size]

    def export(self) -> ChainingState:
        """Return the state."""
        *words, count, fill, tail = self._form.unpack(self._hash.serialize())
        size = int.from_bytes(count, "little") * self._variant.block + fill
        return ChainingState(tuple(words), tail[:fill], size)

    def copy(self) -> Self:
        """Return an independent engine in the same state."""
        return type(self)(self._variant, self.export())


class RehashesBackend:
    """Makes engines of all variants."""

    def start(self, variant: Variant) -> RehashesEngine:
        """Return an engine that has taken nothing yet."""
        return RehashesEngine(variant, variant.start())

    def restore(self, variant: Variant, state: ChainingState) -> RehashesEngine:
        """Return an engine in ``state``."""
        return RehashesEngine(variant, state)
