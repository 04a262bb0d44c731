"""Streams that go on where a failure has cut them: readers, writers and listings."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from functools import partial
from typing import Final, Protocol, TypeVar

from typing_extensions import override

from regstore.consistency.attempts import Attempts, Turns, is_passing, repeatable
from regstore.consistency.outcomes import Outcome, Unknown
from regstore.consistency.resolve import is_content
from regstore.consistency.wrapper import WrapperReader, WrapperWriter
from regstore.driver import ANY, Condition, FileInfo, FileReader, FileWriter, StorageDriver
from regstore.errors import (
    DriverError,
    IncompleteReadError,
    PathNotFoundError,
    PreconditionFailedError,
    TransientError,
)

T = TypeVar("T")

_REMEMBERED: Final = 100_000
"""Paths that a walk remembers, at most: some 15 MB."""


class ResumedReader(WrapperReader):
    """Opens the object again where the body broke off, if it still is the same version.

    Content under its digest is the same in each version that is as large.
    """

    def __init__(
        self,
        driver: StorageDriver,
        attempts: Attempts,
        inner: FileReader,
        offset: int,
        length: int | None,
    ) -> None:
        super().__init__(inner)
        self._driver = driver
        self._attempts = attempts
        self._next = offset
        self._end = None if length is None else offset + length
        self._is_lost = False
        self._is_closed = False

    @override
    async def read(self) -> bytes:
        if self._is_closed:
            return await self._inner.read()
        chunk = await self._attempts.read(self.info.path, self._read)
        self._next += len(chunk)
        return chunk

    @override
    async def aclose(self) -> None:
        self._is_closed = True
        await self._inner.aclose()

    async def _read(self) -> bytes:
        if self._is_lost:
            await self._reopen()
        # Whoever is cancelled here does not know either how far the body was read.
        self._is_lost = True
        try:
            chunk = await self._inner.read()
        except PreconditionFailedError as error:
            if not is_content(self.info.path):
                raise
            detail = "it was replaced while it was read, by the same content"
            raise TransientError(self.info.path, self._driver.name, detail) from error
        self._is_lost = False
        return chunk

    async def _reopen(self) -> None:
        path = self.info.path
        with suppress(DriverError):  # it has failed, and is let go
            await self._inner.aclose()
        rest = None if self._end is None else self._end - self._next
        try:
            inner = await self._driver.reader(path, self._next, rest, must_exist=True)
        except PathNotFoundError as error:
            if self._driver.capabilities.lag:  # it was there, and whoever answers now may be behind
                detail = "it does not show any more: try again"
                raise TransientError(path, self._driver.name, detail) from error
            raise self._replaced("deleted") from error
        before, self._inner = self.info, inner
        is_same = is_content(path) and inner.info.size == before.size
        if inner.info.version != before.version and not is_same:
            raise self._replaced("replaced")

    def _replaced(self, how: str) -> PreconditionFailedError:
        detail = f"{how} while it was read: read it again from its beginning"
        return PreconditionFailedError(self.info.path, self._driver.name, detail)


class ResumedWriter(WrapperWriter):
    """Repeats its steps; a write goes on with the bytes that the writer has not taken."""

    def __init__(self, inner: FileWriter, attempts: Attempts, path: str) -> None:
        super().__init__(inner)
        self._attempts = attempts
        self._path = path

    @override
    async def write(self, data: bytes | bytearray | memoryview, offset: int | None = None) -> None:
        inner = self._inner
        target = inner.size if offset is None else offset
        is_first = True

        async def step() -> None:
            nonlocal is_first
            if is_first:
                is_first = False
                await inner.write(data, offset)
            elif (taken := inner.size - target) <= 0:
                await inner.write(data, target)
            elif rest := memoryview(data).cast("B")[taken:]:
                await inner.write(rest)

        # Nothing is acknowledged for good before it is parked: a refusal tells all there is.
        await self._attempts.read(self._path, step)

    @override
    async def park(self, note: bytes = b"") -> None:
        await self._attempts.change(self._path, lambda: self._inner.park(note), repeatable)

    @override
    async def commit(
        self, to: str | None = None, condition: Condition = ANY, *, keep_parked: bool = False
    ) -> str | None:
        async def settle(error: TransientError) -> Outcome[str | None]:
            return await repeatable(error) if condition.kind == "any" else Unknown(error)

        return await self._attempts.change(
            self._path,
            lambda: self._inner.commit(to, condition, keep_parked=keep_parked),
            settle,
        )

    @override
    async def cancel(self) -> None:
        await self._attempts.clean(self._inner.cancel)


class Position(Protocol[T]):
    """How far a listing has come."""

    can_resume: bool

    def begin(self) -> AsyncGenerator[T, None]:
        """List what has not been given, and perhaps more."""
        ...

    def take(self, item: T) -> bool:
        """Note that *item* is given now; ``False`` where it was given before."""
        ...


class Names:
    """Where a list stands: at the last name given."""

    can_resume: bool = True

    def __init__(
        self, driver: StorageDriver, path: str, start_after: str | None, limit: int | None
    ) -> None:
        self._driver = driver
        self._path = path
        self._last = start_after
        self._left = limit

    def begin(self) -> AsyncGenerator[str, None]:
        """List the names after the last one."""
        return self._driver.list(self._path, self._last, self._left)

    def take(self, item: str) -> bool:
        """Note that *item* is the last one now."""
        self._last = item
        if self._left is not None:
            self._left -= 1
        return True


class Files:
    """Where a walk stands: it has no order, so only what was given tells."""

    can_resume: bool = True

    def __init__(self, driver: StorageDriver, path: str) -> None:
        self._driver = driver
        self._path = path
        self._given: set[str] = set()

    def begin(self) -> AsyncGenerator[FileInfo, None]:
        """Walk all of it."""
        return self._driver.walk(self._path)

    def take(self, item: FileInfo) -> bool:
        """Remember *item*, up to a bound; beyond it the walk cannot be resumed."""
        if not self.can_resume:
            return True
        if item.path in self._given:
            return False
        self._given.add(item.path)
        if len(self._given) > _REMEMBERED:
            self.can_resume = False
            self._given.clear()
        return True


async def _next(items: AsyncGenerator[T, None]) -> T | None:
    return await anext(items, None)


async def resumed(attempts: Attempts, path: str, position: Position[T]) -> AsyncGenerator[T, None]:
    """Yield the items of a listing, each once, begun again after each failure."""
    attempts.count()
    turns: Turns | None = None
    has_given = False
    while True:
        failure: DriverError | None = None
        async with aclosing(position.begin()) as items:
            while failure is None:
                try:
                    item = await attempts.once(path, partial(_next, items))
                except (TransientError, IncompleteReadError) as error:
                    if not position.can_resume or not is_passing(error):
                        raise
                    failure = error
                except PathNotFoundError:
                    if has_given:  # the rest was deleted meanwhile
                        return
                    raise
                else:
                    if item is None:
                        return
                    if position.take(item):
                        has_given, turns = True, None
                        yield item
        turns = turns or Turns(attempts)
        await turns.next(failure)
