"""What lies below a directory."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager

from regstore.driver import RESERVED_PREFIX
from regstore.drivers._oserrors import translate
from regstore.drivers.local.naming import NAME
from regstore.drivers.local.tree import Tree

_NAME = re.compile(rf"(?!{re.escape(RESERVED_PREFIX)})[A-Za-z0-9._-]+", re.ASCII)


Objects = Generator[tuple[str, os.stat_result], None, None]


def visible(name: str) -> bool:
    """Tell whether callers can name *name* (P1)."""
    return _NAME.fullmatch(name) is not None


def names(tree: Tree, path: str) -> list[str]:
    """Return the names in the directory *path*, sorted.

    :raises FileNotFoundError: no object lies below it.
    """
    try:
        with tree.open_directory(path) as directory:
            found = [entry for entry in directory.entries() if visible(entry.name)]
    except FileNotFoundError:
        if path:
            raise
        return []
    shown = sorted(entry.name for entry in found)
    if path and not any(entry.is_file(follow_symlinks=False) for entry in found):
        _demand_below(tree, path, shown)
    return shown


def _demand_below(tree: Tree, path: str, names: list[str]) -> None:
    """Refuse as :func:`demand` does; where there are many *names*, the first mostly suffices."""
    try:
        demand(tree, f"{path}/{names[0]}")
    except (IndexError, OSError):  # nothing there, or nothing to be seen
        demand(tree, path)


def demand(tree: Tree, path: str) -> None:
    """Refuse a directory below which no object lies (P3).

    :raises FileNotFoundError: it is such a one.
    :raises PermissionDeniedError: none can be seen, and something cannot be read.
    """
    with closing(walk(tree, path)) as objects:
        next(objects)


def walk(tree: Tree, path: str) -> Objects:
    """Yield every object below the directory *path*, with its status.

    :raises FileNotFoundError: none lies there; never for the root.
    :raises PermissionDeniedError: something there cannot be read; said after all that can.
    """
    waiting = [path]
    denied: list[tuple[str, PermissionError]] = []
    found = False
    while waiting:
        directory = waiting.pop()
        with _passing_over(directory, denied):
            for each in _children(tree, directory, waiting, denied):
                found = True
                yield each
    if denied:
        unreadable, error = denied[0]
        raise translate(error, unreadable, NAME) from error
    if path and not found:
        raise FileNotFoundError(errno.ENOENT, "nothing lies below it", path)


def _children(
    tree: Tree, path: str, directories: list[str], denied: list[tuple[str, PermissionError]]
) -> Objects:
    with tree.open_directory(path) as directory:
        for entry in directory.entries():
            child = f"{path}/{entry.name}" if path else entry.name
            if not visible(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                directories.append(child)
                continue
            with _passing_over(child, denied):
                status = _status(tree, child, entry)
                if stat.S_ISDIR(status.st_mode):
                    directories.append(child)
                elif stat.S_ISREG(status.st_mode):
                    yield child, status


@contextmanager
def _passing_over(path: str, denied: list[tuple[str, PermissionError]]) -> Iterator[None]:
    """Pass over what was removed meanwhile; note in *denied* that *path* cannot be read."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        return
    except PermissionError as error:
        denied.append((path, error))


def _status(tree: Tree, path: str, entry: os.DirEntry[str]) -> os.stat_result:
    return tree.look(path) if entry.is_symlink() else entry.stat(follow_symlinks=False)
