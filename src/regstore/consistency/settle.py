"""Read-your-writes on stores that lag behind their writes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import TypeVar

from typing_extensions import override

from regstore.consistency.journal import Entry, Journal
from regstore.consistency.promise import Consistency
from regstore.consistency.settled_listings import SettledListings
from regstore.consistency.settled_reads import Asked, Seen, SettledReads, described, look_at_info
from regstore.consistency.settled_writes import SettledWriter, SettledWrites
from regstore.consistency.trust import Settling, Trust, Violation
from regstore.consistency.wrapper import WrapperDriver
from regstore.driver import (
    ANY,
    EPOCH,
    Capabilities,
    Condition,
    Content,
    FileInfo,
    FileReader,
    FileWriter,
    StorageDriver,
)
from regstore.errors import InvalidOffsetError, PathNotFoundError

T = TypeVar("T")


def no_deadline() -> float | None:
    """Say that the caller has all the time it takes."""
    return None


class Settled(WrapperDriver):
    """Lets this process read what it has written, and miss what it has deleted.

    It keeps a journal of its own writes and deletions, bounded and for some seconds. A read that
    misses one of these, or shows another version, is made again, after growing pauses: until the
    store shows it, until *bound* seconds after the write, when everyone sees the truth, or until
    the caller's deadline. So is a miss where the caller says ``must_exist``. Any other miss costs
    one read. Listings are laid over with the journal. Nothing is asked before a write, an absence
    is never remembered, and on a store that does not lag no request is added.

    A wait that ends with the bound ends with the truth: ``PathNotFoundError`` then means that what
    was written is gone. Where that is not certain, small own content is answered from the journal,
    and else it is ``NotYetVisibleError``. Where nobody knows the bound, own writes are waited for
    ten seconds, and ``must_exist`` is not waited for: no time would prove anything.

    A store that is seen to break what it promises is reported to *hook*, and believed less from
    then on: :attr:`capabilities` is lowered, never raised, and what must exist is waited for ten
    seconds, or twice the longest lag that broke the promise.

    Not promised: what other processes have written is seen when the store shows it, and may be seen
    later again as it was; a ``copy`` that carries a stale source along, where
    ``source_pinned_copy`` is not kept; what the journal had no room for (``counters.evicted``).

    :param inner: the store.
    :param bound: seconds after which everyone sees a write; by default what *consistency* or the
        inner driver's capabilities say.
    :param consistency: lowers what is believed of the store.
    :param journal: of this process on this store, to be shared by several drivers of one root.
    :param hook: is told of violations, at once, in whatever thread or task saw them.
    :param left: returns the seconds that the caller still has, ``None`` if it has no deadline.
    :param trust: what is believed of the store, shared with others, in place of *bound*,
        *consistency* and *hook*.
    """

    def __init__(
        self,
        inner: StorageDriver,
        bound: float | None = None,
        *,
        consistency: Consistency | None = None,
        journal: Journal | None = None,
        hook: Callable[[Violation], object] | None = None,
        left: Callable[[], float | None] = no_deadline,
        trust: Trust | None = None,
    ) -> None:
        super().__init__(inner)
        if bound is not None:
            consistency = Consistency.parse(Consistency("eventual", bound)) if bound else None
        self._journal = Journal() if journal is None else journal
        self._trust = trust or Trust(inner, consistency, hook)
        self._reads = SettledReads(inner, self._journal, self._trust, left)
        self._listings = SettledListings(inner, self, self._journal, self._trust)
        self._writes = SettledWrites(inner, self._journal, self._trust, left)

    @property
    @override
    def capabilities(self) -> Capabilities:  # type: ignore[override] # as in WrapperDriver
        """What everybody may count on, not this process alone."""
        return self._trust.capabilities

    @property
    def counters(self) -> Settling:
        """What has been seen so far, as a copy."""
        return replace(
            self._trust.seen, evicted=self._journal.evicted + self._journal.parked.evicted
        )

    @override
    async def get_content(self, path: str, *, must_exist: bool = False) -> Content:
        if self._known(path) is None and not must_exist:
            return await self._inner.get_content(path)
        read = partial(self._inner.get_content, path, must_exist=must_exist)
        asked = Asked(path, read, _look_at_content, remembered=_content)
        return await self._reads.read(asked, must_exist=must_exist)

    @override
    async def reader(
        self, path: str, offset: int = 0, length: int | None = None, *, must_exist: bool = False
    ) -> FileReader:
        if self._known(path) is None and not must_exist:
            return await self._inner.reader(path, offset, length)

        async def read() -> FileReader:
            try:
                return await self._inner.reader(path, offset, length, must_exist=must_exist)
            except InvalidOffsetError as error:
                entry = self._journal.find(path)
                size = entry.size if entry is not None and entry.kind == "put" else None
                if size is None or not 0 < offset <= size:
                    raise
                detail = f"an older version ends before byte {offset}"
                raise PathNotFoundError(path, self.name, detail) from error

        asked = Asked(path, read, _look_at_reader, give_up=_close)
        return await self._reads.read(asked, must_exist=must_exist)

    @override
    async def stat(self, path: str, *, must_exist: bool = False) -> FileInfo:
        entry = self._known(path)
        try:
            if not must_exist and entry is None:
                info = await self._inner.stat(path)
            else:
                info = await self._reads.read(self._stat(path, must_exist), must_exist=must_exist)
        except PathNotFoundError:
            if self._has_own_below(path):
                return FileInfo(path, 0, EPOCH, "", is_dir=True)
            raise
        if info.is_dir and path and not self.capabilities.list_after_write:
            await self._require_directory(path)
        return info

    def _known(self, path: str) -> Entry | None:
        """Return what this process did to *path* of late."""
        self._writes.expire()
        return self._journal.find(path) or self._journal.missed.find(path)

    def _stat(self, path: str, must_exist: bool) -> Asked[FileInfo]:  # noqa: FBT001 - passed on
        read = partial(self._inner.stat, path, must_exist=must_exist)
        return Asked(path, read, look_at_info, remembered=partial(described, path))

    def _has_own_below(self, path: str) -> bool:
        if self.capabilities.list_after_write:
            return False
        return any(entry.kind == "put" for entry in self._listings.own_below(path).values())

    async def _require_directory(self, path: str) -> None:
        """Raise where all that lay below *path* was deleted here, and the store is behind."""
        if self._listings.own_below(path) or self._listings.is_swept(path):
            async with aclosing(self._listings.list(path, None, 1)) as names:
                async for _ in names:
                    return

    @override
    def list(
        self, path: str, start_after: str | None = None, limit: int | None = None
    ) -> AsyncGenerator[str, None]:
        self._writes.expire()
        return self._listings.list(path, start_after, limit)

    @override
    def walk(self, path: str) -> AsyncGenerator[FileInfo, None]:
        self._writes.expire()
        return self._listings.walk(path)

    @override
    async def put_content(self, path: str, data: bytes, condition: Condition = ANY) -> str | None:
        begun = self._writes.begin()
        try:
            version = await self._inner.put_content(path, data, condition)
        except BaseException as error:
            self._writes.failed(path, error)
            raise
        self._writes.put(path, begun, version, len(data), data)
        return version

    @override
    async def writer(
        self,
        path: str,
        *,
        append: bool = False,
        begin: bool = False,
        at_least: int = 0,
        destination: str | None = None,
    ) -> FileWriter:
        opening = partial(self._inner.writer, path, append=append, begin=begin)
        opening = partial(opening, destination=destination)
        if append:
            writer = await self._writes.resumed(path, at_least, opening)
        else:
            writer = await opening(at_least=at_least)
        return SettledWriter(writer, path, self._writes)

    @override
    async def move(self, source: str, destination: str) -> None:
        moved, begun = self._journal.find(source), self._writes.begin()
        try:
            await self._writes.from_source(source, partial(self._inner.move, source, destination))
        except BaseException as error:
            self._writes.failed(destination, error)
            self._writes.failed(source, error)
            raise
        if source != destination:
            self._writes.put(destination, begun, None, *_content_of(moved))
            self._writes.deleted(source, begun)

    @override
    async def copy(
        self,
        source: str,
        destination: str,
        condition: Condition = ANY,
        source_version: str | None = None,
    ) -> str | None:
        copied, begun = self._journal.find(source), self._writes.begin()
        copy = partial(self._inner.copy, source, destination, condition)
        try:
            version = await self._writes.copied(source, source_version, copy)
        except BaseException as error:
            self._writes.failed(destination, error)
            raise
        self._writes.put(destination, begun, version, *_content_of(copied))
        return version

    @override
    async def delete(self, path: str) -> None:
        await self._writes.delete_tree(path, self._listings.own_below(path))

    @override
    async def delete_file(
        self, path: str, condition: Condition = ANY, *, missing_ok: bool = False
    ) -> None:
        begun = self._writes.begin()
        delete = partial(self._inner.delete_file, path, condition, missing_ok=missing_ok)
        try:
            await self._writes.from_source(path, delete)
        except BaseException as error:
            self._writes.failed(path, error)
            raise
        self._writes.deleted(path, begun, condition.version or None)


def _look_at_content(content: Content) -> Seen:
    return Seen(content.version, content.modified, len(content.data), content.data)


def _look_at_reader(reader: FileReader) -> Seen:
    return look_at_info(reader.info)


def _close(reader: FileReader) -> Awaitable[None]:
    return reader.aclose()


def _content(entry: Entry) -> Content | None:
    if entry.body is None or not entry.version:
        return None
    return Content(entry.body, entry.version, entry.modified or entry.written)


def _content_of(entry: Entry | None) -> tuple[int | None, bytes | None]:
    """Return size and body of what was copied, as far as they are known."""
    if entry is None or entry.kind != "put":
        return None, None
    return entry.size, entry.body
