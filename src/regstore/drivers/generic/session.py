"""What is parked beside a path (A9): a head record, records of what was parked, and parts.

All of it lies in one directory of the driver's own, here for the path ``up/data``::

    up/.regstore-parked.data/
    ├── head           who may go on, and whose records count: the only name that is written twice
    ├── record.<id>    what one writer has parked: its parts in order, with their sizes
    └── part.<id>      bytes; never changed once written

Whoever opens a writer puts its own id in front of the head; that fences off older writers (A7).
Parking writes a record under the writer's own id, and *then* looks whether the head is still its
own; resuming writes the head, and *then* looks for records. So a park that was acknowledged is seen
by whoever resumes, and what a fenced writer still writes late lies under names that nobody reads.
This needs a store that shows overwrites at once. Not covered are two resumes at the same moment:
one of them is fenced off, and what it had parked before it noticed may be lost with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from regstore.driver import EPOCH, RESERVED_PREFIX
from regstore.drivers.generic.info import file_info
from regstore.drivers.generic.publish import Publisher
from regstore.drivers.generic.store import Store, noting
from regstore.errors import (
    DriverError,
    IncompleteReadError,
    PathNotFoundError,
    PreconditionFailedError,
    TransientError,
)

_HEAD = "head"


@dataclass(frozen=True, slots=True)
class Part:
    """An immutable object and its size in bytes."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Record:
    """What the writer *writer* has parked."""

    writer: str
    parts: tuple[Part, ...]

    @property
    def size(self) -> int:
        """Bytes parked."""
        return sum(part.size for part in self.parts)


class Session:
    """What is parked beside the object *path*."""

    def __init__(self, store: Store, publisher: Publisher, path: str) -> None:
        directory, slash, name = path.rpartition("/")
        self.path = path
        self.directory: str = f"{directory}{slash}{RESERVED_PREFIX}parked.{name}"
        self._store = store
        self._publisher = publisher

    def parked(self) -> Record | None:
        """Return what was parked last, or ``None``."""
        return self._latest(self._head() or ())

    def parked_at(self) -> datetime | None:
        """Return when something was last parked; ``None`` where the filesystem tells no times."""
        found = self._store.children(self.directory)
        times = [
            file_info(name, info, self._store.name).modified
            for name, info in found.items()
            if name.startswith("record.")
        ]
        return max((each for each in times if each != EPOCH), default=None)

    def begin(self) -> str:
        """Fence off all others and forget what they parked; return the id of the new writer."""
        old = self._names()
        writer = self._publisher.fresh_name()
        self._put_head((writer,))
        self._remove(old - {_HEAD})
        return writer

    def resume(self) -> tuple[str, Record]:
        """Fence off all others; return the id of the new writer and what is parked.

        :raises PathNotFoundError: nothing is.
        """
        head = self._head() or ()
        found = self._latest(head)
        if found is None:
            raise PathNotFoundError(self.path, self._store.name, "nothing is parked")
        writer = self._publisher.fresh_name()
        self._put_head((writer, *head[: head.index(found.writer) + 1]))
        return writer, self._latest(head) or found

    def check(self, writer: str) -> None:
        """Refuse a writer that another one has taken over from (A7)."""
        if (self._head() or ("",))[0] != writer:
            detail = "another writer or a delete has taken over: resume from what is parked"
            raise PreconditionFailedError(self.path, self._store.name, detail)

    def add_part(self, data: bytes) -> Part:
        """Store *data* under a fresh name."""
        part = Part(f"part.{self._publisher.fresh_name()}", len(data))
        try:
            self._store.pipe(self._at(part.name), data)
            self._publisher.check_size(self._at(part.name), part.size)
        except BaseException as error:
            with noting(error):
                self._remove({part.name})
            raise
        return part

    def read_part(self, part: Part) -> bytes:
        """Return the bytes of *part*.

        :raises PreconditionFailedError: another writer has discarded it.
        """
        try:
            data = self._store.read(self._at(part.name))
        except PathNotFoundError as error:
            detail = "what was parked has been discarded: begin again"
            raise PreconditionFailedError(self.path, self._store.name, detail) from error
        if len(data) != part.size:
            raise IncompleteReadError(self.path, self._store.name, f"part {part.name}")
        return data

    def park(self, record: Record) -> None:
        """Store *record* for whoever resumes.

        :raises PreconditionFailedError: another writer has taken over; *record* does not count.
        """
        parts = [[part.name, part.size] for part in record.parts]
        self._publisher.put(self._at(f"record.{record.writer}"), json.dumps(parts).encode())
        self.check(record.writer)

    def scratch(self) -> str:
        """Return a fresh path in which to put the whole content together."""
        return self._at(f"whole.{self._publisher.fresh_name()}")

    def finish(self) -> None:
        """Leave nothing, after a commit: once the head is gone the rest is only litter."""
        names = self._names()
        self._store.remove(self._at(_HEAD))
        self.drop(names - {_HEAD})
        self._store.prune(self.directory)

    def cancel(self, writer: str, parts: Iterable[Part]) -> None:
        """Leave nothing of *writer*, which has written *parts*.

        Where another writer has taken over, they may be its own now; they go with its session.
        """
        head = self._head()
        if head is None:
            self._remove({part.name for part in parts})
        elif head[0] == writer:
            self._remove(self._names() - {_HEAD})
            self._store.remove(self._at(_HEAD))
        self._store.prune(self.directory)

    def drop(self, names: set[str]) -> None:
        """Remove what is known to be needed no more; that some of it stays does no harm."""
        with suppress(DriverError):
            self._remove(names)

    def _head(self) -> tuple[str, ...] | None:
        found = self._load(_HEAD)
        if found is None:
            return None
        try:
            return tuple(json.loads(found)["writers"])
        except (ValueError, TypeError, KeyError) as error:
            detail = "the head record is being written: try again"
            raise TransientError(self.path, self._store.name, detail) from error

    def _put_head(self, writers: tuple[str, ...]) -> None:
        self._publisher.put(self._at(_HEAD), json.dumps({"writers": writers}).encode())

    def _latest(self, writers: tuple[str, ...]) -> Record | None:
        """Return the first record there is; one that was cut off was never acknowledged."""
        for writer in writers:
            found = self._load(f"record.{writer}")
            if found is not None:
                with suppress(ValueError):
                    parts = tuple(Part(name, size) for name, size in json.loads(found))
                    return Record(writer, parts)
        return None

    def _load(self, name: str) -> bytes | None:
        try:
            return self._store.read(self._at(name))
        except PathNotFoundError:
            return None

    def _names(self) -> set[str]:
        return set(self._store.children(self.directory))

    def _remove(self, names: set[str]) -> None:
        for name in names:
            self._store.remove(self._at(name))

    def _at(self, name: str) -> str:
        return f"{self.directory}/{name}"
