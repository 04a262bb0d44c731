"""Digests: the names that content gives itself.

The grammar is that of the OCI image specification (``descriptor.md``, section "Digests"), checked
in the order of ``digest.go`` in opencontainers/go-digest: the length before the characters.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol, Self

from regstore.errors import DigestInvalidError, UnsupportedAlgorithmError

ALGORITHMS: Mapping[str, int] = MappingProxyType(
    {"sha256": 64, "sha384": 96, "sha512": 128, "blake3": 64}
)
"""The known algorithms, each with the length of its encoded part in hexadecimal digits.

sha256, sha512 and blake3 are registered by the OCI image specification (``descriptor.md``,
section "Registered algorithms"), sha384 by go-digest (``algorithm.go``).
"""

_GRAMMAR = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+")
_HEX = re.compile(r"[a-f0-9]+")


class Digest(str):
    """A valid digest, ``algorithm:hex``; compares and hashes as the string that it is.

    A value of this type has been checked, so nothing below checks again. That content with this
    digest exists, or can be hashed here (blake3 needs an extra), is not promised.

    :param value: the digest as text; upper case is refused, as go-digest does.
    :raises DigestInvalidError: the value breaks the grammar or has the wrong length.
    :raises UnsupportedAlgorithmError: the grammar holds, but the algorithm is not in
        :data:`ALGORITHMS`.
    """

    __slots__ = ()

    def __new__(cls, value: str) -> Self:
        """Check ``value``, unless that has been done."""
        if isinstance(value, cls):
            return value
        _check(value)
        return super().__new__(cls, value)

    @classmethod
    def of(cls, data: bytes | bytearray | memoryview, algorithm: str = "sha256") -> Self:
        """Return the digest of ``data``.

        :raises UnsupportedAlgorithmError: the algorithm is unknown, or its extra is not installed.
        """
        content_hash = new_hash(algorithm)
        content_hash.update(data)
        return cls(f"{algorithm}:{content_hash.hexdigest()}")

    @property
    def algorithm(self) -> str:
        """The part before the colon: a key of :data:`ALGORITHMS`."""
        return self.partition(":")[0]

    @property
    def hex(self) -> str:
        """The encoded part: lower-case hexadecimal digits."""
        return self.partition(":")[2]


def _check(value: str) -> None:
    algorithm, _, encoded = value.partition(":")
    length = ALGORITHMS.get(algorithm)
    if not encoded or (length is None and not _GRAMMAR.fullmatch(value)):
        raise _invalid(value, "give it as algorithm:hex, such as sha256: and 64 digits")
    if length is None:
        raise unsupported(algorithm, value)
    if len(encoded) != length:
        raise _invalid(value, f"{algorithm} takes {length} digits, not {len(encoded)}")
    if not _HEX.fullmatch(encoded):
        raise _invalid(value, "only the digits 0-9 and a-f may follow the colon, in lower case")


def _invalid(value: str, hint: str) -> DigestInvalidError:
    message = f"{value[:160]!r} is not a digest: {hint}"
    return DigestInvalidError(message, digest=value, actual=None)


def unsupported(algorithm: str, digest: str = "", hint: str = "") -> UnsupportedAlgorithmError:
    """Return the error for an algorithm that cannot be used here.

    :param digest: the digest that named it, where there is one.
    :param hint: what to do about it; otherwise the known algorithms are named.
    """
    message = f"unsupported digest algorithm {algorithm[:40]!r}: "
    message += hint or f"use one of {', '.join(ALGORITHMS)}"
    return UnsupportedAlgorithmError(message, digest=digest, actual=None, algorithm=algorithm)


class PlainHash(Protocol):
    """What :mod:`hashlib` and ``blake3`` have in common."""

    def update(self, data: bytes | bytearray | memoryview, /) -> object:
        """Take more bytes."""

    def digest(self) -> bytes:
        """Return the hash of the bytes taken so far."""

    def hexdigest(self) -> str:
        """Return the same in hexadecimal digits."""

    def copy(self) -> Self:
        """Return an independent hash of the bytes taken so far."""


def new_hash(algorithm: str) -> PlainHash:
    """Return a fresh hash, in the manner of :mod:`hashlib`; its state cannot be saved.

    :raises UnsupportedAlgorithmError: the algorithm is unknown, or its extra is not installed.
    """
    if algorithm not in ALGORITHMS:
        raise unsupported(algorithm)
    if algorithm == "blake3":
        return _new_blake3()
    return hashlib.new(algorithm)


def _new_blake3() -> PlainHash:
    try:
        from blake3 import blake3  # noqa: PLC0415 - an extra, wanted by few
    except ImportError as error:
        raise unsupported("blake3", hint="pip install 'regstore[blake3]'") from error
    return blake3()
