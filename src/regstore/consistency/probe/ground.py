"""Where a probe works: a scratch directory, several drivers on it, and what they cost."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Final

from typing_extensions import override

from regstore.consistency.wrapper import WrapperDriver
from regstore.driver import ANY, Condition, Content, FileInfo, FileReader, FileWriter, StorageDriver
from regstore.errors import PathNotFoundError
from regstore.layout import ProbeScratch

OpenAnother = Callable[[], StorageDriver]

_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 1.0


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard a probe tries.

    :ivar writers: how many race for one key.
    :ivar rounds: how often each kind of race is run, and each look at what was just written.
    :ivar patience: seconds for which a write that is not visible at once is waited for.
    :ivar bulk: bytes of what a store is to take in parts, whose assembly many stores guard less
        than other writes; 0 leaves that out. It is written some ``2 + writers * rounds`` times.
    """

    writers: int = 4
    rounds: int = 3
    patience: float = 10.0
    bulk: int = 9 << 20


@dataclass(slots=True)
class Meter:
    """Counts the calls of the contract, over all drivers of one probe."""

    calls: int = 0


class Ground:
    """A fresh directory of a store, to be left as if nobody had been there.

    :param driver: the driver that is probed.
    :param open_another: opens another driver on the same store, with connections of its own.
    :param effort: how hard to try.
    """

    def __init__(self, driver: StorageDriver, open_another: OpenAnother, effort: Effort) -> None:
        self.effort = effort
        self.meter: Meter = Meter()
        self.driver: StorageDriver = Metered(driver, self.meter)
        self.directory: str = new_scratch(driver)
        self._open_another = open_another
        self._others: list[StorageDriver] = []
        self._names = 0

    def another(self) -> StorageDriver:
        """Return another driver on the store, which :meth:`leave` closes."""
        other = self._open_another()
        self._others.append(other)
        return Metered(other, self.meter)

    def fresh(self, name: str = "") -> str:
        """Return a path at which nothing ever lay."""
        self._names += 1
        return f"{self.directory}/{self._names}{name}"

    def body(self) -> bytes:
        """Return content that nobody ever wrote, as long as any other."""
        return new_body(self.driver)

    def bulky_body(self) -> bytes:
        """Return content that nobody ever wrote, so large that it goes in parts."""
        body = self.body()
        return body * (self.effort.bulk // len(body) or 1)

    async def put(self, path: str) -> str:
        """Write fresh content to *path* and return its version."""
        version = await self.driver.put_content(path, self.body())
        return version if version is not None else (await self.stat(path)).version

    async def stat(self, path: str) -> FileInfo:
        """Describe what was just written to *path*, as soon as the store shows it."""

        async def is_there() -> bool:
            try:
                await self.driver.stat(path)
            except PathNotFoundError:
                return False
            return True

        await self.seen_after(is_there)
        return await self.driver.stat(path)

    async def seen_after(self, look: Callable[[], Awaitable[bool]]) -> float | None:
        """Return the seconds until *look* says so, 0 at once; ``None`` where patience ends."""
        if await look():
            return 0.0
        runtime = self.driver.runtime
        begun, pause = runtime.monotonic(), _FIRST_PAUSE
        while runtime.monotonic() - begun < self.effort.patience:
            await runtime.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
            if await look():
                return runtime.monotonic() - begun
        return None

    async def leave(self) -> None:
        """Remove the directory and close the other drivers."""
        try:
            with suppress(PathNotFoundError):
                await self.driver.delete(self.directory)
        finally:
            for other in self._others:
                await other.aclose()


def new_scratch(driver: StorageDriver) -> str:
    """Return the path of a scratch directory that nobody else uses."""
    return ProbeScratch(f"{driver.runtime.random.getrandbits(64):016x}").path


def new_body(driver: StorageDriver) -> bytes:
    """Return 32 bytes that nobody ever wrote."""
    return f"{driver.runtime.random.getrandbits(128):032x}".encode()


async def read(driver: StorageDriver, path: str) -> bytes | None:
    """Return the content at *path*, or ``None`` where there is none."""
    try:
        return (await driver.get_content(path)).data
    except PathNotFoundError:
        return None


async def names(
    driver: StorageDriver, path: str, start_after: str | None = None, limit: int | None = None
) -> list[str]:
    """Return the names in a directory, none where it is missing."""
    try:
        async with aclosing(driver.list(path, start_after, limit)) as found:
            return [name async for name in found]
    except PathNotFoundError:
        return []


async def walked(driver: StorageDriver, path: str) -> dict[str, FileInfo]:
    """Return what lies below *path* by its path, nothing where it is missing."""
    try:
        async with aclosing(driver.walk(path)) as found:
            return {info.path: info async for info in found}
    except PathNotFoundError:
        return {}


class Metered(WrapperDriver):
    """Counts the calls that go to the store.

    :param inner: the driver to forward to.
    :param meter: what counts.
    """

    def __init__(self, inner: StorageDriver, meter: Meter) -> None:
        super().__init__(inner)
        self._meter = meter

    @override
    async def stat(self, path: str, *, must_exist: bool = False) -> FileInfo:
        self._meter.calls += 1
        return await super().stat(path, must_exist=must_exist)

    @override
    async def get_content(self, path: str, *, must_exist: bool = False) -> Content:
        self._meter.calls += 1
        return await super().get_content(path, must_exist=must_exist)

    @override
    async def reader(
        self, path: str, offset: int = 0, length: int | None = None, *, must_exist: bool = False
    ) -> FileReader:
        self._meter.calls += 1
        return await super().reader(path, offset, length, must_exist=must_exist)

    @override
    async def put_content(self, path: str, data: bytes, condition: Condition = ANY) -> str | None:
        self._meter.calls += 1
        return await super().put_content(path, data, condition)

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
        self._meter.calls += 1
        return await super().writer(
            path, append=append, begin=begin, at_least=at_least, destination=destination
        )

    @override
    async def copy(
        self,
        source: str,
        destination: str,
        condition: Condition = ANY,
        source_version: str | None = None,
    ) -> str | None:
        self._meter.calls += 1
        return await super().copy(source, destination, condition, source_version)

    @override
    async def delete_file(
        self, path: str, condition: Condition = ANY, *, missing_ok: bool = False
    ) -> None:
        self._meter.calls += 1
        await super().delete_file(path, condition, missing_ok=missing_ok)

    @override
    def list(
        self, path: str, start_after: str | None = None, limit: int | None = None
    ) -> AsyncGenerator[str, None]:
        self._meter.calls += 1
        return super().list(path, start_after, limit)

    @override
    def walk(self, path: str) -> AsyncGenerator[FileInfo, None]:
        self._meter.calls += 1
        return super().walk(path)
