"""Versions of objects, also where a filesystem tells no more than size and second (R1)."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from regstore.driver import FileInfo
from regstore.drivers.generic.info import Info, file_info, has_tag, kind_of
from regstore.drivers.generic.store import Store
from regstore.errors import PathNotFoundError

SMALL = 128 << 10
"""Bytes up to which an object is read to tell its version, where nothing else tells it.

What a registry replaces is smaller (links, hash states); what is larger is named by its digest.
"""


def described(store: Store, path: str, info: Info) -> FileInfo:
    """Return what the object at *path* is, of which the filesystem says *info*.

    Costs a read of a small object where the filesystem knows neither tags nor exact times. Of a
    larger one the version there is no more than size and time: two contents of one size that were
    written in one second have the same.

    :raises PathNotFoundError: it has been deleted meanwhile.
    """
    found = file_info(path, info, store.name)
    if store.traits.versions or has_tag(info) or found.size > SMALL:
        return found
    data = store.read(path)
    digest = hashlib.sha256(data).hexdigest()
    return replace(found, size=len(data), version=f"{digest[:32]}-{len(data)}")


def find_file(store: Store, path: str) -> FileInfo:
    """Return what the object at *path* is.

    :raises PathNotFoundError: no object lies there.
    """
    return described(store, path, _found(store, path))


def size_of(store: Store, path: str) -> int:
    """Return the size of the object at *path*, which is never read.

    :raises PathNotFoundError: no object lies there.
    """
    return file_info(path, _found(store, path), store.name).size


def _found(store: Store, path: str) -> Info:
    info = store.info(path)
    if info is None or kind_of(info) != "file":
        raise PathNotFoundError(path, store.name)
    return info
