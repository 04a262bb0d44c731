"""Taking objects and directories away."""

from __future__ import annotations

import errno
import stat
from contextlib import suppress

from regstore.driver import Condition
from regstore.drivers.local.directory import Directory, Place, changing
from regstore.drivers.local.naming import part_name
from regstore.drivers.local.publishing import expect
from regstore.drivers.local.tree import Tree


def delete_file(tree: Tree, path: str, condition: Condition) -> None:
    """Remove one object, durably, as *condition* allows.

    A symbolic link goes; what it leads to stays.

    :raises FileNotFoundError: no object lies there.
    """
    parent, _, name = path.rpartition("/")
    with tree.open_directory(parent) as directory, changing(directory) as held:
        place = Place(directory, name, path)
        _demand_object(place)
        if condition.kind == "version":
            expect(place, condition.version, held=held)
        place.unlink()
    tree.prune(parent)


def delete(tree: Tree, path: str) -> None:
    """Remove the object at *path*, what is parked there and everything below it, durably.

    :raises FileNotFoundError: nothing lay there.
    """
    parent, _, name = path.rpartition("/")
    with tree.open_directory(parent) as directory:
        status = Place(directory, name, path).status()
        below = status is not None and stat.S_ISDIR(status.st_mode)
        removed = _unlink_all(directory, [part_name(name)] if below else [name, part_name(name)])
    if below:
        removed |= _clear(tree, path)
    tree.prune(path if below else parent)
    if not removed:
        raise FileNotFoundError(errno.ENOENT, "nothing lay there", path)


def _clear(tree: Tree, path: str) -> bool:
    """Remove everything below the directory *path*; tell whether any file was there."""
    directories = [path]
    removed = False
    for each in directories:
        with suppress(FileNotFoundError), tree.open_directory(each) as directory:
            files, below = _sort(directory)
            directories += [f"{each}/{name}" for name in below]
            removed |= _unlink_all(directory, files)
    for each in reversed(directories[1:]):
        tree.remove_directory(each)
    return removed


def _sort(directory: Directory) -> tuple[list[str], list[str]]:
    """Return the names of what is no directory, and of what is."""
    found = directory.entries()
    below = [entry.name for entry in found if entry.is_dir(follow_symlinks=False)]
    return [entry.name for entry in found if not entry.is_dir(follow_symlinks=False)], below


def _unlink_all(directory: Directory, names: list[str]) -> bool:
    if not names:
        return False
    with changing(directory):
        removed = [Place(directory, name, "").unlink() for name in names]
    return any(removed)


def _demand_object(place: Place) -> None:
    status = place.status()
    if status is None or stat.S_ISDIR(status.st_mode):
        raise FileNotFoundError(errno.ENOENT, "no object lies there", place.path)
