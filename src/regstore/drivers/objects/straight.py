"""Writing content to the place that it is meant for, unseen until it is whole."""

from __future__ import annotations

from typing_extensions import override

from regstore._tasks import Limiter
from regstore.driver import Condition, check_path
from regstore.drivers.objects import assembly
from regstore.drivers.objects.buffered import BufferedWriter
from regstore.drivers.objects.feed import Feed
from regstore.drivers.objects.naming import ParkedPlace
from regstore.drivers.objects.port import ObjectStore
from regstore.drivers.objects.sessions import KnownSession
from regstore.errors import UnsupportedMethodError


class StraightWriter(BufferedWriter):
    """Sends parts to *destination*; what is small goes there in one request, at the commit.

    It cannot be parked, nor committed elsewhere. A session that the store would keep for ever is
    recorded beside what is parked at *path*, so that whoever deletes that ends it.
    """

    def __init__(self, store: ObjectStore, path: str, destination: str, slots: Limiter) -> None:
        super().__init__(store, path, slots)
        self._destination = destination
        self._session = KnownSession(store, destination, ParkedPlace.of(path))
        self._assembled: str | None = None
        self._version: str | None = None

    @override
    async def _park(self, note: bytes) -> None:
        detail = "content that goes straight to its destination cannot be parked: commit or cancel"
        raise UnsupportedMethodError(self._path, self._driver, detail)

    @override
    async def _commit(
        self, to: str | None, condition: Condition, *, keep_parked: bool
    ) -> str | None:
        target = self._path if to is None else check_path(to, self._driver)
        assembly.require_conditional_commit(self._store, target, condition)
        if target != self._destination:
            detail = f"this writer was opened for {self._destination!r} alone"
            raise UnsupportedMethodError(target, self._driver, detail)
        if self._version is None:
            self._version = await self._publish(condition)
        await self._session.forget()
        return self._version

    @override
    async def _cancel(self) -> None:
        parts = await self._feed.drop() if self._feed else []
        await self._session.end(parts)
        self._feed = None

    async def _publish(self, condition: Condition) -> str:
        if self._feed is None:
            return await self._store.put(self._destination, bytes(self._buffer), condition)
        if self._assembled is None:
            self._assembled = await self._assemble(self._feed, condition)
        key, size = self._destination, self._size
        version = await assembly.verified(self._store, key, size, self._assembled)
        self._feed = None
        return version

    async def _assemble(self, feed: Feed, condition: Condition) -> str:
        if self._buffer:
            await self._send()
        parts = await feed.parts()
        return await assembly.complete(self._store, feed.session, parts, self._size, condition)

    @override
    async def _send(self) -> None:
        if self._feed is None:
            self._feed = Feed(self._store, await self._session.begin(), self._slots)
        await self._feed.send(bytes(self._buffer))
        self._buffer.clear()
