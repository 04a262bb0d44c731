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


def to_note(hasher: Hasher | None) -> bytes:
    """Return the note that says what *hasher* knows; empty where it has no state to save."""
    state = hasher.state() if hasher is not None else None
    return b"" if hasher is None or state is None else b"%s %s" % (hasher.algorithm.encode(), state)


def from_note(note: bytes, offset: int) -> Hasher | None:
    """Return the hasher that *note* tells, of the first *offset* bytes.

    ``None`` where no note says so; a fresh one where there are no bytes and no note.
    """
    algorithm, _, state = note.partition(b" ")
    if not note:
        return None if offset else Hasher(CANONICAL)
    try:
        hasher = Hasher.resume(algorithm.decode(), state)
    except ValueError:
        return None
    return hasher if hasher is not None and hasher.size == offset else None


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
