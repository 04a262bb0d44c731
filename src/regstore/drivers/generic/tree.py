"""What lies below a directory, found directory by directory or by pages of keys.

``find`` and ``walk`` of fsspec's base class leave out, without a word, what they fail to list; the
listings here raise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from regstore.driver import check_path
from regstore.drivers.generic.info import Info, kind_of
from regstore.drivers.generic.store import Store
from regstore.errors import InvalidPathError


class Found(NamedTuple):
    """A file and what the filesystem says of it."""

    path: str
    info: Info


def files_below(store: Store, path: str) -> Iterator[Found]:
    """Yield the files below *path*, but not the driver's own."""
    skip = len(path) + 1 if path else 0
    for found in _below(store, path, is_shown):
        if kind_of(found.info) == "file" and is_shown(found.path[skip:]):
            yield found


def remove_below(store: Store, path: str) -> bool:
    """Remove all files below *path* and their directories; return whether there were any."""
    directories = {path}
    files = False
    for found in list(_below(store, path, lambda _: True)):
        if kind_of(found.info) == "directory":
            directories.add(found.path)
        else:
            store.remove(found.path)
            directories.add(found.path.rpartition("/")[0])
            files = True
    for directory in sorted(directories, reverse=True):
        store.prune(directory)
    return files


def has_files(store: Store, path: str) -> bool:
    """Whether a file lies below *path*: only then is it a directory (P3)."""
    waiting = [path]
    while waiting:
        directory = waiting.pop()
        for name, info in _shown(store, directory):
            if kind_of(info) == "file":
                return True
            waiting.append(f"{directory}/{name}" if directory else name)
    return False


def shown_children(store: Store, path: str) -> list[str]:
    """Return the sorted names of what lies directly below *path*, none where no file lies below."""
    children = dict(_shown(store, path))
    if any(kind_of(info) == "file" for info in children.values()):
        return sorted(children)
    below = (f"{path}/{name}" if path else name for name in children)
    return sorted(children) if any(has_files(store, each) for each in below) else []


def is_shown(path: str) -> bool:
    """Whether *path* is one that callers may name (P1)."""
    try:
        check_path(path)
    except InvalidPathError:
        return False
    return True


def _shown(store: Store, path: str) -> Iterator[tuple[str, Info]]:
    for name, info in store.children(path).items():
        if is_shown(name) and kind_of(info) != "other":
            yield name, info


def _below(store: Store, path: str, enter: Callable[[str], bool]) -> Iterator[Found]:
    """Yield what lies below *path*, of directories only those that *enter* takes by their name.

    Filesystems with pages of keys tell no directories.
    """
    if store.traits.flat:
        yield from (Found(*each) for each in store.find(path).items())
        return
    waiting = [path]
    while waiting:
        directory = waiting.pop()
        for name, info in store.children(directory).items():
            found = Found(f"{directory}/{name}" if directory else name, info)
            if kind_of(info) == "directory" and enter(name):
                waiting.append(found.path)
            yield found
