"""The tree of files that the demo leaves."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from rich.tree import Tree

_LONG_HEX = re.compile(r"([0-9a-f]{12})[0-9a-f]{52,}")


def paths_of(root: Path) -> list[str]:
    """Return the files below *root*, relative to it, in order."""
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def draw(title: str, paths: Sequence[str]) -> Tree:
    """Draw *paths* as a tree: a directory with one entry shares its line, hex is cut short."""
    tree = Tree(title)
    _grow(tree, [_LONG_HEX.sub(r"\1…", path).split("/") for path in paths])
    return tree


def _grow(tree: Tree, paths: Sequence[Sequence[str]]) -> None:
    for name, group in groupby(paths, key=itemgetter(0)):
        rests = [rest for _, *rest in group]
        label = name
        while len({rest[0] if rest else "" for rest in rests}) == 1 and rests[0]:
            label += f"/{rests[0][0]}"
            rests = [rest[1:] for rest in rests]
        _grow(tree.add(label), [rest for rest in rests if rest])
