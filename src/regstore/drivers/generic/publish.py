"""How content gets to its place: whole and at once, as far as the filesystem allows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from typing_extensions import override

from regstore._run import Runtime
from regstore.driver import RESERVED_PREFIX
from regstore.drivers.generic.store import Store, noting
from regstore.drivers.generic.versions import size_of
from regstore.errors import DriverError, IncompleteReadError, TransientError

PART_SIZE = 8 << 20
"""Bytes that are held in memory at a time: parts of writers and ranges of readers, at most."""


def ranges(store: Store, path: str, size: int) -> Iterator[bytes]:
    """Yield the *size* bytes of the object at *path*.

    :raises IncompleteReadError: it has not as many.
    """
    for start in range(0, size, PART_SIZE):
        stop = min(start + PART_SIZE, size)
        data = store.read_range(path, start, stop)
        if len(data) != stop - start:
            raise IncompleteReadError(path, store.name, f"{len(data)} of {stop - start} bytes")
        yield data


class Publisher(ABC):
    """Puts content where readers look for it.

    :param runtime: gives the randomness of fresh names.
    """

    def __init__(self, store: Store, runtime: Runtime) -> None:
        self._store = store
        self._runtime = runtime

    def fresh_name(self) -> str:
        """Return a name that was never used before."""
        return f"{self._runtime.random.getrandbits(128):032x}"

    def write(self, path: str, content: Iterable[bytes], size: int, scratch: str) -> None:
        """Make *content*, of *size* bytes, appear at *path*, by way of *scratch* where that helps.

        *content* is read to its end before anything appears.
        """
        if size <= PART_SIZE:
            fill = partial(self._store.pipe, data=b"".join(content))
        else:
            fill = partial(self._store.stream, chunks=content)
        self._publish(path, fill, size, scratch)

    def put(self, path: str, data: bytes) -> None:
        """Make *data* appear at *path*."""
        self._publish(path, partial(self._store.pipe, data=data), len(data))

    def copy(self, source: str, destination: str) -> int:
        """Make the content of *source* appear at *destination*; return its size."""
        size = size_of(self._store, source)
        self._publish(destination, partial(self._copy, source, size), size)
        return size

    @abstractmethod
    def move(self, source: str, destination: str) -> None:
        """Make the content of *source* appear at *destination*, and then *source* go."""

    @abstractmethod
    def _publish(
        self, path: str, fill: Callable[[str], None], size: int, scratch: str | None = None
    ) -> None:
        """Make what *fill* writes to the path that it is given appear at *path*."""

    def _copy(self, source: str, size: int, destination: str) -> None:
        if self._store.traits.copies:
            self._store.copy(source, destination)
        else:
            self._store.stream(destination, ranges(self._store, source, size))

    def check_size(self, path: str, size: int) -> None:
        """Refuse an object at *path* that is not *size* bytes long.

        :raises TransientError: the filesystem has not stored what it was given.
        """
        found = size_of(self._store, path)
        if found != size:
            detail = f"{found} bytes are stored of {size}: write again"
            raise TransientError(path, self._store.name, detail, outcome_unknown=True)


class Renaming(Publisher):
    """For filesystems with a rename: content is written beside its place and moved there.

    Where it is not known whether the rename replaces, what is in the way is removed when the first
    rename fails, so that for a moment nothing is there.
    """

    @override
    def _publish(
        self, path: str, fill: Callable[[str], None], size: int, scratch: str | None = None
    ) -> None:
        place = scratch or self._beside(path)
        try:
            fill(place)
            self.check_size(place, size)
            self._rename(place, path)
        except BaseException as error:
            with noting(error):
                self._store.remove(place)
                self._store.prune(place.rpartition("/")[0])
            raise

    @override
    def move(self, source: str, destination: str) -> None:
        size = size_of(self._store, source)
        self._rename(source, destination)
        if not self._store.traits.replaces:
            self.check_size(destination, size)
        self._store.prune(source.rpartition("/")[0])

    def _beside(self, path: str) -> str:
        directory, slash, _ = path.rpartition("/")
        return f"{directory}{slash}{RESERVED_PREFIX}put.{self.fresh_name()}"

    def _rename(self, source: str, destination: str) -> None:
        self._store.require_place(destination)
        if not self._renamed(source, destination):
            self._store.remove(destination)
            self._store.rename(source, destination)

    def _renamed(self, source: str, destination: str) -> bool:
        try:
            self._store.rename(source, destination)
        except DriverError:
            if self._store.traits.replaces or self._store.info(destination) is None:
                raise
            return False
        return self._store.traits.replaces or self._store.info(source) is None


class Direct(Publisher):
    """For filesystems without a rename: content is written where it shall be.

    Object stores show it when the write is complete; of others nothing is promised.
    """

    @override
    def _publish(
        self, path: str, fill: Callable[[str], None], size: int, scratch: str | None = None
    ) -> None:
        self._store.require_place(path)
        fill(path)
        if not self._store.traits.capabilities.atomic_put:
            self.check_size(path, size)

    @override
    def move(self, source: str, destination: str) -> None:
        self._store.require_place(destination)
        size = self.copy(source, destination)
        self.check_size(destination, size)
        self._store.remove(source)
        self._store.prune(source.rpartition("/")[0])


def publisher_for(store: Store, runtime: Runtime) -> Publisher:
    """Return the way that suits the filesystem."""
    kind = Renaming if store.traits.renames else Direct
    return kind(store, runtime)
