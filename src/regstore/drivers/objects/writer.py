"""Writing content that can be parked: immutable chunks, named by one head record (A9)."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from itertools import islice
from typing import TypeVar

from typing_extensions import override

from regstore._tasks import Limiter
from regstore.driver import ANY, EPOCH, IF_ABSENT, Condition, Content, FileInfo, check_path
from regstore.drivers.objects import assembly
from regstore.drivers.objects.buffered import BufferedWriter
from regstore.drivers.objects.feed import Feed
from regstore.drivers.objects.heads import HeadClaim
from regstore.drivers.objects.lagging import until_there
from regstore.drivers.objects.naming import ParkedPlace
from regstore.drivers.objects.port import ObjectStore
from regstore.drivers.objects.records import Chunk, Head
from regstore.drivers.objects.sessions import KnownSession
from regstore.drivers.writer import Buffer
from regstore.errors import (
    DriverError,
    PathExistsError,
    PathNotFoundError,
    PreconditionFailedError,
    TransientError,
)

T = TypeVar("T")


class ObjectWriter(BufferedWriter):
    """Collects bytes, and sends them on in parts once they are more than one part.

    What it takes is one chunk, an object of its own name. ``park`` makes the head record name it;
    ``commit`` copies the chunks to their destination on the server, or sends what is small straight
    there.

    :param head: what was parked, which this writer goes on from.
    :param slots: bounds the parts in flight, of all writers together.
    """

    keeps_notes = True

    def __init__(self, store: ObjectStore, path: str, head: Head | None, slots: Limiter) -> None:
        self._place = ParkedPlace.of(path)
        self._chunks: list[Chunk] = list(head.record.chunks) if head else []
        note = head.record.note if head else b""
        size = sum(chunk.size for chunk in self._chunks)
        super().__init__(store, path, slots, size, note)
        self._claim = HeadClaim(store, path, self._place, head)
        self._sent = 0
        self._sending: KnownSession | None = None
        self._own: list[Chunk] = []
        self._replaced: list[Chunk] = []
        self._strays: set[str] = set()
        self._copying: KnownSession | None = None
        self._published: tuple[tuple[str, Condition], str] | None = None

    @override
    async def _append(self, data: Buffer) -> None:
        await self._take_back_short_tail()
        if self._feed is not None and not self._feed.parts_left:
            await self._flush()  # which has failed before
        await super()._append(data)

    @override
    async def _park(self, note: bytes) -> None:
        await self._flush()
        is_new = self._claim.head is None or bool(self._own or self._replaced)
        if is_new or note not in {b"", self._note}:
            await self._name_chunks(note)
        await delete_all(self._store, self._strays)
        self._strays.clear()

    @override
    async def _commit(
        self, to: str | None, condition: Condition, *, keep_parked: bool
    ) -> str | None:
        target = self._path if to is None else check_path(to, self._driver)
        assembly.require_conditional_commit(self._store, target, condition)
        if self._published is None or self._published[0] != (target, condition):
            version = await self._publish(target, condition, keep_parked=keep_parked)
            self._published = (target, condition), version
        if not keep_parked:
            await self._remove_rest(target)
        return self._published[1]

    async def _publish(self, target: str, condition: Condition, *, keep_parked: bool) -> str:
        if self._is_small():
            return await self._store.put(target, bytes(self._buffer), condition)
        await self._claim_content(keep_parked=keep_parked)
        sources = [_info(chunk) for chunk in self._chunks]
        if self._copying is not None:
            await self._copying.end([])
        elsewhere = target != self._path
        self._copying = KnownSession(self._store, target, self._place, is_recorded=elsewhere)
        return await assembly.concatenate(self._store, sources, target, self._copying, condition)

    @override
    async def _cancel(self) -> None:
        parts = await self._feed.drop() if self._feed else []
        if self._sending is not None:
            await self._sending.end(parts)
        if self._copying is not None:
            await self._copying.end([])
        doomed = self._strays | _keys(self._own)
        named = await self._claim.remove()
        if named is None:
            doomed |= _keys([*self._chunks, *self._replaced])
        await delete_all(self._store, doomed - (named or frozenset()))
        self._feed = self._sending = None

    @override
    async def _sweep(self) -> None:
        doomed = self._strays | _keys([*self._chunks, *self._replaced])
        if self._claim.head is not None:
            doomed.add(self._place.head)
        if self._copying is not None:
            await self._copying.settle()
            doomed |= self._copying.litter
        await delete_all(self._store, doomed)

    def _is_small(self) -> bool:
        """Whether nothing but this writer's memory holds what it has."""
        return not self._chunks and self._feed is None and self._claim.head is None

    @override
    async def _send(self) -> None:
        if self._feed is not None and self._feed.parts_left == 1:
            await self._flush()  # what comes after that is another chunk
            return
        if self._sending is None:
            key = self._place.chunk(self._store.runtime.random)
            self._sending = KnownSession(self._store, key, self._place, is_recorded=False)
            self._strays.add(key)
        if self._feed is None:
            self._feed = Feed(self._store, await self._sending.begin(), self._slots)
            self._sent = 0
        await self._sent_on(self._feed)

    async def _sent_on(self, feed: Feed) -> None:
        """Send what was collected as one more part."""
        await self._unless_lost(feed.send(bytes(self._buffer)))
        self._sent += len(self._buffer)
        self._buffer.clear()

    async def _flush(self) -> None:
        """Make one chunk of all that was taken, if there was anything."""
        if self._feed is not None and self._sending is not None:
            await self._sending.settle()
            chunk = await self._finish(self._feed)
            self._feed = self._sending = None
        elif self._buffer:
            chunk = await self._put()
        else:
            return
        self._strays.discard(chunk.key)
        self._buffer.clear()
        self._own.append(chunk)
        self._chunks.append(chunk)

    async def _put(self) -> Chunk:
        """Put a chunk, each time under another name: more may have come since one was not heard.

        Nothing replaces it where the store can see to that: if it arrived again, it would have
        another version than the record names.
        """
        condition = IF_ABSENT if self._store.capabilities.conditional_create else ANY
        key = self._place.chunk(self._store.runtime.random)
        self._strays.add(key)
        try:
            version = await self._store.put(key, bytes(self._buffer), condition)
        except PathExistsError:  # nobody else knows the name: it has arrived before, unheard
            version = await assembly.verified(self._store, key, len(self._buffer), None)
        return Chunk(key, len(self._buffer), version)

    async def _finish(self, feed: Feed) -> Chunk:
        if self._buffer:
            await self._sent_on(feed)
        parts = await self._unless_lost(feed.parts())
        completing = assembly.complete(self._store, feed.session, parts, self._sent)
        return Chunk(feed.session.key, self._sent, await self._unless_lost(completing))

    async def _unless_lost(self, step: Awaitable[T]) -> T:
        """Await *step*, which sends a chunk; say so where the store alone has lost it.

        Whoever is told of another writer leaves what is parked to that one.

        :raises TransientError: nobody has gone on, and what was sent is gone all the same.
        """
        try:
            return await step
        except PreconditionFailedError as error:
            if await self._claim.is_held():
                detail = "the store has lost what was sent: go on from what is parked"
                raise TransientError(self._path, self._driver, detail) from error
            raise

    async def _name_chunks(self, note: bytes) -> None:
        """Make the head record name what this writer has; from then on it is parked."""
        await self._claim.replace(tuple(self._chunks), note)
        self._note = note
        self._own.clear()
        self._strays |= _keys(self._replaced)
        self._replaced.clear()

    async def _claim_content(self, *, keep_parked: bool) -> None:
        """See that no other writer goes on from where this one began (A7)."""
        await self._flush()
        if self._claim.head is None:
            return  # nobody can have resumed what was never parked
        if self._own or not keep_parked:
            note = b"" if self._own else self._note
            await self._claim.replace(tuple(self._chunks), note)
            self._own.clear()

    async def _remove_rest(self, target: str) -> None:
        await self._sweep()
        if target != self._path:
            await self._store.delete_many([self._path])

    async def _take_back_short_tail(self) -> None:
        """Read a last chunk that is too short to have others after it, to send it again."""
        if self._own or self._buffer or self._feed or not self._chunks:
            return
        tail = self._chunks[-1]
        if tail.size >= self._store.limits.min_part:
            return
        content = await self._parked(tail)
        if len(content.data) != tail.size:
            detail = f"a chunk has {len(content.data)} bytes, not {tail.size}: cancel the upload"
            raise DriverError(tail.key, self._driver, detail)
        self._buffer += content.data
        self._replaced.append(self._chunks.pop())

    async def _parked(self, chunk: Chunk) -> Content:
        """Read a chunk; the record names it, so a store that lags shows it within its bound."""
        try:
            return await until_there(self._store, lambda: self._store.get(chunk.key))
        except PathNotFoundError:
            detail = "another writer or a deletion has taken over: resume it again"
            raise PreconditionFailedError(self._path, self._driver, detail) from None


def _keys(chunks: Iterable[Chunk]) -> set[str]:
    return {chunk.key for chunk in chunks}


def _info(chunk: Chunk) -> FileInfo:
    return FileInfo(chunk.key, chunk.size, EPOCH, chunk.version)


async def delete_all(store: ObjectStore, keys: Iterable[str]) -> None:
    """Delete objects, as many in one request as the store takes."""
    waiting = iter(sorted(keys))
    batches = iter(lambda: list(islice(waiting, store.limits.delete_batch)), [])
    await store.runtime.map(store.delete_many, batches, 4)
