"""Raw access to fsspec filesystems, for the conformance suite."""

from __future__ import annotations

from fsspec import AbstractFileSystem


class FilesystemBackDoor:
    """Files of an fsspec filesystem below *root*."""

    def __init__(self, fs: AbstractFileSystem, root: str) -> None:
        self._fs = fs
        self._root = root

    def read(self, path: str) -> bytes:
        data: bytes = self._fs.cat_file(f"{self._root}/{path}")
        return data

    def write(self, path: str, data: bytes) -> None:
        full = f"{self._root}/{path}"
        self._fs.makedirs(full.rpartition("/")[0], exist_ok=True)
        self._fs.pipe_file(full, data)

    def paths(self) -> set[str]:
        found: list[str] = self._fs.find(self._root)
        return {path.removeprefix(f"{self._root}/") for path in found}
