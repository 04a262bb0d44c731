"""The storage-driver contract: what a store must do for a registry, and what it need not.

A driver is a thin, honest adapter: it translates, and promises in its :class:`Capabilities` no more
than its store keeps. Everything that a registry needs beyond that (read-after-write on lagging
stores, retries, verification) is a wrapper above. The contract is small on purpose: a method with a
clever but unsafe default (check, then write) is worse than :exc:`UnsupportedMethodError`.

Clauses carry the numbers by which the conformance suite reports them
(:class:`regstore.testing.StorageDriverTests`; clause ``W1`` is proved by ``test_w1_...``).

Paths
    **P1** A path is relative to the driver's root: segments of ``[A-Za-z0-9._-]+`` joined by ``/``,
    with no leading and no trailing slash; ``""`` is the root. Segments that begin with
    ``.regstore-`` are the driver's own (temporary files, parked parts): no caller may name them,
    ``list``, ``walk`` and ``stat`` never show them, ``delete`` of an ancestor removes them.
    **P2** ``.`` and ``..`` segments, empty segments, other characters and more than 1,024 bytes
    raise :exc:`InvalidPathError` before any I/O; so does ``delete("")``. CNCF distribution accepts
    ``..`` (``registry/storage/driver/storagedriver.go``, ``PathRegexp``). A store may refuse paths
    that are longer than 1,024 bytes less its root.
    **P3** Directories are implicit: one exists exactly while something lies below it. Where a store
    or other software leaves empty ones (``ghost_directories``) their names may linger in a parent's
    list, but ``stat`` of them raises, and ``list`` of them raises or gives only such names. A
    driver prunes what it empties itself. Whether an object may lie below another object is not
    promised; a refusal is a :exc:`DriverError`.
    **P4** ``a`` never matches ``ab``: prefixes are whole segments.
    **P5** No driver leaves its root.

Reading
    **R1** ``stat`` gives size, time (the store's clock) and an opaque version that changes with
    every change of content. **R2** If ``stat`` says S, then S bytes can be read. **R3**
    ``get_content`` is one whole version, never a mixture of two. **R4** ``reader`` streams a range;
    a missing object raises when it is opened, never an empty stream; a body shorter than announced
    raises. **R5** Where ``stable_reads``, a read that began on one version ends on it or raises.

Small writes
    **W1** Where ``atomic_put``, no reader ever sees a part, a truncation or an empty file, not even
    after a crash or power loss. **W2** Directories are made as needed. **W3** Of N concurrent
    writers with the same condition exactly one succeeds. **W4** What cannot keep W3 raises
    :exc:`UnsupportedMethodError`: check-then-write is forbidden. **W5** Concurrent unconditional
    writers never interleave; one wins whole. **W6** A full store raises :exc:`NoSpaceError` and
    keeps the old content.

Large writes
    **A1** to **A7**, **A9**, **A10**: see :class:`FileWriter` and :meth:`StorageDriver.writer`.
    **A8**: see :func:`write_stream`.

Moving, copying, deleting
    **M1** to **M4**: see :meth:`StorageDriver.move`, ``copy``, ``delete`` and ``delete_file``.

Listing
    **L1** to **L5**: see :meth:`StorageDriver.list` and :meth:`StorageDriver.walk`.

Handing out
    **U1** to **U3**: see :meth:`StorageDriver.redirect_url` and :meth:`StorageDriver.local_file`.

Running
    **X1** A blocking driver never suspends; a loop-bound one never blocks the loop. **X2** Any
    method may be cancelled at any await and leaves no half-written object. **X3** A driver does not
    retry what is not idempotent. **X4** Every backend exception becomes one of
    :mod:`regstore.errors`, the original as ``__cause__``. **X5** After a fork a driver works in the
    child. **X6** A driver has ``name``, ``capabilities``, ``runtime`` and ``aclose``.
    **X7** The deadline of a call is a context variable, which no argument hands down
    (:func:`regstore.consistency.deadline`): the call is cancelled then (X2).
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

from regstore._loop import OwnLoopRuntime
from regstore._run import BlockingRuntime, Limiter, LoopRuntime, Runtime, Started
from regstore.errors import (
    InvalidOffsetError,
    InvalidPathError,
    PathNotFoundError,
    PreconditionFailedError,
)

__all__ = [
    "ANY",
    "CHUNK_SIZE",
    "EPOCH",
    "IF_ABSENT",
    "MAX_NOTE_BYTES",
    "MAX_PATH_BYTES",
    "RESERVED_PREFIX",
    "BlockingRuntime",
    "Capabilities",
    "Condition",
    "Content",
    "FileInfo",
    "FileReader",
    "FileWriter",
    "Limiter",
    "LoopRuntime",
    "OwnLoopRuntime",
    "ResumeScope",
    "Runtime",
    "Started",
    "StorageDriver",
    "check_path",
    "check_range",
    "if_version",
    "write_stream",
]

RESERVED_PREFIX = ".regstore-"
MAX_PATH_BYTES = 1024
MAX_NOTE_BYTES = 4096
"""Bytes of a note beside parked content, at most (:meth:`FileWriter.park`)."""
CHUNK_SIZE = 1 << 20
"""Bytes that a reader hands out at a time, at most (drivers may choose less)."""
EPOCH = datetime.fromtimestamp(0, UTC)

_SEGMENT = r"(?!\.{1,2}(?:/|\Z)|\.regstore-)[A-Za-z0-9._-]++"
_PATH = re.compile(rf"{_SEGMENT}(?:/{_SEGMENT})*+", re.ASCII)
_CHARACTERS = re.compile(r"[A-Za-z0-9._/-]+", re.ASCII)

ResumeScope = Literal["object", "process", "host"]


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold of a path for a write to take effect (W3).

    Use :data:`ANY`, :data:`IF_ABSENT` or :func:`if_version`.
    """

    kind: Literal["any", "absent", "version"]
    version: str = ""


ANY = Condition("any")
"""Write whatever is there."""
IF_ABSENT = Condition("absent")
"""Write only where nothing is stored; else :exc:`PathExistsError`."""


def if_version(version: str) -> Condition:
    """Write only over this version; else :exc:`PreconditionFailedError`, also where it is gone."""
    return Condition("version", version)


UNKNOWN_LAG: Final = 10.0
"""Seconds that are taken for how long a store lags where nobody knows: a guess."""


@dataclass(frozen=True, slots=True)
class FileInfo:
    """What a store knows of a path (R1).

    :ivar path: relative to the driver's root.
    :ivar size: bytes; 0 for directories.
    :ivar modified: the store's clock, aware, in UTC; :data:`EPOCH` for directories. On S3 the time
        of an object that was uploaded in parts is the time its upload began
        (``Capabilities.modified_is_commit_time``).
    :ivar version: opaque; changes with every change of content; ``""`` for directories.
    :ivar is_dir: whether it is a directory.
    """

    path: str
    size: int
    modified: datetime
    version: str
    is_dir: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    """One whole version of a small object (R3). ``modified`` and ``version`` as in FileInfo."""

    data: bytes
    version: str
    modified: datetime


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a driver's store keeps. The defaults promise nothing.

    A driver class declares upper bounds; what a probe finds may only lower them.

    :ivar atomic_put: W1 holds.
    :ivar stable_reads: R5 holds.
    :ivar conditional_create: ``put_content`` keeps W3 for :data:`IF_ABSENT`.
    :ivar conditional_replace: ``put_content`` keeps W3 for :func:`if_version`.
    :ivar conditional_delete: ``delete_file`` takes :func:`if_version`.
    :ivar conditional_commit: ``FileWriter.commit`` keeps W3. Stores above never rest on it.
    :ivar conditional_copy: ``copy`` takes conditions on its destination.
    :ivar source_pinned_copy: ``copy`` takes ``source_version``.
    :ivar unique_versions: the same bytes written again give a new version, so that a version is a
        fence.
    :ivar atomic_move: ``move`` and ``FileWriter.commit(to=...)`` are a rename: never both or none.
    :ivar server_side_copy: ``copy`` does not carry the bytes through this process.
    :ivar native_append: parked bytes are appended in place, not kept as parts.
    :ivar uncommitted_visible: parked bytes *may* be seen at their own path.
    :ivar parked_notes: a writer keeps a note beside what it parks (:meth:`FileWriter.park`).
    :ivar resume_scope: who can resume a parked writer: the same driver ``"object"``, any driver
        object in this ``"process"``, or any process on any ``"host"`` that reaches the store.
    :ivar fenced_writers: after a resume, an acknowledgement to an older writer raises (A7).
    :ivar read_after_write: a new object is readable at once, by everyone.
    :ivar read_after_overwrite: so is a replaced one, and a deleted one is gone.
    :ivar list_after_write: so do listings say.
    :ivar staleness_bound: seconds after which everyone sees a write; ``None`` if unknown.
    :ivar modified_is_commit_time: ``modified`` is when the content appeared.
    :ivar listing_start_after: ``list`` resumes at page cost; else it costs the directory.
    :ivar ghost_directories: empty directories may linger in a parent's list (P3).
    :ivar redirect: ``redirect_url`` gives URLs.
    :ivar max_object_size: bytes, or ``None`` if unbounded.
    :ivar max_parts: how many times a writer may be parked with data, or ``None``.
    :ivar clock_resolution: seconds between two distinguishable ``modified`` times.
    """

    atomic_put: bool = False
    stable_reads: bool = False
    conditional_create: bool = False
    conditional_replace: bool = False
    conditional_delete: bool = False
    conditional_commit: bool = False
    conditional_copy: bool = False
    source_pinned_copy: bool = False
    unique_versions: bool = False
    atomic_move: bool = False
    server_side_copy: bool = False
    native_append: bool = False
    uncommitted_visible: bool = False
    parked_notes: bool = False
    resume_scope: ResumeScope = "object"
    fenced_writers: bool = False
    read_after_write: bool = False
    read_after_overwrite: bool = False
    list_after_write: bool = False
    staleness_bound: float | None = None
    modified_is_commit_time: bool = False
    listing_start_after: bool = False
    ghost_directories: bool = False
    redirect: bool = False
    max_object_size: int | None = None
    max_parts: int | None = None
    clock_resolution: float = 1.0

    @property
    def lag(self) -> float:
        """Seconds after which a write shows, :data:`UNKNOWN_LAG` where nobody knows."""
        if self.read_after_write and self.read_after_overwrite and self.list_after_write:
            return self.staleness_bound or 0.0
        return UNKNOWN_LAG if self.staleness_bound is None else self.staleness_bound

    @property
    def is_lag_known(self) -> bool:
        """Whether somebody knows after how long a write must show."""
        return not (self.staleness_bound is None and self.lag)


class FileReader(ABC):
    """An open read: an asynchronous iterator of non-empty chunks, and a context manager.

    It belongs to one caller at a time. Leaving the context closes it, at any point.

    :ivar info: the version being read, as :meth:`StorageDriver.stat` would give it; ``info.size``
        is the size of the whole object, whatever range is read.
    """

    info: FileInfo

    @abstractmethod
    async def read(self) -> bytes:
        """Return the next chunk, ``b""`` at the end of the range.

        :raises IncompleteReadError: the store ended the body early (R4).
        :raises PreconditionFailedError: the object was replaced meanwhile (R5).
        """

    @abstractmethod
    async def aclose(self) -> None:
        """Release what the read holds. Harmless when repeated."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        chunk = await self.read()
        if not chunk:
            raise StopAsyncIteration
        return chunk

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()


class FileWriter(ABC):
    """An open write of content of any size: parked, resumed from anywhere, committed at once.

    It belongs to one caller at a time. Its states and steps (A6); what is not in the table raises
    :exc:`WriterClosedError`:

    ========== ========= ========== ============= =============
    state      write     park       commit        cancel
    ========== ========= ========== ============= =============
    open       open      parked     committed     cancelled
    parked     raises    parked     raises        cancelled
    committed  raises    raises     committed     raises (1)
    cancelled  raises    raises     raises        cancelled
    ========== ========= ========== ============= =============

    (1) After ``commit(keep_parked=True)`` it is allowed, harmless when repeated, and the state
    stays committed.

    So a second ``park`` or ``cancel`` is harmless, and ``commit`` is idempotent: repeated with the
    same arguments it returns what the first one returned. A parked writer goes on through
    ``writer(path, append=True)``. A step that raises leaves the state as it was, except that a
    failed ``write`` may leave a part of its bytes behind, unacknowledged; ``size`` tells.

    Two writers of one path never mix (A7): of two that were resumed at the same size one commit
    succeeds at most, and the cancel of one that was overtaken leaves the other alone.
    """

    @property
    @abstractmethod
    def size(self) -> int:
        """Bytes taken so far, those of earlier writers of this path included."""

    @abstractmethod
    async def write(self, data: bytes | bytearray | memoryview, offset: int | None = None) -> None:
        """Take *data* at *offset*, by default at ``size``.

        An offset beyond ``size`` fills the gap with zeros (A8). Acknowledged bytes are durable only
        after :meth:`park` or :meth:`commit`. The buffer may be reused as soon as this returns.

        :raises InvalidOffsetError: *offset* is negative or lies before ``size``.
        :raises PreconditionFailedError: another writer of this path has gone on (A7).
        :raises NoSpaceError: the store is full.
        """

    @property
    @abstractmethod
    def note(self) -> bytes:
        """What was parked beside the bytes that this writer went on from; ``b""`` where nothing."""

    @abstractmethod
    async def park(self, note: bytes = b"") -> None:
        """Make everything acknowledged durable, and let go (A2).

        Afterwards ``writer(path, append=True, at_least=self.size)`` continues at exactly ``size``,
        for whom ``Capabilities.resume_scope`` names. Nothing is readable through the contract at
        any other path (A3).

        :param note: at most :data:`MAX_NOTE_BYTES` about these bytes, kept with them at once or not
            at all, for whoever resumes; hangs on ``Capabilities.parked_notes``. A writer that has
            taken nothing since it was resumed may keep the note that it found.
        :raises PreconditionFailedError: another writer of this path has gone on (A7).
        :raises UnsupportedMethodError: this writer keeps no notes, or was opened with a
            *destination* and cannot be parked.
        """

    @abstractmethod
    async def commit(
        self, to: str | None = None, condition: Condition = ANY, *, keep_parked: bool = False
    ) -> str | None:
        """Make the whole content appear at once at *to*, by default at the writer's path (A4).

        Replaces what is there, as *condition* allows. Nothing remains at the writer's own path
        when *to* is another, committed content included. Repeated with other arguments it raises
        :exc:`WriterClosedError`; a repeat never overwrites what came later. Costs a rename on local
        disks, at most one server-side copy elsewhere, and none where the content is small or
        went to its *destination* as it came.

        :param condition: hangs on ``Capabilities.conditional_commit``.
        :param keep_parked: what was parked may stay until :meth:`cancel`, which then takes away
            that alone, so that a commit which must be followed by something else can be repeated
            in another process. A driver whose commit is a rename keeps nothing. Of two writers
            that were resumed at the same size and took nothing since, both may commit this way:
            it is the same content.
        :returns: the version now stored, where the store tells it without another request; then
            the driver has seen that all of ``size`` bytes arrived.
        :raises PathExistsError: *condition* is IF_ABSENT, and *to* exists.
        :raises PreconditionFailedError: the version differs, or another writer has gone on.
        :raises UnsupportedMethodError: the condition cannot be kept, or *to* is not the
            *destination* that this writer was opened for.
        """

    @abstractmethod
    async def cancel(self) -> None:
        """Leave nothing of this path's uncommitted content, parked parts included (A5).

        After a commit with *keep_parked* it removes what that kept, and nothing else.
        """


class StorageDriver(ABC):
    """A store of files under one root. See the module's text for the clauses.

    Objects are safe for any thread; readers and writers belong to one caller at a time.

    :ivar name: short, for errors and logs; never holds credentials.
    :ivar capabilities: what the store keeps.
    :ivar runtime: how this driver's coroutines are run.
    """

    name: str
    capabilities: Capabilities
    runtime: Runtime

    @abstractmethod
    async def stat(self, path: str, *, must_exist: bool = False) -> FileInfo:
        """Describe the object or directory at *path* (R1).

        :param must_exist: a hint that something proves the path to exist; drivers ignore it,
            wrappers for lagging stores read again because of it.
        :raises PathNotFoundError: nothing lies there; the root may be a directory or missing.
        """

    @abstractmethod
    async def get_content(self, path: str, *, must_exist: bool = False) -> Content:
        """Read one whole object in one request (R3). For small ones: it is held in memory.

        :raises PathNotFoundError: no object lies there; directories have no content.
        """

    @abstractmethod
    async def reader(
        self, path: str, offset: int = 0, length: int | None = None, *, must_exist: bool = False
    ) -> FileReader:
        """Open the object at *path* for streaming from byte *offset* (R4).

        *length* is a bound: what lies beyond the end is not an error. ``offset == size`` gives
        nothing; an empty object reads as nothing.

        :raises PathNotFoundError: no object lies there.
        :raises InvalidOffsetError: *offset* or *length* is negative, or *offset* beyond the end.
        """

    @abstractmethod
    async def put_content(self, path: str, data: bytes, condition: Condition = ANY) -> str | None:
        """Create or replace the object at *path* with *data*, whole (W1 to W6).

        :returns: the version now stored, where the store tells it without another request.
        :raises PathExistsError: *condition* is IF_ABSENT, and the path exists.
        :raises PreconditionFailedError: the stored version is another, or the path is gone.
        :raises UnsupportedMethodError: this store cannot keep *condition*.
        :raises NoSpaceError: the store is full; the old content is still there.
        """

    @abstractmethod
    async def writer(
        self,
        path: str,
        *,
        append: bool = False,
        begin: bool = False,
        at_least: int = 0,
        destination: str | None = None,
    ) -> FileWriter:
        """Open *path* for writing content of any size (A1).

        :param append: ``False`` discards what was parked there; committed content stays readable
            until the commit. ``True`` continues what was parked, also where other content is
            committed; on a committed empty object it begins with nothing.
        :param begin: with *append*, begin with nothing where nothing was parked, instead of
            raising :exc:`PathNotFoundError`. What another writer begins and parks meanwhile is
            never discarded where ``Capabilities.conditional_create``: one of the two finds itself
            overtaken (A7). Whether non-empty committed content is looked for is not promised.
        :param at_least: bytes that are known to have been acknowledged; a record shorter than that
            is stale.
        :param destination: where the commit will go, if that is known: a driver may send the
            content there as it comes, unseen until the commit. Such a writer may refuse to be
            parked, and to be committed elsewhere. Only without *append*; such a driver may leave
            alone what was parked.
        :raises PathNotFoundError: *append* without *begin*, and nothing was parked.
        :raises PathExistsError: *append*, nothing was parked, and non-empty content is committed.
        :raises NotYetVisibleError: what is parked is shorter than *at_least*, after waiting.
        """

    async def parked_at(self, path: str) -> datetime | None:  # noqa: ARG002 - for who can tell
        """Return when something was last parked at *path*, by the store's clock (A2).

        ``None`` where nothing is parked, and where the driver cannot tell, as by default. Takes
        nothing over from anybody.
        """
        return None

    @abstractmethod
    async def move(self, source: str, destination: str) -> None:
        """Move one object, replacing *destination* (M1).

        Where not ``atomic_move``, the copy is verified before the source goes; a failure may leave
        both, never neither. Moving onto itself changes nothing. Directories are not moved; what is
        parked at either path is left alone.

        :raises PathNotFoundError: no object lies at *source*; *destination* is untouched.
        """

    @abstractmethod
    async def copy(
        self,
        source: str,
        destination: str,
        condition: Condition = ANY,
        source_version: str | None = None,
    ) -> str | None:
        """Copy one object of any size, replacing *destination* as *condition* allows (M2).

        :returns: the version now at *destination*, where the store tells it.
        :raises PathNotFoundError: no object lies at *source*.
        :raises PreconditionFailedError: the source is not at *source_version*, or *condition*.
        :raises UnsupportedMethodError: the condition or the pin cannot be kept
            (``conditional_copy``, ``source_pinned_copy``).
        """

    @abstractmethod
    async def delete(self, path: str) -> None:
        """Delete the object at *path* or everything below it, the driver's own included (M3).

        What is parked at *path* goes too, and alone counts as something that lay there. Not atomic:
        a failure, or a reader meanwhile, may see part of it gone.

        :raises PathNotFoundError: nothing lay there.
        :raises InvalidPathError: *path* is the root.
        """

    @abstractmethod
    async def delete_file(
        self, path: str, condition: Condition = ANY, *, missing_ok: bool = False
    ) -> None:
        """Delete one object; with :func:`if_version` only that version of it (M4).

        :param missing_ok: whether an object lay there does not matter, which saves a request on
            stores that do not tell (S3).
        :raises PathNotFoundError: no object lies there, and not *missing_ok*.
        :raises PreconditionFailedError: the stored version is another.
        :raises UnsupportedMethodError: *condition* cannot be kept, or is IF_ABSENT.
        """

    @abstractmethod
    def list(
        self, path: str, start_after: str | None = None, limit: int | None = None
    ) -> AsyncGenerator[str, None]:
        """Yield the names of the direct children of *path* in byte order, each once (L1).

        The order is that of the bare name, on every store: ``a``, ``a-b``, ``a.b``, ``ab``.

        :param start_after: yield only names greater than this one, whether or not it exists.
        :param limit: how many names at most.
        :raises PathNotFoundError: nothing lies below *path*; never for the root (L2).
        """

    @abstractmethod
    def walk(self, path: str) -> AsyncGenerator[FileInfo, None]:
        """Yield every object below *path* once, in unspecified order, never directories (L3).

        What is written or deleted meanwhile may or may not be seen.

        :raises PathNotFoundError: nothing lies below *path*; never for the root.
        """

    @abstractmethod
    async def redirect_url(
        self,
        path: str,
        method: Literal["GET", "HEAD"] = "GET",
        expires: timedelta = timedelta(minutes=20),
        filename: str | None = None,
    ) -> str | None:
        """Return a URL that a plain HTTP client can use, or ``None`` (U1).

        It never outlives *expires* and never grants more than *method* (U2). Whether the object
        exists is not checked.
        """

    @abstractmethod
    async def local_file(self, path: str) -> Path | None:
        """Return a file that the operating system can send without copying, or ``None`` (U3).

        A driver that never has one may say so without looking.

        :raises PathNotFoundError: no object lies there.
        """

    def expect_lag(self, seconds: float | None) -> None:  # noqa: B027 - most have no use for it
        """Be told that a write may show only after *seconds*, whatever this driver claims.

        A hint for drivers that read back what they have written: from now on they wait for it, and
        their ``Capabilities.staleness_bound`` says so. By default nothing is done.

        :param seconds: ``None`` where nobody knows.
        """

    @abstractmethod
    async def aclose(self) -> None:
        """Release what the driver holds. Harmless when repeated."""


def check_path(path: str, driver: str = "", *, allow_root: bool = False) -> str:
    """Return *path* if it keeps P1 and P2.

    :raises InvalidPathError: it does not.
    """
    if len(path) <= MAX_PATH_BYTES and _PATH.fullmatch(path):
        return path
    if not path:
        if allow_root:
            return path
        raise InvalidPathError(path, driver, "the root itself cannot be meant here")
    if len(path) > MAX_PATH_BYTES:
        raise InvalidPathError(path, driver, f"longer than {MAX_PATH_BYTES} bytes")
    if not _CHARACTERS.fullmatch(path):
        raise InvalidPathError(path, driver, "segments are [A-Za-z0-9._-]+")
    raise InvalidPathError(
        path, driver, f"empty segments, '.', '..' and {RESERVED_PREFIX}* are no names"
    )


def check_range(path: str, offset: int, length: int | None, driver: str = "") -> None:
    """Refuse what no object can satisfy.

    :raises InvalidOffsetError: *offset* or *length* is negative.
    """
    if offset < 0:
        raise InvalidOffsetError(path, offset, driver, "negative")
    if length is not None and length < 0:
        raise InvalidOffsetError(path, length, driver, "negative length")


async def write_stream(
    driver: StorageDriver, path: str, offset: int, chunks: AsyncIterator[bytes]
) -> int:
    """Write *chunks* into the object at *path* from byte *offset* (A8): the operation of 2015.

    ``offset == size`` appends; ``offset > size`` fills the gap with zeros; ``offset < size``
    replaces in the middle and keeps the tail. The new whole appears at once; a reader never sees a
    mixture. Costs reading and writing the whole object: for uploads use :class:`FileWriter`.
    (CNCF distribution 2.0 to 2.3, ``StorageDriver.WriteStream``.)

    :returns: bytes taken from *chunks*.
    :raises InvalidOffsetError: *offset* is negative.
    :raises PreconditionFailedError: the object was replaced meanwhile; nothing has changed.
    """
    check_range(path, offset, None, driver.name)
    writer = await driver.writer(path)
    try:
        before = await _copy_range(driver, path, writer, 0, offset)
        await writer.write(b"", offset=offset)
        taken = 0
        async for chunk in chunks:
            await writer.write(chunk)
            taken += len(chunk)
        if before is not None and offset + taken < before.size:
            after = await _copy_range(driver, path, writer, offset + taken, None)
            if after is None or after.version != before.version:
                raise PreconditionFailedError(path, driver.name, "replaced while it was copied")
        await writer.commit()
    except BaseException:
        await driver.runtime.shield(writer.cancel())
        raise
    return taken


async def _copy_range(
    driver: StorageDriver, path: str, writer: FileWriter, offset: int, end: int | None
) -> FileInfo | None:
    """Copy bytes *offset* to *end* of the object at *path*; return what it is, if it exists."""
    length = None if end is None else end - offset
    try:
        reader = await driver.reader(path, offset, length)
    except PathNotFoundError:
        return None
    async with reader:
        async for chunk in reader:
            await writer.write(chunk)
        return reader.info
