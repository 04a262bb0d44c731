"""Filesystems of fsspec that regstore knows nothing of, each with a habit that real ones have."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ClassVar

from fsspec import AbstractFileSystem
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.spec import AbstractBufferedFile
from typing_extensions import override

# fsspec has no type information: its classes are Any.


class BufferedFile(AbstractBufferedFile):  # type: ignore[misc]
    """Stores what was written when it is closed, also by its collection, as real ones do."""

    def _initiate_upload(self) -> None:
        self.pieces: list[bytes] = []

    @override
    def _upload_chunk(self, final: bool = False) -> bool:
        self.pieces.append(self.buffer.getvalue())
        if final:
            self.fs.objects[self.path] = b"".join(self.pieces)
        return True

    def _fetch_range(self, start: int, end: int) -> bytes:
        data: bytes = self.fs.objects[self.path]
        return data[start:end]


class ObjectFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """A flat store that caches listings, and is confused by two callers at a time.

    All instances of one *store* share its objects.
    """

    protocol = "objects"
    stores: ClassVar[dict[str, dict[str, bytes]]] = {}

    def __init__(self, store: str, **options: object) -> None:
        super().__init__(**options)
        self.objects = self.stores.setdefault(store, {})
        self.pid = os.getpid()
        self.busy = False
        self.overlaps = 0

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self.overlaps += self.busy
        self.busy = True
        try:
            yield
        finally:
            self.busy = False

    def _listing(self, path: str) -> dict[str, dict[str, object]]:
        found: dict[str, dict[str, object]] = {}
        for key, data in list(self.objects.items()):
            if key.startswith(f"{path}/"):
                name, deeper, _ = key[len(path) + 1 :].partition("/")
                full = f"{path}/{name}"
                kind = "directory" if deeper else "file"
                size = 0 if deeper else len(data)
                found[name] = {"name": full, "type": kind, "size": size, "etag": hash(data)}
        return found

    @override
    def ls(self, path: str, detail: bool = True, **_: object) -> list[object]:
        with self._alone():
            if path not in self.dircache:
                self.dircache[path] = list(self._listing(path).values())
            # A cache that is switched off has kept nothing.
            cached = self.dircache[path] if path in self.dircache else self._listing(path).values()
            found = list(cached)
            if not found:
                raise FileNotFoundError(path)
            return found if detail else [each["name"] for each in found]

    def cat_file(
        self, path: str, version: object = None, *, start: int | None = None, end: int | None = None
    ) -> bytes:
        assert version is None, "a range given by position"
        with self._alone():
            if path not in self.objects:
                raise FileNotFoundError(path)
            return self.objects[path][start:end]

    def _open(self, path: str, mode: str = "rb", **_: object) -> BufferedFile:
        return BufferedFile(self, path, mode, block_size=1 << 20)

    def rm_file(self, path: str) -> None:
        with self._alone():
            if self.objects.pop(path, None) is None:
                raise FileNotFoundError(path)

    def rmdir(self, path: str) -> None:
        """Delete the directory with all its content, as that of Arrow does."""
        for key in list(self.objects):
            if key.startswith(f"{path}/"):
                del self.objects[key]


class RefusingFileSystem(ObjectFileSystem):
    """Renames, but onto nothing that exists, as FTP and SMB servers do."""

    protocol = "refusing"

    def mv(self, path1: str, path2: str, **_: object) -> None:
        if path2 in self.objects:
            raise FileExistsError(path2)
        self.objects[path2] = self.objects.pop(path1)


class SilentFileSystem(ObjectFileSystem):
    """The same, but does not say so, as WebHDFS does not."""

    protocol = "silent"

    def mv(self, path1: str, path2: str, **_: object) -> None:
        if path2 not in self.objects:
            self.objects[path2] = self.objects.pop(path1)


class HookedFileSystem(MemoryFileSystem):  # type: ignore[misc]
    """A memory of its own that calls *before* with method and path of each read and write."""

    def __init__(self, **options: object) -> None:
        super().__init__(global_store=False, **options)
        self.before: Callable[[str, str], None] = lambda _method, _path: None

    def pipe_file(self, path: str, value: bytes, **options: object) -> None:
        self.before("pipe", path)
        super().pipe_file(path, value, **options)

    def cat_file(self, path: str, **options: object) -> bytes:
        self.before("cat", path)
        data: bytes = super().cat_file(path, **options)
        return data
