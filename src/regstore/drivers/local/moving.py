"""Moving and copying objects."""

from __future__ import annotations

import os
import stat
from random import Random

from regstore.driver import ANY, Condition
from regstore.drivers._oserrors import reading
from regstore.drivers.local.directory import Place
from regstore.drivers.local.locks import locked
from regstore.drivers.local.naming import NAME
from regstore.drivers.local.publishing import seal
from regstore.drivers.local.stamps import version
from regstore.drivers.local.temporary import store
from regstore.drivers.local.tree import Tree, parent_of
from regstore.errors import PreconditionFailedError, UnsupportedMethodError


def copy(
    tree: Tree,
    source: str,
    destination: str,
    random: Random,
    condition: Condition,
    source_version: str | None,
) -> str:
    """Copy one object, pinned by being open; return the version at *destination*."""
    with reading(source, NAME):
        fd, status = tree.open_file(source)
    try:
        if source_version not in {None, version(status)}:
            raise PreconditionFailedError(source, NAME, f"found {version(status)}")
        return store(tree, destination, random, lambda made: made.copy(fd), condition)
    finally:
        os.close(fd)


def move(tree: Tree, source: str, destination: str) -> None:
    """Rename one object, durably; onto itself changes nothing."""
    with reading(source, NAME):
        os.close(tree.open_file(source).fd)
    if source != destination:
        tree.store(destination, lambda target: _move(tree, source, target))
        tree.prune(parent_of(source))


def _move(tree: Tree, source: str, target: Place) -> None:
    parent, _, name = source.rpartition("/")
    with reading(source, NAME):
        fd = tree.open_file(source).fd
    try:
        with locked(fd), tree.open_directory(parent) as origin:
            place = Place(origin, name, source)
            _refuse_link(place)
            seal(fd, place).publish(target, ANY, origin)
            if place.names(fd):
                # Renaming one name of a file to another of its names does nothing (``rename(2)``).
                place.unlink()
    finally:
        os.close(fd)


def _refuse_link(place: Place) -> None:
    status = place.status()
    if status is not None and stat.S_ISLNK(status.st_mode):
        raise UnsupportedMethodError(place.path, NAME, "a symbolic link is not moved; copy it")
