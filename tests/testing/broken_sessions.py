"""Drivers that break a clause of notes, *begin*, *destination* or *keep_parked*."""

from __future__ import annotations

from dataclasses import replace

from typing_extensions import override

from regstore.consistency import WrapperDriver, WrapperWriter
from regstore.driver import ANY, Capabilities, Condition, FileWriter, StorageDriver
from regstore.drivers.memory import MemoryWriter
from regstore.errors import PathNotFoundError
from tests.testing.broken import BrokenWriter, Flawed


class ForgetsNotes(BrokenWriter):
    """Claims notes, and parks without them."""

    class kind(Flawed):  # noqa: N801 - an attribute of the driver
        @override
        async def park(self, note: bytes = b"") -> None:
            await super().park()


class KeepsFirstNotes(BrokenWriter):
    """Writes a note once, beside the first part, and never again."""

    class kind(Flawed):  # noqa: N801 - an attribute of the driver
        @override
        async def park(self, note: bytes = b"") -> None:
            await super().park(self.note or note)


class ImitatesNotes(WrapperDriver):
    """Is honest in its capabilities, and takes notes all the same."""

    @property
    @override
    def capabilities(self) -> Capabilities:  # type: ignore[override] # as in WrapperDriver
        return replace(super().capabilities, parked_notes=False)


class BeginsAnew(WrapperDriver):
    """Looks whether something is parked, and where not, discards what comes meanwhile."""

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
        try:
            return await super().writer(path, append=append, at_least=at_least)
        except PathNotFoundError:
            if not begin:
                raise
            own = f"{path}-{self.runtime.random.getrandbits(64)}"
            return Late(await super().writer(own), self._inner, path)


class Late(WrapperWriter):
    """A writer that takes its path when it parks, whatever is parked there."""

    def __init__(self, inner: FileWriter, driver: StorageDriver, path: str) -> None:
        super().__init__(inner)
        self._driver = driver
        self._path = path

    @override
    async def park(self, note: bytes = b"") -> None:
        assert isinstance(self._inner, MemoryWriter)
        written = b"".join(self._inner._parts)  # noqa: SLF001 - what it knows of
        await super().cancel()
        self._inner = await self._driver.writer(self._path)
        await self._inner.write(written)
        await super().park(note)


class WritesToTheDestination(BrokenWriter):
    """Writes where the commit will go, in view of all."""

    class kind(Flawed):  # noqa: N801 - an attribute of the driver
        @override
        async def write(
            self, data: bytes | bytearray | memoryview, offset: int | None = None
        ) -> None:
            await super().write(data, offset)
            if self.destination is not None:
                await self.driver.put_content(self.destination, bytes(data))


class KeepsForEver(BrokenWriter):
    """Keeps what was parked, and knows nothing of it after the commit."""

    class kind(Flawed):  # noqa: N801 - an attribute of the driver
        _is_committed = False

        @override
        async def commit(
            self, to: str | None = None, condition: Condition = ANY, *, keep_parked: bool = False
        ) -> str | None:
            self._is_committed = True
            return await super().commit(to, condition, keep_parked=keep_parked)

        @override
        async def cancel(self) -> None:
            if not self._is_committed:
                await super().cancel()


class TakesBackCommits(BrokenWriter):
    """Takes away, with what was kept, what was committed."""

    class kind(Flawed):  # noqa: N801 - an attribute of the driver
        _to = ""

        @override
        async def commit(
            self, to: str | None = None, condition: Condition = ANY, *, keep_parked: bool = False
        ) -> str | None:
            version = await super().commit(to, condition, keep_parked=keep_parked)
            self._to = to or ""
            return version

        @override
        async def cancel(self) -> None:
            await super().cancel()
            if self._to:
                await self.driver.delete_file(self._to, missing_ok=True)


class AlwaysDemandsTheObject(WrapperDriver):
    """Looks before it deletes, whether that matters or not."""

    @override
    async def delete_file(
        self, path: str, condition: Condition = ANY, *, missing_ok: bool = False
    ) -> None:
        await super().delete_file(path, condition)
