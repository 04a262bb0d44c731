"""A driver over memory that counts what it is asked for, and how often in turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

import anyio
import anyio.lowlevel
from typing_extensions import override

from regstore.consistency.wrapper import WrapperDriver
from regstore.driver import (
    ANY,
    Capabilities,
    Condition,
    Content,
    FileInfo,
    FileReader,
    LoopRuntime,
)
from regstore.drivers.memory import MemoryDriver
from regstore.errors import PathNotFoundError
from tests.places import VirtualClock

T = TypeVar("T")

_PAGE = 1000
"""Names in a page of a listing on S3."""
_QUIET_TURNS = 10
"""Turns of the event loop without another call, after which those under way are all there are."""
_REQUESTS = {"delete": 6, "delete_file": 2, "stat, missing": 2}
"""What a call costs on S3 where it is not one request: there was something to be deleted or not;
what is missing may be a directory; a tree has parked content too, and uploads under way."""


@dataclass
class Cost:
    """What was asked of a store.

    :ivar calls: by the name of the method; a listing once for each 1,000 names.
    :ivar round_trips: calls that are under way at the same time are in one.
    """

    calls: Counter[str] = field(default_factory=Counter)
    round_trips: int = 0

    @property
    def requests(self) -> int:
        """What the calls cost on S3."""
        return sum(_REQUESTS.get(name, 1) * count for name, count in self.calls.items())


class Counting(WrapperDriver):
    """Holds every call back until those that are made at the same time have been made too.

    :ivar clock: the store's, and this process's.
    """

    def __init__(self) -> None:
        self.clock = VirtualClock()
        super().__init__(MemoryDriver(runtime=LoopRuntime(self.clock)))
        self.cost = Cost()
        self._under_way: anyio.Event | None = None

    @property
    @override
    def capabilities(self) -> Capabilities:  # type: ignore[override] # it is read-only
        """Like S3, which deletes without conditions."""
        return replace(super().capabilities, conditional_delete=False)

    async def measure(self, work: Awaitable[T]) -> tuple[Cost, T]:
        """Return what *work* cost, and its result."""
        self.cost = Cost()
        result = await work
        return self.cost, result

    async def _count(self, name: str) -> None:
        self.cost.calls[name] += 1
        if self._under_way is not None:
            await self._under_way.wait()
            return
        self._under_way = together = anyio.Event()
        self.cost.round_trips += 1
        await self._until_quiet()
        self._under_way = None
        together.set()

    async def _until_quiet(self) -> None:
        seen, quiet = 0, 0
        while quiet < _QUIET_TURNS:
            await anyio.lowlevel.checkpoint()
            calls = self.cost.calls.total()
            seen, quiet = calls, quiet + 1 if calls == seen else 0

    async def _counted(self, name: str, effect: Callable[[], Awaitable[T]]) -> T:
        await self._count(name)
        return await effect()

    @override
    async def stat(self, path: str, *, must_exist: bool = False) -> FileInfo:
        try:
            return await self._counted("stat", partial(super().stat, path, must_exist=must_exist))
        except PathNotFoundError:
            self.cost.calls.subtract(["stat"])
            self.cost.calls["stat, missing"] += 1
            raise

    @override
    async def get_content(self, path: str, *, must_exist: bool = False) -> Content:
        effect = partial(super().get_content, path, must_exist=must_exist)
        return await self._counted("get_content", effect)

    @override
    async def reader(
        self, path: str, offset: int = 0, length: int | None = None, *, must_exist: bool = False
    ) -> FileReader:
        effect = partial(super().reader, path, offset, length, must_exist=must_exist)
        return await self._counted("reader", effect)

    @override
    async def put_content(self, path: str, data: bytes, condition: Condition = ANY) -> str | None:
        effect = partial(super().put_content, path, data, condition)
        return await self._counted("put_content", effect)

    @override
    async def delete(self, path: str) -> None:
        await self._counted("delete", partial(super().delete, path))

    @override
    async def delete_file(
        self, path: str, condition: Condition = ANY, *, missing_ok: bool = False
    ) -> None:
        effect = partial(super().delete_file, path, condition, missing_ok=missing_ok)
        name = "delete_file, missing_ok" if missing_ok else "delete_file"
        await self._counted(name, effect)

    @override
    async def list(
        self, path: str, start_after: str | None = None, limit: int | None = None
    ) -> AsyncGenerator[str, None]:
        await self._count("list")
        async with aclosing(super().list(path, start_after, limit)) as names:
            count = 0
            async for name in names:
                if count and count % _PAGE == 0:
                    await self._count("list")
                count += 1
                yield name

    @override
    async def walk(self, path: str) -> AsyncGenerator[FileInfo, None]:
        await self._count("walk")
        async with aclosing(super().walk(path)) as files:
            async for info in files:
                yield info
