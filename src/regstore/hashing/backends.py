"""Which backend hashes SHA-2 here: the first one that proves itself."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress

from regstore.digest import new_hash
from regstore.hashing.engine import Backend, Engine
from regstore.hashing.plain import HashlibBackend
from regstore.hashing.sha2 import SHA2, ChainingState, Variant


def available() -> Iterator[Backend]:
    """Yield every backend that can be loaded, the best first."""
    with suppress(ImportError):
        from regstore.hashing import libcrypto  # noqa: PLC0415 - needs ctypes and OpenSSL

        yield from libcrypto.backends()
    with suppress(ImportError):
        from regstore.hashing.rehashes import RehashesBackend  # noqa: PLC0415 - an extra

        yield RehashesBackend()
    yield HashlibBackend()


def choose(candidates: Iterable[Backend]) -> Backend:
    """Return the first candidate that passes the self-test, otherwise :mod:`hashlib`'s."""
    return next(filter(proves_itself, candidates), HashlibBackend())


def proves_itself(backend: Backend) -> bool:
    """Say whether the backend hashes, saves and resumes rightly, for every variant.

    A backend that keeps its state in another form than expected fails; it does not crash: a state
    is written into it only after one has been read out of it and found right.
    """
    try:
        return all(_right(backend, variant) for variant in SHA2.values())
    except (AttributeError, TypeError, ValueError, struct.error):
        return False


def _right(backend: Backend, variant: Variant) -> bool:
    content = bytes(range(256)) + bytes(variant.block)
    engine = backend.start(variant)
    engine.update(content[:3])
    state = engine.export()
    if state is None:
        return True
    if state != ChainingState(variant.initial, content[:3], 3):
        return False
    resumed = backend.restore(variant, state)
    return resumed is not None and _goes_on(resumed, variant, content) and _counts(backend, variant)


def _goes_on(engine: Engine, variant: Variant, content: bytes) -> bool:
    expected = new_hash(variant.name)
    expected.update(content)
    engine.update(memoryview(content)[3:])
    return engine.digest() == expected.digest()


def _counts(backend: Backend, variant: Variant) -> bool:
    """Let the backend itself count past the first 32 bits of its bit counter."""
    size = 1 << 29
    before = ChainingState(variant.initial, b"", size - variant.block)
    engine = backend.restore(variant, before)
    if engine is None:
        return False
    engine.update(bytes(variant.block))
    return engine.size == size
