"""The calls of an fsspec filesystem that the generic driver makes, and no others.

None of them expands wildcards: ``rm``, ``cat``, ``mv`` of the base class, ``copy``, ``get`` and
``put`` take ``[``, ``*`` and ``?`` for patterns, also in the root.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar, cast

from fsspec import AbstractFileSystem
from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.local import LocalFileSystem
from fsspec.spec import AbstractBufferedFile

from regstore.drivers._fserrors import translate
from regstore.drivers.generic.info import Info, kind_of
from regstore.drivers.generic.source import Source
from regstore.drivers.generic.traits import Traits
from regstore.errors import (
    ConfigurationError,
    DriverError,
    InvalidPathError,
    PathNotFoundError,
    TransientError,
    UnsupportedMethodError,
)

T = TypeVar("T")

_ATTEMPTS = 20
"""How often a write is tried whose directory others prune meanwhile."""


class _Handle(Protocol):
    def write(self, data: bytes) -> object: ...
    def close(self) -> None: ...


class Store:
    """A filesystem below one root: paths are relative, errors are regstore's (X4).

    :param root: a directory, as the filesystem names it.
    """

    def __init__(self, source: Source, root: str) -> None:
        self.traits: Traits = source.traits
        self.name: str = source.name
        self._source = source
        self._root = root
        self._prefix = root if not root or root.endswith("/") else f"{root}/"

    def info(self, path: str) -> Info | None:
        """Return what lies at *path*, or ``None``. Symbolic links are not followed."""
        try:
            info = self._call(path, lambda fs, full: cast("Info", fs.info(full)))
        except PathNotFoundError:
            return None
        return None if kind_of(info) == "other" else info

    def children(self, path: str) -> dict[str, Info]:
        """Return what lies directly below *path* by name; nothing where nothing does."""
        try:
            found = self._call(path, lambda fs, full: cast("list[Info]", fs.ls(full, detail=True)))
        except PathNotFoundError:
            return {}
        own = self._full(path).strip("/")
        named = ((str(info["name"]).strip("/"), info) for info in found)
        return {name.rpartition("/")[2]: info for name, info in named if name != own}

    def find(self, path: str) -> dict[str, Info]:
        """Return all files below *path* by path, at the cost of pages of keys."""

        def find(fs: AbstractFileSystem, full: str) -> dict[str, Info]:
            return cast("dict[str, Info]", fs.find(full, detail=True))

        try:
            found = self._call(path, find)
        except PathNotFoundError:
            return {}
        start = f"{self._full(path).strip('/')}/".lstrip("/")
        base = f"{path}/" if path else ""
        names = ((name.lstrip("/"), info) for name, info in found.items())
        return {
            base + name.removeprefix(start): info
            for name, info in names
            if name.startswith(start) and not name.endswith("/")
        }

    def read(self, path: str) -> bytes:
        """Return the whole object."""
        return self._call(path, lambda fs, full: cast("bytes", fs.cat_file(full)))

    def read_range(self, path: str, start: int, stop: int) -> bytes:
        """Return bytes *start* to *stop*, which lie within the object and are not none."""

        def read(fs: AbstractFileSystem, full: str) -> bytes:
            # By name: the second parameter of s3fs is a version.
            return cast("bytes", fs.cat_file(full, start=start, end=stop))

        return self._call(path, read)

    def pipe(self, path: str, data: bytes) -> None:
        """Write *data* in one call; directories are made as needed."""
        if self.traits.forbidden and self.traits.forbidden in data:
            raise UnsupportedMethodError(path, self.name, "this filesystem would cut these bytes")
        self._in_directory(path, lambda fs, full: fs.pipe_file(full, data))

    def stream(self, path: str, chunks: Iterable[bytes]) -> None:
        """Write *chunks*; when one cannot be had, what was written is not committed.

        Leaving the context of a file that fsspec opened for writing commits it, errors or not, and
        so does forgetting it; hence no ``with`` here.
        """
        if self.traits.pipes_only:
            self.pipe(path, b"".join(chunks))
            return
        handle = self._in_directory(path, lambda fs, full: cast("_Handle", fs.open(full, "wb")))
        try:
            for chunk in chunks:
                self._do(path, partial(handle.write, chunk))
            self._do(path, handle.close)
        except BaseException as error:
            with noting(error):
                self._do(path, partial(_abandon, handle))
            raise

    def copy(self, source: str, destination: str) -> None:
        """Copy by the filesystem's own means; directories are made as needed."""
        target = self._full(destination)
        self._in_directory(destination, lambda fs, _: fs.cp_file(self._full(source), target))

    def rename(self, source: str, destination: str) -> None:
        """Rename by the filesystem's own means; directories are made as needed."""
        self._in_directory(destination, lambda fs, full: fs.mv(self._full(source), full))

    def remove(self, path: str) -> None:
        """Remove one object; harmless where there is none."""
        with suppress(PathNotFoundError):
            self._call(path, lambda fs, full: fs.rm_file(full), writing=True)

    def prune(self, path: str) -> None:
        """Remove the directory *path* and those above it, up to the first that is not empty."""
        while path and self._remove_directory(path):
            path = path.rpartition("/")[0]

    def _remove_directory(self, path: str) -> bool:
        """Remove an empty directory; return whether it is gone."""
        if not self.traits.prunes:
            return False
        try:
            self._call(path, lambda fs, full: fs.rmdir(full), writing=True)
        except PathNotFoundError:
            return True
        except DriverError:
            return False
        return True

    def require_place(self, path: str) -> None:
        """Refuse to store an object where a directory lies.

        :raises InvalidPathError: something lies below *path*.
        """
        if not self.traits.directories:
            return
        if self._is_directory(path):
            self._remove_directory(path)
            if self._is_directory(path):
                raise InvalidPathError(path, self.name, "a directory; no object can take its place")

    def _is_directory(self, path: str) -> bool:
        info = self.info(path)
        return info is not None and kind_of(info) == "directory"

    def require_writable(self, path: str) -> None:
        """Refuse what would change a filesystem that cannot be written.

        :raises UnsupportedMethodError: this is one.
        """
        if self.traits.read_only:
            raise UnsupportedMethodError(path, self.name, "this filesystem is read-only")

    def sign(self, path: str, seconds: int, options: Mapping[str, str]) -> str | None:
        """Return a URL that the filesystem has signed, or ``None`` where it does not sign."""

        def sign(fs: AbstractFileSystem, full: str) -> str:
            return cast("str", fs.sign(full, expiration=seconds, **options))

        try:
            return self._call(path, sign)
        except UnsupportedMethodError:
            return None

    def local(self, path: str) -> Path | None:
        """Return the file on this machine that holds *path*, or ``None``."""
        fs, full = self._source.here().fs, self._full(path)
        while isinstance(fs, DirFileSystem):
            fs, full = fs.fs, f"{fs.path}/{full}"
        return Path(full) if isinstance(fs, LocalFileSystem) else None

    def _full(self, path: str) -> str:
        return self._prefix + path if path else self._root

    def _make_directories(self, path: str) -> None:
        """Make the directory *path* and those above it, or leave it to the next write to say why.

        Where another makes one of them meanwhile, SFTP tells no more than that it failed.
        """
        try:
            self._call(path, lambda fs, full: fs.makedirs(full, exist_ok=True), writing=True)
        except (PathNotFoundError, InvalidPathError):
            return
        except DriverError as error:
            if type(error) is not DriverError:
                raise

    def _call(
        self, path: str, act: Callable[[AbstractFileSystem, str], T], *, writing: bool = False
    ) -> T:
        try:
            here = self._source.here()
        except ConfigurationError:
            raise
        except Exception as error:
            raise translate(error, path, self.name, writing=False) from error
        with here.lock:
            try:
                return act(here.fs, self._full(path))
            except Exception as error:
                failure = translate(error, path, self.name, writing=writing)
                if self._source.lost(here, failure):
                    detail = "the connection is lost: the next call makes another"
                    failure = TransientError(path, self.name, detail, outcome_unknown=writing)
                raise failure from error

    def _do(self, path: str, act: Callable[[], object]) -> None:
        self._call(path, lambda _fs, _full: act(), writing=True)

    def _in_directory(self, path: str, act: Callable[[AbstractFileSystem, str], T]) -> T:
        """Make the directory of *path* when *act* misses it, also when others prune it again."""
        for _ in range(_ATTEMPTS if self.traits.directories else 0):
            try:
                return self._call(path, act, writing=True)
            except PathNotFoundError:
                self._make_directories(path.rpartition("/")[0])
        return self._call(path, act, writing=True)


def _abandon(handle: _Handle) -> None:
    """Close *handle* so that nothing is committed, now or when it is collected."""
    if isinstance(handle, AbstractBufferedFile):
        handle.discard()
        handle.closed = True
    else:
        handle.close()


@contextmanager
def noting(error: BaseException) -> Iterator[None]:
    """Let *error* tell what goes wrong in cleaning up after it."""
    try:
        yield
    except DriverError as failure:
        error.add_note(f"and cleaning up has failed: {failure}")
