"""Deleting everything at a path and below it, what is unfinished included (M3)."""

from __future__ import annotations

from regstore.drivers.objects.naming import ParkedPlace, is_session_record
from regstore.drivers.objects.paging import below
from regstore.drivers.objects.port import ObjectStore, Session
from regstore.drivers.objects.sessions import recorded_at
from regstore.drivers.objects.writer import delete_all
from regstore.errors import PathNotFoundError


async def delete_tree(store: ObjectStore, path: str) -> None:
    """Delete the object at *path*, all below it, what is parked there, and sessions under way.

    Costs a request for each page of keys, one for each batch of them, and up to five more.

    :raises PathNotFoundError: nothing lay there.
    """
    parked = ParkedPlace.of(path).directory
    found = await store.runtime.map(
        lambda look: look(store, path, parked), (_own_key, _keys_below, _parked_keys, _sessions)
    )
    keys = {key for some in found for key in some if isinstance(key, str)}
    sessions = [each for some in found for each in some if isinstance(each, Session)]
    sessions += await _recorded(store, [key for key in keys if is_session_record(key)])
    if not keys and not sessions:
        raise PathNotFoundError(path, store.name)
    await store.runtime.map(lambda session: store.abort(session, []), sessions)
    await delete_all(store, keys)


async def _own_key(store: ObjectStore, path: str, _parked: str) -> list[str | Session]:
    try:
        await store.head(path)
    except PathNotFoundError:
        return []
    return [path]


async def _keys_below(store: ObjectStore, path: str, _parked: str) -> list[str | Session]:
    return [info.path async for info in below(store, f"{path}/")]


async def _parked_keys(store: ObjectStore, _path: str, parked: str) -> list[str | Session]:
    return [info.path async for info in below(store, f"{parked}/")]


async def _sessions(store: ObjectStore, path: str, parked: str) -> list[str | Session]:
    at_path, at_parked = await store.runtime.both(
        store.sessions(path), store.sessions(f"{parked}/")
    )
    mine = [each for each in at_path if each.key == path or each.key.startswith(f"{path}/")]
    return [*mine, *at_parked]


async def _recorded(store: ObjectStore, records: list[str]) -> list[Session]:
    """Read which sessions, for keys elsewhere, were begun from here."""
    found = await store.runtime.map(lambda record: recorded_at(store, record), records)
    return [session for some in found for session in some]
