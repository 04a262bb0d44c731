"""Saved hash states of uploads: what lets another process go on without reading the data again.

A state is what Go's ``MarshalBinary`` gives for the hash of the first ``offset`` bytes, so that
CNCF distribution and regstore resume each other's uploads
(``registry/storage/blobwriter_resumable.go``).
"""

from __future__ import annotations

from typing import Final

from regstore import layout
from regstore.driver import StorageDriver
from regstore.errors import PathNotFoundError
from regstore.hashing import Hasher
from regstore.links import names_in

CANONICAL: Final = "sha256"
"""What is tracked where nobody has asked for another algorithm."""


async def save(driver: StorageDriver, upload: layout.Upload, hasher: Hasher) -> None:
    """Save the state of *hasher* at its offset, where its algorithm has one to save."""
    state = hasher.state()
    if state is not None:
        await driver.put_content(_path(upload, hasher.algorithm, hasher.size), state)


async def load(driver: StorageDriver, upload: layout.Upload, offset: int) -> Hasher | None:
    """Return a hasher of the first *offset* bytes, or ``None`` where no state says so.

    The algorithm is the one in which the upload was begun, as far as its states tell.
    """
    hasher = await _at(driver, upload, CANONICAL, offset)
    if hasher is not None:
        return hasher
    for algorithm in await _algorithms(driver, upload):
        hasher = await _at(driver, upload, algorithm, offset)
        if hasher is not None:
            return hasher
    return None if offset else Hasher(CANONICAL)


async def at(
    driver: StorageDriver, upload: layout.Upload, algorithm: str, offset: int
) -> Hasher | None:
    """Return a hasher of the first *offset* bytes, or ``None`` where no state says so."""
    return await _at(driver, upload, algorithm, offset) if offset else Hasher(algorithm)


async def nearest(
    driver: StorageDriver, upload: layout.Upload, algorithm: str, size: int
) -> Hasher:
    """Return the hasher with the newest state of at most *size* bytes, else a fresh one."""
    offsets = await _offsets(driver, upload, algorithm)
    for offset in sorted((known for known in offsets if known <= size), reverse=True):
        hasher = await _at(driver, upload, algorithm, offset)
        if hasher is not None:
            return hasher
    return Hasher(algorithm)


async def cover_bytes(driver: StorageDriver, upload: layout.Upload) -> bool:
    """Return whether any state says that the upload once had bytes."""
    for algorithm in await _algorithms(driver, upload):
        if any(await _offsets(driver, upload, algorithm)):
            return True
    return False


def to_note(hasher: Hasher | None, earlier: Hasher | None = None) -> bytes:
    """Return the note that says what *hasher* knows; empty where it has no state to save.

    :param earlier: of fewer bytes, where the request before has ended; noted as well.
    """
    state = hasher.state() if hasher is not None else None
    if hasher is None or state is None:
        return b""
    before = earlier.state() if earlier and earlier.algorithm == hasher.algorithm else None
    return b"%s %s%s" % (hasher.algorithm.encode(), state, before or b"")


def from_note(note: bytes, offset: int) -> Hasher | None:
    """Return the hasher that *note* tells, of the first *offset* bytes.

    ``None`` where no note says so; a fresh one where there are no bytes and no note.
    """
    if not note:
        return None if offset else Hasher(CANONICAL)
    return next((each for each in _noted(note) if each.size == offset), None)


def earlier_in_note(note: bytes) -> Hasher | None:
    """Return the hasher of where the request before has ended, if *note* tells."""
    return next(iter(_noted(note)[1:]), None)


def _noted(note: bytes) -> list[Hasher]:
    name, _, states = note.partition(b" ")
    algorithm = name.decode("ascii", "replace")
    try:
        length = len(Hasher(algorithm).state() or b"") or len(states)
        parts = [states[at : at + length] for at in range(0, len(states), length)]
        found = [Hasher.resume(algorithm, state) for state in parts]
    except ValueError:
        return []
    return [each for each in found if each is not None]


async def _offsets(driver: StorageDriver, upload: layout.Upload, algorithm: str) -> list[int]:
    """Return the offsets at which states were saved, in no order."""
    root = layout.UploadHashStates(upload.name, upload.upload_id, algorithm).path
    return [int(name) for name in await names_in(driver, root) if name.isascii() and name.isdigit()]


async def _algorithms(driver: StorageDriver, upload: layout.Upload) -> list[str]:
    return await names_in(driver, layout.UploadHashStatesRoot(upload.name, upload.upload_id).path)


async def _at(
    driver: StorageDriver, upload: layout.Upload, algorithm: str, offset: int
) -> Hasher | None:
    """Return what is saved at *offset*; ``None`` also for other formats (registry before 2.7)."""
    try:
        content = await driver.get_content(_path(upload, algorithm, offset))
        hasher = Hasher.resume(algorithm, content.data)
    except (PathNotFoundError, ValueError):
        return None
    return hasher if hasher is not None and hasher.size == offset else None


def _path(upload: layout.Upload, algorithm: str, offset: int) -> str:
    return layout.UploadHashState(upload.name, upload.upload_id, algorithm, offset).path
