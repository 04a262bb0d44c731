"""What lies below a directory."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Generator
from contextlib import closing, suppress

from regstore.driver import RESERVED_PREFIX
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
    if path and not any(entry.is_file(follow_symlinks=False) for entry in found):
        demand(tree, path)
    return sorted(entry.name for entry in found)


def demand(tree: Tree, path: str) -> None:
    """Refuse a directory below which no object lies (P3).

    :raises FileNotFoundError: it is such a one.
    """
    with closing(walk(tree, path)) as objects:
        next(objects)


def walk(tree: Tree, path: str) -> Objects:
    """Yield every object below the directory *path*, with its status.

    :raises FileNotFoundError: none lies there; never for the root.
    """
    waiting = [path]
    found = False
    while waiting:
        with suppress(FileNotFoundError, NotADirectoryError):  # removed meanwhile
            for each in _children(tree, waiting.pop(), waiting):
                found = True
                yield each
    if path and not found:
        raise FileNotFoundError(errno.ENOENT, "nothing lies below it", path)


def _children(tree: Tree, path: str, directories: list[str]) -> Objects:
    with tree.open_directory(path) as directory:
        for entry in directory.entries():
            child = f"{path}/{entry.name}" if path else entry.name
            if not visible(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                directories.append(child)
                continue
            with suppress(FileNotFoundError):
                status = _status(tree, child, entry)
                if stat.S_ISDIR(status.st_mode):
                    directories.append(child)
                elif stat.S_ISREG(status.st_mode):
                    yield child, status


def _status(tree: Tree, path: str, entry: os.DirEntry[str]) -> os.stat_result:
    return tree.look(path) if entry.is_symlink() else entry.stat(follow_symlinks=False)
