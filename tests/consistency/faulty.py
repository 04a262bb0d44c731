"""A store that fails as stores in the field do: refuses, stalls, loses requests and answers."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Literal, TypeVar

from typing_extensions import override

from regstore.consistency import WrapperDriver, WrapperReader, WrapperWriter
from regstore.driver import (
    ANY,
    Condition,
    Content,
    FileInfo,
    FileReader,
    FileWriter,
    StorageDriver,
)
from regstore.errors import TransientError

T = TypeVar("T")

Fault = Literal["refused", "request lost", "answer lost"]
"""The first is known to have had no effect. Of the others nobody knows; the last one has had it."""
REFUSED: tuple[Fault, ...] = ("refused",)
ANSWERED: tuple[Fault, ...] = ("refused", "answer lost")
ALL: tuple[Fault, ...] = ("refused", "request lost", "answer lost")
PAGE = 20
"""Items of a listing that one request brings."""


class Faulty(WrapperDriver):
    """Fails with what is next in :attr:`plan`, then with a seeded chance.

    :ivar plan: what becomes of the next requests; ``None`` lets one through.
    :ivar requests: how many came, by method.
    """

    def __init__(self, inner: StorageDriver, rate: float = 0.0, seed: int = 0) -> None:
        super().__init__(inner)
        self.plan: Sequence[Fault | Exception | None] = ()
        self.requests: Counter[str] = Counter()
        self._rate = rate
        self._random = random.Random(seed)

    async def ask(
        self, method: str, path: str, kinds: tuple[Fault, ...], make: Callable[[], Awaitable[T]]
    ) -> T:
        """Make a request, or fail in one of *kinds* of ways."""
        fault = self._next(method, kinds)
        if isinstance(fault, Exception):
            raise fault
        if fault == "refused":
            raise TransientError(path, self.name, "refused")
        if fault == "request lost":
            raise TransientError(path, self.name, "request lost", outcome_unknown=True)
        value = await make()
        if fault == "answer lost":
            raise TransientError(path, self.name, "answer lost", outcome_unknown=True)
        return value

    def _next(self, method: str, kinds: tuple[Fault, ...]) -> Fault | Exception | None:
        self.requests[method] += 1
        if self.plan:
            fault, *self.plan = self.plan
            return fault
        return self._random.choice(kinds) if self._random.random() < self._rate else None

    @override
    async def stat(self, path: str, *, must_exist: bool = False) -> FileInfo:
        return await self.ask("stat", path, ALL, lambda: self._inner.stat(path))

    @override
    async def get_content(self, path: str, *, must_exist: bool = False) -> Content:
        return await self.ask("get_content", path, ALL, lambda: self._inner.get_content(path))

    @override
    async def reader(
        self, path: str, offset: int = 0, length: int | None = None, *, must_exist: bool = False
    ) -> FileReader:
        make = super().reader
        inner = await self.ask("reader", path, ALL, lambda: make(path, offset, length))
        return _Reader(inner, self)

    @override
    async def put_content(self, path: str, data: bytes, condition: Condition = ANY) -> str | None:
        kinds = {"any": ALL, "absent": ANSWERED, "version": REFUSED}[condition.kind]
        return await self.ask(
            "put_content", path, kinds, lambda: self._inner.put_content(path, data, condition)
        )

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
        async def make() -> FileWriter:
            return await self._inner.writer(
                path, append=append, begin=begin, at_least=at_least, destination=destination
            )

        return _Writer(await self.ask("writer", path, ALL, make), self, path)

    @override
    async def move(self, source: str, destination: str) -> None:
        await self.ask("move", source, ANSWERED, lambda: self._inner.move(source, destination))

    @override
    async def copy(
        self,
        source: str,
        destination: str,
        condition: Condition = ANY,
        source_version: str | None = None,
    ) -> str | None:
        kinds = ANSWERED if condition == ANY else REFUSED
        return await self.ask(
            "copy",
            source,
            kinds,
            lambda: self._inner.copy(source, destination, condition, source_version),
        )

    @override
    async def delete(self, path: str) -> None:
        await self.ask("delete", path, ANSWERED, lambda: self._inner.delete(path))

    @override
    async def delete_file(
        self, path: str, condition: Condition = ANY, *, missing_ok: bool = False
    ) -> None:
        kinds = ANSWERED if condition == ANY else REFUSED
        await self.ask(
            "delete_file",
            path,
            kinds,
            lambda: self._inner.delete_file(path, condition, missing_ok=missing_ok),
        )

    @override
    def list(
        self, path: str, start_after: str | None = None, limit: int | None = None
    ) -> AsyncGenerator[str, None]:
        return self._listing("list", path, self._inner.list(path, start_after, limit))

    @override
    def walk(self, path: str) -> AsyncGenerator[FileInfo, None]:
        return self._listing("walk", path, self._inner.walk(path))

    async def _listing(
        self, method: str, path: str, items: AsyncGenerator[T, None]
    ) -> AsyncGenerator[T, None]:
        """Fail at a page; what a lost answer has told is lost."""
        given = 0
        while True:

            async def make() -> T | None:
                return await anext(items, None)

            item = await (make() if given % PAGE else self.ask(method, path, ALL, make))
            if item is None:
                return
            given += 1
            yield item


class _Reader(WrapperReader):
    def __init__(self, inner: FileReader, driver: Faulty) -> None:
        super().__init__(inner)
        self._driver = driver

    @override
    async def read(self) -> bytes:
        return await self._driver.ask("read", self.info.path, ALL, self._inner.read)


class _Writer(WrapperWriter):
    def __init__(self, inner: FileWriter, driver: Faulty, path: str) -> None:
        super().__init__(inner)
        self._driver = driver
        self._path = path

    @override
    async def write(self, data: bytes | bytearray | memoryview, offset: int | None = None) -> None:
        await self._driver.ask("write", self._path, ALL, lambda: self._inner.write(data, offset))

    @override
    async def park(self, note: bytes = b"") -> None:
        await self._driver.ask("park", self._path, ALL, lambda: self._inner.park(note))

    @override
    async def commit(
        self, to: str | None = None, condition: Condition = ANY, *, keep_parked: bool = False
    ) -> str | None:
        return await self._driver.ask(
            "commit",
            self._path,
            ALL if condition == ANY else REFUSED,
            lambda: self._inner.commit(to, condition, keep_parked=keep_parked),
        )

    @override
    async def cancel(self) -> None:
        await self._driver.ask("cancel", self._path, ALL, self._inner.cancel)
