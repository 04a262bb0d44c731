"""The SHA-2 family, and the form in which Go saves the state of one of its hashes.

CNCF distribution stores these bytes under ``_uploads/<id>/hashstates/<algorithm>/<offset>``: what
``MarshalBinary`` of Go's ``crypto/sha256`` and ``crypto/sha512`` returns. That is a magic number,
the eight words of the chaining state, the last incomplete block padded with zeros, and the number
of bytes taken so far; all numbers big-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Final, NamedTuple

from regstore.errors import HashStateInvalidError

_SIZE_LIMIT: Final = 1 << 61
"""What SHA-256 can take, in bytes: 64 bits count the bits (FIPS 180-4, section 5.1.1)."""


class ChainingState(NamedTuple):
    """A SHA-2 hash between two updates; FIPS 180-4, section 6."""

    words: tuple[int, ...]
    """The eight words of the hash value after the last complete block."""
    tail: bytes
    """The bytes after the last complete block, fewer than a block."""
    size: int
    """Bytes taken so far."""


@dataclass(frozen=True)
class Variant:
    """One member of the family.

    :param word: the :mod:`struct` code of a word, ``I`` (32 bits) or ``Q`` (64 bits).
    :param digest_size: the length of the digest in bytes.
    :param magic: what Go's saved states begin with (``magic256`` and so on in its sources).
    :param initial: the initial hash value; FIPS 180-4, section 5.3.
    """

    name: str
    word: str
    digest_size: int
    magic: bytes
    initial: tuple[int, ...]

    @property
    def word_bits(self) -> int:
        """The length of a word in bits."""
        return 8 * struct.calcsize(f"={self.word}")

    @property
    def block(self) -> int:
        """The length of a block in bytes: 16 words."""
        return 2 * self.word_bits

    @cached_property
    def _saved(self) -> struct.Struct:
        return struct.Struct(f">4s8{self.word}{self.block}sQ")

    def start(self) -> ChainingState:
        """Return the state before the first byte."""
        return ChainingState(self.initial, b"", 0)

    def marshal(self, state: ChainingState) -> bytes:
        """Return the bytes that Go saves for ``state``."""
        return self._saved.pack(self.magic, *state.words, state.tail, state.size)

    def unmarshal(self, data: bytes) -> ChainingState:
        """Return the state that Go saved as ``data``.

        Stricter than Go, which ignores the padding: bytes that Go would not have written are
        refused, so a torn or overwritten state is noticed.

        :raises HashStateInvalidError: ``data`` is not such a state.
        """
        if len(data) != self._saved.size:
            raise self._invalid(f"{len(data)} bytes instead of {self._saved.size}")
        magic, *words, block, size = self._saved.unpack(data)
        fill = size % self.block
        if magic != self.magic:
            raise self._invalid(f"it begins with {magic!r} instead of {self.magic!r}")
        if any(block[fill:]):
            raise self._invalid("its last block is not padded with zeros")
        if size >= _SIZE_LIMIT:
            raise self._invalid(f"{size} bytes are more than a hash can take")
        return ChainingState(tuple(words), block[:fill], size)

    def _invalid(self, reason: str) -> HashStateInvalidError:
        message = f"not a saved {self.name} state: {reason}; hash the stored bytes again"
        return HashStateInvalidError(message, algorithm=self.name)


_SHA256_INITIAL = (
    *(0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A),
    *(0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19),
)
_SHA384_INITIAL = (
    *(0xCBBB9D5DC1059ED8, 0x629A292A367CD507, 0x9159015A3070DD17, 0x152FECD8F70E5939),
    *(0x67332667FFC00B31, 0x8EB44A8768581511, 0xDB0C2E0D64F98FA7, 0x47B5481DBEFA4FA4),
)
_SHA512_INITIAL = (
    *(0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1),
    *(0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179),
)

SHA2: Final[Mapping[str, Variant]] = MappingProxyType(
    {
        "sha256": Variant("sha256", "I", 32, b"sha\x03", _SHA256_INITIAL),
        "sha384": Variant("sha384", "Q", 48, b"sha\x04", _SHA384_INITIAL),
        "sha512": Variant("sha512", "Q", 64, b"sha\x07", _SHA512_INITIAL),
    }
)
"""The variants whose states can be saved, by the algorithm's name in a digest."""
