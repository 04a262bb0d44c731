"""Making a large object appear: from parts that were sent, or from objects that are stored."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise

from regstore.driver import ANY, Condition, FileInfo
from regstore.drivers.objects.lagging import until_shown, until_there
from regstore.drivers.objects.naming import ParkedPlace
from regstore.drivers.objects.port import ObjectStore, Part, Session
from regstore.drivers.objects.sessions import KnownSession
from regstore.errors import (
    PathNotFoundError,
    PreconditionFailedError,
    RegstoreError,
    TransientError,
    UnsupportedMethodError,
)

_PIECES = 8
"""What is too large for one copy is copied in so many pieces at least, at the same time."""


def require_conditional_commit(store: ObjectStore, path: str, condition: Condition) -> None:
    """Refuse a condition that the store does not keep for what comes in parts.

    :raises UnsupportedMethodError: *condition* is such a one.
    """
    if condition.kind != "any" and not store.capabilities.conditional_commit:
        raise UnsupportedMethodError(path, store.name, "no conditions on commits")


async def complete(
    store: ObjectStore,
    session: Session,
    parts: Sequence[Part],
    size: int,
    condition: Condition = ANY,
) -> str:
    """End *session*; an answer that was lost is settled by asking again.

    :raises PreconditionFailedError: the session ended without this call.
    :raises TransientError: less has arrived than was sent, or it is not known whether anything has.
    """
    try:
        return await store.complete(session, parts, condition)
    except TransientError as error:
        if not error.outcome_unknown or condition.kind != "any":
            raise
    except PathNotFoundError as error:
        return await _landed(store, session, size, error)
    try:
        return await store.complete(session, parts, condition)
    except PathNotFoundError as error:
        return await _landed(store, session, size, error)


async def _landed(store: ObjectStore, session: Session, size: int, error: PathNotFoundError) -> str:
    """Return the version that an earlier request made: it has ended the session, if it did."""
    info = await _shown(store, session.key, size)
    if info is None:
        raise _ended(store, session) from error
    _require_whole(store, info, size)
    return info.version


def _ended(store: ObjectStore, session: Session) -> PreconditionFailedError:
    detail = "what was sent has been discarded by a deletion or another writer: send it again"
    return PreconditionFailedError(session.key, store.name, detail)


async def concatenate(
    store: ObjectStore,
    sources: Sequence[FileInfo],
    destination: str,
    known: KnownSession,
    condition: Condition = ANY,
) -> str:
    """Make *destination* of stored objects, on the server, and see that it is whole.

    Each but the last has ``limits.min_part`` bytes at least.

    :param known: of *destination*; what it leaves is the caller's to remove.

    :raises PathNotFoundError: one of *sources* is gone, or has been replaced.
    """
    size = sum(source.size for source in sources)
    if not sources:
        return await store.put(destination, b"", condition)
    if len(sources) == 1 and _fits_one_copy(store, sources[0], condition):
        source = sources[0]
        version = await until_there(
            store, lambda: store.copy(source.path, destination, condition, source.version)
        )
        if version == sources[0].version:  # on S3 a digest of the content
            return version
    else:
        version = await _assemble(store, sources, known, condition)
    return await verified(store, destination, size, version)


async def verified(store: ObjectStore, key: str, size: int, version: str | None) -> str:
    """Return the version of the object at *key*, which must have *size* bytes.

    A store that lags may show one that was there before, and whole: it is waited for *version*, as
    long as that is of use.

    :raises TransientError: it has not; what it was made of is still there.
    :raises PathNotFoundError: there is none, or no longer.
    """
    info = await _shown(store, key, size, version)
    if info is None:
        raise PathNotFoundError(key, store.name)
    _require_whole(store, info, size)
    return version or info.version


def _require_whole(store: ObjectStore, info: FileInfo, size: int) -> None:
    if info.size != size:
        detail = f"{info.size} bytes arrived of {size}: try again"
        raise TransientError(info.path, store.name, detail)


async def _shown(
    store: ObjectStore, key: str, size: int, version: str | None = None
) -> FileInfo | None:
    """Describe the object at *key*; it is waited for, as long as a store may lag."""

    async def look() -> FileInfo | None:
        with suppress(PathNotFoundError):
            return await store.head(key)
        return None

    def is_it(found: FileInfo | None) -> bool:
        return found is not None and found.size == size and version in {None, found.version}

    return await until_shown(store, look, is_it)


def _fits_one_copy(store: ObjectStore, source: FileInfo, condition: Condition) -> bool:
    can_keep = condition.kind == "any" or store.capabilities.conditional_copy
    return can_keep and source.size <= store.limits.copy_size


async def _assemble(
    store: ObjectStore,
    sources: Sequence[FileInfo],
    known: KnownSession,
    condition: Condition,
) -> str:
    ranges = [each for source in sources for each in _ranges(store, source)]
    if len(ranges) > store.limits.max_parts:
        detail = f"{len(ranges)} parts, and the store takes {store.limits.max_parts}"
        raise UnsupportedMethodError(known.key, store.name, detail)
    numbered = list(enumerate(ranges, 1))
    try:
        session = await known.begin()
        parts = await store.runtime.map(
            lambda each: until_there(store, lambda: store.copy_part(session, each[0], *each[1])),
            numbered,
        )
        return await complete(store, session, parts, sum(each.size for each in sources), condition)
    except BaseException as error:
        leftovers = [Part(number, 0, "") for number, _ in numbered]
        try:
            await store.runtime.shield(known.end(leftovers))
        except RegstoreError as failure:
            error.add_note(f"and what was begun could not be ended: {failure}")
        raise


def _ranges(store: ObjectStore, source: FileInfo) -> list[tuple[FileInfo, int, int]]:
    """Cut *source* into pieces of about the same size that one request copies."""
    pieces = 1
    if store.limits.copies_ranges and source.size > store.limits.copy_size:
        pieces = max(_PIECES, -(-source.size // store.limits.copy_size))
    ends = [source.size * piece // pieces for piece in range(pieces + 1)]
    return [(source, start, end - start) for start, end in pairwise(ends)]


async def copy_object(
    store: ObjectStore,
    source: FileInfo,
    destination: str,
    condition: Condition = ANY,
    source_version: str | None = None,
    *,
    is_moving: bool = False,
) -> str | None:
    """Copy one object of any size as :meth:`StorageDriver.copy` says.

    :param is_moving: whether *source* is to go, so that whoever deletes it ends what was begun.
    """
    if source_version is not None and source.version != source_version:
        raise PreconditionFailedError(source.path, store.name, f"version is {source.version}")
    if source.size <= store.limits.copy_size or not store.limits.copies_ranges:
        return await store.copy(source.path, destination, condition, source_version)
    place = ParkedPlace.of(source.path if is_moving else destination)
    known = KnownSession(store, destination, place, is_recorded=is_moving)
    version = await _assemble(store, [source], known, condition)
    await known.forget()
    return version
