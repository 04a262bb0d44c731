"""Bound how much a store is asked at once."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final, TypeVar

from typing_extensions import override

from regstore.consistency.intercepted import Effect, Intercepted
from regstore.consistency.wrapper import WrapperReader, WrapperWriter
from regstore.driver import ANY, Condition, FileReader, FileWriter, Limiter, StorageDriver
from regstore.errors import ThrottledError

T = TypeVar("T")

_WAIT: Final = 60.0


class Throttled(Intercepted):
    """Lets *limit* calls through at a time, and *streams* readers and writers be open.

    A call waits for its turn: one step of a reader, writer or listing is a call. A reader keeps its
    place among the streams from its opening until it is closed, a writer until it is parked,
    committed or cancelled, in vain too; one that nobody ends keeps it until it is collected.
    Streams have places of their own, so that slow clients hold up other streams at most, and never
    a call.

    Counted for each event loop apart. Where calls block, and so come one after another in each
    thread, nothing is bounded: bound the threads.

    Opening a reader or writer raises, beyond what the driver raises:

    :raises ThrottledError: no stream has ended for *wait* seconds. Callers that each hold one
        stream while they open another can wait for each other: let *streams* be twice their number.

    :param inner: the driver to forward to; closing the wrapper closes it.
    :param limit: calls at a time.
    :param streams: open readers and writers at a time; as many as *limit* by default.
    :param wait: seconds.
    """

    def __init__(
        self,
        inner: StorageDriver,
        limit: int = 64,
        *,
        streams: int | None = None,
        wait: float = _WAIT,
    ) -> None:
        super().__init__(inner)
        self._calls = inner.runtime.limiter(limit)
        self._streams = inner.runtime.limiter(limit if streams is None else streams)
        self._wait = wait

    @override
    async def make(self, method: str, path: str, effect: Effect[T]) -> T:
        async with self._calls:
            return await effect()

    @override
    async def follow(
        self, method: str, path: str, items: AsyncGenerator[T, None]
    ) -> AsyncGenerator[T, None]:
        async with aclosing(items):
            while True:
                async with self._calls:
                    item = await anext(items, None)
                if item is None:
                    return
                yield item

    @override
    async def reader(
        self, path: str, offset: int = 0, length: int | None = None, *, must_exist: bool = False
    ) -> FileReader:
        place = await self._take(path)
        try:
            reader = await super().reader(path, offset, length, must_exist=must_exist)
        except BaseException:
            place.leave()
            raise
        return _Reader(reader, place)

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
        place = await self._take(path)
        try:
            writer = await super().writer(
                path, append=append, begin=begin, at_least=at_least, destination=destination
            )
        except BaseException:
            place.leave()
            raise
        return _Writer(writer, place)

    async def _take(self, path: str) -> _Place:
        try:
            await self.runtime.within(self._wait, self._streams.acquire())
        except TimeoutError as error:
            detail = f"as many streams as are allowed were open for {self._wait:g} s: close some"
            failure = ThrottledError(path, self.name, detail)
            raise failure from error
        return _Place(self._streams)


class _Place:
    """A place among the streams; leaving it is harmless when repeated."""

    def __init__(self, streams: Limiter) -> None:
        self._streams = streams
        self._release_anywhere = streams.releaser()
        self._is_taken = True

    def leave(self) -> None:
        if self._is_taken:
            self._is_taken = False
            self._streams.release()

    def __del__(self) -> None:
        # Garbage is collected in any thread: of a stream that its caller has dropped, say.
        if self._is_taken:
            self._is_taken = False
            self._release_anywhere()


class _Reader(WrapperReader):
    def __init__(self, inner: FileReader, place: _Place) -> None:
        super().__init__(inner)
        self._place = place

    @override
    async def aclose(self) -> None:
        # Never waits for a turn: it makes room for others.
        try:
            await super().aclose()
        finally:
            self._place.leave()


class _Writer(WrapperWriter):
    def __init__(self, inner: FileWriter, place: _Place) -> None:
        super().__init__(inner)
        self._place = place

    @override
    async def park(self, note: bytes = b"") -> None:
        try:
            await super().park(note)
        finally:
            self._place.leave()

    @override
    async def commit(
        self, to: str | None = None, condition: Condition = ANY, *, keep_parked: bool = False
    ) -> str | None:
        try:
            return await super().commit(to, condition, keep_parked=keep_parked)
        finally:
            self._place.leave()

    @override
    async def cancel(self) -> None:
        try:
            await super().cancel()
        finally:
            self._place.leave()
