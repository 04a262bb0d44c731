"""What a store of objects must offer for :class:`~regstore.drivers.objects.driver.ObjectDriver`.

An :class:`ObjectStore` is narrow on purpose: one method is one request, or one for each item where
it says so. It knows no directories, parks nothing, retries nothing that is not idempotent, and
raises the errors of :mod:`regstore.errors` only. All that the contract of :mod:`regstore.driver`
asks beyond that is written once, in the driver above.

A *key* is relative to the store's root, with no leading slash; the root itself is never a key.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from regstore._run import Runtime
from regstore.driver import ANY, Capabilities, Condition, Content, FileInfo


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request of a store can carry.

    :ivar part_size: bytes of a part, as long as few are needed.
    :ivar min_part: bytes that each part of an assembly needs, the last one excepted.
    :ivar max_parts: parts of one assembly.
    :ivar delete_batch: keys that one request deletes.
    :ivar list_page: entries that one listing gives at most.
    :ivar copy_size: bytes up to which :meth:`ObjectStore.copy` may be asked.
    :ivar tells_missing: whether :meth:`ObjectStore.delete` tells that nothing was there.
    :ivar copies_ranges: whether :meth:`ObjectStore.copy_part` takes a part of an object.
    :ivar keeps_sessions: whether an assembly that was begun and never ended stays and costs money,
        unseen by listings, so that it must be recorded before it is fed.
    """

    part_size: int = 8 << 20
    min_part: int = 0
    max_parts: int = 10_000
    delete_batch: int = 1000
    list_page: int = 1000
    copy_size: int = 5 << 30
    tells_missing: bool = False
    copies_ranges: bool = True
    keeps_sessions: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """One answer to a listing.

    :ivar objects: in no promised order.
    :ivar prefixes: the common ones, each ending in a slash; empty unless they were asked for.
    :ivar token: what continues the listing; ``None`` at its end.
    """

    objects: tuple[FileInfo, ...]
    prefixes: tuple[str, ...] = ()
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """An assembly that was begun: content that comes in parts and appears at once.

    :ivar key: where it will appear.
    :ivar token: the store's name for it; letters, digits, ``.``, ``_``, ``-``, ``~`` and the like.
    :ivar scratch: a directory of the driver's own, where a store may keep parts as objects.
    """

    key: str
    token: str
    scratch: str


@dataclass(frozen=True, slots=True)
class Part:
    """A part that a store has taken; ``tag`` is the store's own name for it."""

    number: int
    size: int
    tag: str


class ObjectBody(ABC):
    """An open read of one object; belongs to one caller at a time.

    :ivar info: of the whole object, whatever range is read.
    """

    info: FileInfo

    @abstractmethod
    async def read(self) -> bytes:
        """Return the next bytes, ``b""`` at the end.

        :raises IncompleteReadError: the connection ended before the announced length.
        :raises TransientError: it broke.
        """

    @abstractmethod
    async def aclose(self) -> None:
        """Let go of the connection, at any point. Harmless when repeated."""


class ObjectStore(ABC):
    """A bucket, or a part of one. Methods may be called at the same time by many tasks.

    Every one may raise :exc:`TransientError` (``outcome_unknown`` where the request may have taken
    effect), :exc:`ThrottledError`, :exc:`PermissionDeniedError`, :exc:`NoSpaceError`; a bucket that
    does not exist raises :exc:`ConfigurationError`.

    :ivar name: the driver's name; holds no credentials.
    :ivar capabilities: upper bounds of what the driver over this store promises.
    """

    name: str
    capabilities: Capabilities
    limits: Limits
    runtime: Runtime

    @abstractmethod
    async def head(self, key: str) -> FileInfo:
        """Describe one object.

        :raises PathNotFoundError: there is none.
        """

    @abstractmethod
    async def get(self, key: str) -> Content:
        """Read one whole, small object.

        :raises PathNotFoundError: there is none.
        :raises IncompleteReadError: the body was shorter than announced.
        """

    @abstractmethod
    async def open(
        self, key: str, start: int = 0, length: int | None = None, version: str | None = None
    ) -> ObjectBody:
        """Open an object for streaming; one ranged request.

        :param length: bytes, never 0; more than there are is no error.
        :param version: read this version or fail, where the store can (R5).
        :raises PathNotFoundError: there is none.
        :raises InvalidOffsetError: the range begins at or beyond the end, of an empty object too;
            never raised where *start* is 0 and *length* is ``None``.
        :raises PreconditionFailedError: it has another version.
        """

    @abstractmethod
    async def put(self, key: str, data: bytes, condition: Condition = ANY) -> str:
        """Write one whole object in one request and return its version.

        :raises PathExistsError: *condition* is IF_ABSENT, and something is there.
        :raises PreconditionFailedError: the version differs, or it is gone.
        :raises UnsupportedMethodError: the store has no such condition.
        """

    @abstractmethod
    async def delete(self, key: str, condition: Condition = ANY) -> None:
        """Delete one object.

        :raises PathNotFoundError: there is none, where ``limits.tells_missing``; elsewhere that is
            no error.
        :raises PreconditionFailedError: it has another version.
        """

    @abstractmethod
    async def delete_many(self, keys: Sequence[str]) -> None:
        """Delete at most ``limits.delete_batch`` objects; missing ones are no error.

        One request where the store has such a one, else one for each key.

        :raises DriverError: one of them was not deleted; the first error tells which.
        """

    @abstractmethod
    async def list(
        self,
        prefix: str,
        *,
        delimited: bool = False,
        start_after: str | None = None,
        token: str | None = None,
        limit: int | None = None,
    ) -> Listing:
        """List the objects whose keys begin with *prefix*; one request.

        :param delimited: fold what has a further slash into ``prefixes``.
        :param start_after: a hint: what sorts at or before this key may be left out, or not.
        :param token: what an earlier answer gave; with the same other arguments.
        :param limit: entries at most; ``limits.list_page`` by default.
        """

    @abstractmethod
    async def copy(
        self,
        source: str,
        destination: str,
        condition: Condition = ANY,
        source_version: str | None = None,
    ) -> str | None:
        """Copy an object of at most ``limits.copy_size`` on the server, and return the version.

        Has ended when it returns, however long it takes.

        :raises PathNotFoundError: there is no *source*.
        :raises PathExistsError: *condition* is IF_ABSENT, and something is at *destination*.
        :raises PreconditionFailedError: a version differs.
        :raises UnsupportedMethodError: the store cannot keep the condition or the pin.
        """

    @abstractmethod
    async def begin(self, key: str, scratch: str) -> Session:
        """Begin to assemble *key*; no request where the store needs none."""

    @abstractmethod
    async def put_part(self, session: Session, number: int, data: bytes) -> Part:
        """Send one part; numbers begin at 1, and parts come in any order, several at a time."""

    @abstractmethod
    async def copy_part(
        self, session: Session, number: int, source: FileInfo, start: int, length: int
    ) -> Part:
        """Take a range of a stored object as one part, on the server where it can do that.

        Pinned to the source's version where the store can.

        :raises PathNotFoundError: the source is gone.
        """

    @abstractmethod
    async def complete(
        self, session: Session, parts: Sequence[Part], condition: Condition = ANY
    ) -> str:
        """Make the parts, in this order, appear as the object; return its version.

        Objects that a store has kept parts in are gone afterwards.

        :raises PathExistsError: as for :meth:`put`.
        :raises PreconditionFailedError: as for :meth:`put`.
        :raises PathNotFoundError: the session has ended, or another one has discarded its parts.
        """

    @abstractmethod
    async def abort(self, session: Session, parts: Sequence[Part]) -> None:
        """Leave nothing of a session; harmless where nothing is left."""

    @abstractmethod
    async def sessions(self, prefix: str) -> Sequence[Session]:
        """Return the sessions under way for keys below *prefix*; empty at no cost elsewhere."""

    @abstractmethod
    async def sign(
        self,
        key: str,
        method: Literal["GET", "HEAD"],
        expires: timedelta,
        filename: str | None,
    ) -> str | None:
        """Return a URL as :meth:`StorageDriver.redirect_url` does, or ``None``."""

    @abstractmethod
    async def aclose(self) -> None:
        """Close every connection. Harmless when repeated."""
