"""Directories as tests look at them, past every driver."""

from __future__ import annotations

from pathlib import Path


class DirectoryDoor:
    """Raw access to a directory."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, path: str) -> bytes:
        return (self._root / path).read_bytes()

    def write(self, path: str, data: bytes) -> None:
        file = self._root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)

    def paths(self) -> set[str]:
        return {
            str(path.relative_to(self._root)) for path in self._root.rglob("*") if path.is_file()
        }


def everything_below(root: Path) -> dict[str, bytes | None]:
    """Return every file below *root*, hidden or not, and every empty directory as ``None``."""
    return {
        str(path.relative_to(root)): None if path.is_dir() else path.read_bytes()
        for path in root.rglob("*")
        if path.name != ".regstore-tmp" and not (path.is_dir() and any(path.iterdir()))
    }
