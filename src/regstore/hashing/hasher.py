"""The hasher that uploads and verification use."""

from __future__ import annotations

from typing import ClassVar, Self

from regstore.digest import Digest, new_hash
from regstore.hashing.backends import available, choose
from regstore.hashing.engine import Backend, Engine
from regstore.hashing.plain import PlainEngine
from regstore.hashing.sha2 import SHA2


class Hasher:
    """A hash under way, which can be saved and resumed by another process or on another host.

    Saved states are those of Go, so a registry written in Go can go on where this one stopped, and
    the other way round (see :mod:`regstore.hashing.sha2`). Which algorithms can be saved depends on
    the machine: SHA-2 almost everywhere, blake3 nowhere. Where a state cannot be had, read the
    stored bytes again.

    A hasher belongs to one thread at a time: a second one may meet a ``RuntimeError``. Hashing
    itself runs without the interpreter's lock where libcrypto can be reached.

    :param algorithm: a key of :data:`regstore.digest.ALGORITHMS`.
    :raises UnsupportedAlgorithmError: the algorithm is unknown, or its extra is not installed.
    """

    __slots__ = ("_algorithm", "_engine")

    _backend: ClassVar[Backend] = choose(available())

    def __init__(self, algorithm: str = "sha256") -> None:
        variant = SHA2.get(algorithm)
        engine = self._backend.start(variant) if variant else PlainEngine(new_hash(algorithm))
        self._algorithm = algorithm
        self._engine: Engine = engine

    @classmethod
    def _on(cls, engine: Engine, algorithm: str) -> Self:
        hasher = cls.__new__(cls)
        hasher._algorithm, hasher._engine = algorithm, engine  # noqa: SLF001 - of this very class
        return hasher

    @classmethod
    def resume(cls, algorithm: str, state: bytes) -> Self | None:
        """Return a hasher that goes on where ``state`` was saved.

        :param state: what :meth:`state` returned, or Go's ``MarshalBinary``.
        :returns: ``None`` where this algorithm cannot be resumed here.
        :raises HashStateInvalidError: ``state`` is not a state of this algorithm.
        :raises UnsupportedAlgorithmError: the algorithm is unknown, or its extra is not installed.
        """
        variant = SHA2.get(algorithm)
        if variant is None:
            new_hash(algorithm)
            return None
        engine = cls._backend.restore(variant, variant.unmarshal(state))
        return None if engine is None else cls._on(engine, algorithm)

    @property
    def algorithm(self) -> str:
        """The algorithm's name, as in a digest."""
        return self._algorithm

    @property
    def size(self) -> int:
        """Bytes taken so far, those before :meth:`resume` included."""
        return self._engine.size

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Take more bytes; a view must be contiguous."""
        self._engine.update(data)

    def digest(self) -> Digest:
        """Return the digest of the bytes taken so far; more may follow."""
        return Digest(f"{self._algorithm}:{self._engine.digest().hex()}")

    def state(self) -> bytes | None:
        """Return what :meth:`resume` takes, or ``None`` where it cannot be saved.

        For SHA-2 this is byte for byte what Go's ``MarshalBinary`` returns.
        """
        state = self._engine.export()
        return None if state is None else SHA2[self._algorithm].marshal(state)

    def copy(self) -> Self:
        """Return an independent hasher of the bytes taken so far."""
        return self._on(self._engine.copy(), self._algorithm)
