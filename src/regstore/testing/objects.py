"""A store of objects in memory: what the driver over objects is proved on, with any limits."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import Literal

from typing_extensions import override

from regstore._run import BlockingRuntime, Runtime
from regstore.driver import ANY, Capabilities, Condition, Content, FileInfo
from regstore.drivers.objects.port import (
    Limits,
    Listing,
    ObjectBody,
    ObjectStore,
    Part,
    Session,
)
from regstore.errors import (
    DriverError,
    InvalidOffsetError,
    PathExistsError,
    PathNotFoundError,
    PreconditionFailedError,
)

_BODY_BYTES = 256 << 10

Sessions = dict[str, tuple[Session, dict[int, bytes]]]
"""Sessions under way and their parts, by token."""


class MemoryObjects(ObjectStore):
    """Objects and unfinished sessions in dictionaries, with the manners of S3.

    Equal content has equal versions; deleting nothing is no error; a session that is not ended
    stays. Two of them that share *contents* are as two processes on one bucket.

    :ivar requests: how often each method was called, by name.
    :param limits: those of S3 by default.
    :param guard: a lock, where threads share *contents*.
    """

    name = "memory-objects"
    capabilities: Capabilities = Capabilities(
        atomic_put=True,
        stable_reads=True,
        conditional_create=True,
        conditional_replace=True,
        conditional_delete=True,
        conditional_commit=True,
        conditional_copy=True,
        source_pinned_copy=True,
        server_side_copy=True,
        parked_notes=True,
        resume_scope="process",
        read_after_write=True,
        read_after_overwrite=True,
        list_after_write=True,
        staleness_bound=0.0,
        listing_start_after=True,
        ghost_directories=True,
        clock_resolution=1e-6,
    )

    def __init__(
        self,
        contents: dict[str, Content] | None = None,
        sessions: Sessions | None = None,
        limits: Limits | None = None,
        runtime: Runtime | None = None,
        guard: AbstractContextManager[object] | None = None,
    ) -> None:
        self.contents: dict[str, Content] = {} if contents is None else contents
        self.open_sessions: Sessions = {} if sessions is None else sessions
        self.limits: Limits = limits or Limits(min_part=5 << 20, keeps_sessions=True)
        self.runtime: Runtime = runtime or BlockingRuntime()
        self.requests: dict[str, int] = {}
        self._guard = guard or nullcontext()

    @override
    async def head(self, key: str) -> FileInfo:
        self._count("head")
        return self._info(key)

    @override
    async def get(self, key: str) -> Content:
        self._count("get")
        return self._find(key)

    @override
    async def open(
        self, key: str, start: int = 0, length: int | None = None, version: str | None = None
    ) -> ObjectBody:
        self._count("open")
        info = self._info(key)
        if version not in {None, info.version}:
            raise PreconditionFailedError(key, self.name)
        if start >= info.size and (start or length is not None):
            raise InvalidOffsetError(key, start, self.name)
        stop = info.size if length is None else start + length
        return _Body(info, self._find(key).data[start:stop])

    @override
    async def put(self, key: str, data: bytes, condition: Condition = ANY) -> str:
        self._count("put")
        with self._guard:
            self._check(key, condition)
            return self._store(key, data)

    @override
    async def delete(self, key: str, condition: Condition = ANY) -> None:
        self._count("delete")
        with self._guard:
            if key not in self.contents and self.limits.tells_missing:
                raise PathNotFoundError(key, self.name)
            if condition.kind != "any":
                self._check(key, condition)
            self._remove(key)

    @override
    async def delete_many(self, keys: Sequence[str]) -> None:
        self._count("delete_many")
        if len(keys) > self.limits.delete_batch:
            raise DriverError("", self.name, f"{len(keys)} keys in one batch")
        for key in keys:
            self._remove(key)

    @override
    async def list(
        self,
        prefix: str,
        *,
        delimited: bool = False,
        start_after: str | None = None,
        token: str | None = None,
        limit: int | None = None,
    ) -> Listing:
        self._count("list")
        after = token or start_after or ""
        entries: dict[str, FileInfo | None] = {}
        more = False
        for key in sorted({*self.contents}):
            folded = _fold(key, prefix) if delimited else None
            entry = folded or key
            if not key.startswith(prefix) or entry <= after or entry in entries:
                continue
            if len(entries) == (limit or self.limits.list_page):
                more = True
                break
            entries[entry] = None if folded else self._info(key)
        objects = tuple(info for info in entries.values() if info is not None)
        prefixes = tuple(entry for entry, info in entries.items() if info is None)
        return Listing(objects, prefixes, max(entries) if more else None)

    @override
    async def copy(
        self,
        source: str,
        destination: str,
        condition: Condition = ANY,
        source_version: str | None = None,
    ) -> str:
        self._count("copy")
        with self._guard:
            found = self._find(source)
            if source_version not in {None, found.version}:
                raise PreconditionFailedError(source, self.name)
            self._check(destination, condition)
            return self._store(destination, found.data)

    @override
    async def begin(self, key: str, scratch: str) -> Session:
        self._count("begin")
        session = Session(key, f"{self.runtime.random.getrandbits(64):x}", scratch)
        self.open_sessions[session.token] = (session, {})
        return session

    @override
    async def put_part(self, session: Session, number: int, data: bytes) -> Part:
        self._count("put_part")
        self._parts(session)[number] = bytes(data)
        return Part(number, len(data), _digest(data))

    @override
    async def copy_part(
        self, session: Session, number: int, source: FileInfo, start: int, length: int
    ) -> Part:
        self._count("copy_part")
        found = self._find(source.path)
        if found.version != source.version:
            raise PreconditionFailedError(source.path, self.name)
        data = found.data[start : start + length]
        self._parts(session)[number] = data
        return Part(number, len(data), _digest(data))

    @override
    async def complete(
        self, session: Session, parts: Sequence[Part], condition: Condition = ANY
    ) -> str:
        self._count("complete")
        taken = self._parts(session)
        data = [taken[part.number] for part in parts]
        if any(_digest(each) != part.tag for each, part in zip(data, parts, strict=True)):
            raise DriverError(session.key, self.name, "a part was replaced")
        if any(len(each) < self.limits.min_part for each in data[:-1]):
            raise DriverError(session.key, self.name, "a part is too small")
        with self._guard:
            self._check(session.key, condition)
            del self.open_sessions[session.token]
            return self._store(session.key, b"".join(data), f"-{len(data)}")

    @override
    async def abort(self, session: Session, parts: Sequence[Part]) -> None:
        self._count("abort")
        self.open_sessions.pop(session.token, None)

    @override
    async def sessions(self, prefix: str) -> Sequence[Session]:
        self._count("sessions")
        found = (session for session, _ in self.open_sessions.values())
        return [session for session in found if session.key.startswith(prefix)]

    @override
    async def sign(
        self, key: str, method: Literal["GET", "HEAD"], expires: timedelta, filename: str | None
    ) -> None:
        """Sign nothing: nobody can reach this memory."""

    @override
    async def aclose(self) -> None:
        """Do nothing: there is nothing to release."""

    def _count(self, request: str) -> None:
        self.requests[request] = self.requests.get(request, 0) + 1

    def _find(self, key: str) -> Content:
        if key not in self.contents:
            raise PathNotFoundError(key, self.name)
        return self.contents[key]

    def _info(self, key: str) -> FileInfo:
        found = self._find(key)
        return FileInfo(key, len(found.data), found.modified, found.version)

    def _check(self, key: str, condition: Condition) -> None:
        found = self.contents.get(key)
        if condition.kind == "absent" and found is not None:
            raise PathExistsError(key, self.name)
        if condition.kind == "version" and (found is None or found.version != condition.version):
            raise PreconditionFailedError(key, self.name)

    def _store(self, key: str, data: bytes, suffix: str = "") -> str:
        version = _digest(data) + suffix
        self.contents[key] = Content(bytes(data), version, self.runtime.now())
        return version

    def _remove(self, key: str) -> None:
        self.contents.pop(key, None)

    def _parts(self, session: Session) -> dict[int, bytes]:
        if session.token not in self.open_sessions:
            raise PathNotFoundError(session.key, self.name, "no such session")
        return self.open_sessions[session.token][1]


class _Body(ObjectBody):
    def __init__(self, info: FileInfo, data: bytes) -> None:
        self.info = info
        self._data = data

    @override
    async def read(self) -> bytes:
        chunk, self._data = self._data[:_BODY_BYTES], self._data[_BODY_BYTES:]
        return chunk

    @override
    async def aclose(self) -> None:
        self._data = b""


def _fold(key: str, prefix: str) -> str | None:
    """Return the common prefix that a delimited listing shows for *key*, if it folds it."""
    head, slash, _ = key[len(prefix) :].partition("/")
    return f"{prefix}{head}{slash}" if slash else None


def _digest(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
