"""Drivers that break one clause each, as drivers in the field have."""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from typing_extensions import override

from regstore.consistency import WrapperDriver, WrapperReader, WrapperWriter
from regstore.driver import (
    ANY,
    IF_ABSENT,
    Capabilities,
    Condition,
    Content,
    FileInfo,
    FileReader,
    FileWriter,
    StorageDriver,
    if_version,
)
from regstore.drivers.memory import MemoryWriter
from regstore.errors import (
    DriverError,
    InvalidPathError,
    PathExistsError,
    PathNotFoundError,
    PreconditionFailedError,
)


class TornPut(WrapperDriver):
    """Truncates in place, then writes."""

    @override
    async def put_content(self, path: str, data: bytes, condition: Condition = ANY) -> str | None:
        await super().put_content(path, data[: len(data) // 2], condition)
        return await super().put_content(path, data)


class CheckThenWrite(WrapperDriver):
    """Looks first, then writes: two writers can both look before either writes."""

    @override
    async def put_content(self, path: str, data: bytes, condition: Condition = ANY) -> str | None:
        version = None
        try:
            version = (await self.stat(path)).version
        except PathNotFoundError:
            if condition.kind == "version":
                raise PreconditionFailedError(path, self.name) from None
        if version and condition == IF_ABSENT:
            raise PathExistsError(path, self.name)
        if condition not in {ANY, IF_ABSENT, if_version(version or "")}:
            raise PreconditionFailedError(path, self.name)
        return await super().put_content(path, data)


class IgnoresConditions(WrapperDriver):
    """Passes conditions to a store that has never heard of them."""

    @override
    async def put_content(self, path: str, data: bytes, condition: Condition = ANY) -> str | None:
        return await super().put_content(path, data)


class ImitatesConditions(CheckThenWrite):
    """Is honest in its capabilities, and then imitates what it does not have."""

    @property
    @override
    def capabilities(self) -> Capabilities:  # type: ignore[override] # as in WrapperDriver
        return replace(super().capabilities, conditional_create=False, conditional_replace=False)


class MixedWrites(WrapperDriver):
    """Gathers small objects in one buffer for all its threads."""

    _buffer = b""

    @override
    async def put_content(self, path: str, data: bytes, condition: Condition = ANY) -> str | None:
        self._buffer = b""
        for start in range(0, len(data), 5000):
            self._buffer += data[start : start + 5000]
        return await super().put_content(path, self._buffer, condition)


class Litter(WrapperDriver):
    """Leaves its temporary files."""

    @override
    async def put_content(self, path: str, data: bytes, condition: Condition = ANY) -> str | None:
        await super().put_content(f"{path}.tmp", data)
        return await super().put_content(path, data, condition)


class SizeLies(WrapperDriver):
    """Tells sizes in blocks of 512 bytes."""

    @override
    async def stat(self, path: str, *, must_exist: bool = False) -> FileInfo:
        info = await super().stat(path, must_exist=must_exist)
        return replace(info, size=-(-info.size // 512) * 512)


class StaleVersion(WrapperDriver):
    """Takes size and whole seconds for a version."""

    @override
    async def stat(self, path: str, *, must_exist: bool = False) -> FileInfo:
        info = await super().stat(path, must_exist=must_exist)
        return replace(info, version=f"{info.size}-{info.modified:%S}")


class TornGet(WrapperDriver):
    """Asks for the version in a second request, after the next write if there soon is one."""

    _written = threading.Event()

    @override
    async def put_content(self, path: str, data: bytes, condition: Condition = ANY) -> str | None:
        version = await super().put_content(path, data, condition)
        self._written.set()
        return version

    @override
    async def get_content(self, path: str, *, must_exist: bool = False) -> Content:
        self._written.clear()
        content = await super().get_content(path)
        self._written.wait(0.01)
        return replace(content, version=(await super().stat(path)).version)


class SwallowsMissing(WrapperDriver):
    """Gives an empty stream for what is missing, as a body of status 416 is often read."""

    @override
    async def reader(
        self, path: str, offset: int = 0, length: int | None = None, *, must_exist: bool = False
    ) -> FileReader:
        try:
            return await super().reader(path, offset, length)
        except PathNotFoundError:
            await super().put_content("empty", b"")
            return await super().reader("empty")


class IgnoresLength(WrapperDriver):
    """Reads to the end, whatever was asked for."""

    @override
    async def reader(
        self, path: str, offset: int = 0, length: int | None = None, *, must_exist: bool = False
    ) -> FileReader:
        return await super().reader(path, offset, None)


class FollowsOverwrites(WrapperDriver):
    """Opens the object anew for each chunk."""

    @override
    async def reader(
        self, path: str, offset: int = 0, length: int | None = None, *, must_exist: bool = False
    ) -> FileReader:
        return Reopening(await super().reader(path, offset, length), self._inner, offset)


class Reopening(WrapperReader):
    """A reader that asks for each chunk by itself."""

    def __init__(self, inner: FileReader, driver: StorageDriver, offset: int) -> None:
        super().__init__(inner)
        self._driver = driver
        self._offset = offset

    @override
    async def read(self) -> bytes:
        if self._offset >= self.info.size:
            return b""
        current = await self._driver.reader(self.info.path, self._offset)
        chunk = await current.read()
        self._offset += len(chunk)
        return chunk


class BrokenWriter(WrapperDriver):
    """Makes writers of the class :attr:`kind`."""

    kind: type[Flawed]

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
        inner = await super().writer(
            path, append=append, begin=begin, at_least=at_least, destination=destination
        )
        return self.kind(inner, self, path, destination)

    async def sound_writer(self, path: str) -> FileWriter:
        return await super().writer(path)


class Flawed(WrapperWriter):
    """A writer that knows where it stands."""

    def __init__(
        self, inner: FileWriter, driver: BrokenWriter, path: str, destination: str | None
    ) -> None:
        super().__init__(inner)
        self.driver = driver
        self.path = path
        self.destination = destination


class ReordersChunks(BrokenWriter):
    """Sends parts in parallel, and assembles them as they arrive."""

    class kind(Flawed):  # noqa: N801 - an attribute of the driver
        _held = b""

        @override
        async def write(
            self, data: bytes | bytearray | memoryview, offset: int | None = None
        ) -> None:
            late, self._held = self._held, bytes(data)
            if len(late) == len(data):
                data, self._held = self._held, late
                await super().write(data, offset)
            elif late:
                await super().write(late, offset)

        @property
        @override
        def size(self) -> int:
            return super().size + len(self._held)

        @override
        async def park(self, note: bytes = b"") -> None:
            await self._flush()
            await super().park(note)

        @override
        async def commit(
            self, to: str | None = None, condition: Condition = ANY, *, keep_parked: bool = False
        ) -> str | None:
            await self._flush()
            return await super().commit(to, condition, keep_parked=keep_parked)

        async def _flush(self) -> None:
            held, self._held = self._held, b""
            if held:
                await super().write(held)


class DropsRepeats(BrokenWriter):
    """Takes a chunk equal to the one before for a retry of it."""

    class kind(Flawed):  # noqa: N801 - an attribute of the driver
        _last = b""

        @override
        async def write(
            self, data: bytes | bytearray | memoryview, offset: int | None = None
        ) -> None:
            if len(data) < 100 or bytes(data) != self._last:
                await super().write(data, offset)
            self._last = bytes(data)


class NoZeros(BrokenWriter):
    """Appends, whatever the offset."""

    class kind(Flawed):  # noqa: N801 - an attribute of the driver
        @override
        async def write(
            self, data: bytes | bytearray | memoryview, offset: int | None = None
        ) -> None:
            await super().write(data, None if offset is None else min(offset, self.size))


class ParksNothing(BrokenWriter):
    """Says that it has parked, and has only let go."""

    class kind(Flawed):  # noqa: N801 - an attribute of the driver
        @override
        async def park(self, note: bytes = b"") -> None:
            if self.size:
                await self.cancel()
            else:
                await super().park(note)


class CancelsNothing(BrokenWriter):
    """Lets go of a cancelled writer, and leaves what is parked to be purged."""

    class kind(Flawed):  # noqa: N801 - an attribute of the driver
        @override
        async def cancel(self) -> None:
            await super().park()


class CommitsAgain(BrokenWriter):
    """Commits as often as it is told to."""

    class kind(Flawed):  # noqa: N801 - an attribute of the driver
        _written = b""

        @override
        async def write(
            self, data: bytes | bytearray | memoryview, offset: int | None = None
        ) -> None:
            await super().write(data, offset)
            self._written += data

        @override
        async def commit(
            self, to: str | None = None, condition: Condition = ANY, *, keep_parked: bool = False
        ) -> str | None:
            version = await super().commit(to, condition, keep_parked=keep_parked)
            await self.driver.put_content(to or self.path, self._written)
            return version


class AppendsToCommitted(WrapperDriver):
    """Goes on writing what is committed."""

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
            return await super().writer(path, append=append, begin=begin, at_least=at_least)
        except PathExistsError:
            writer = await super().writer(path)
            await writer.write((await self.get_content(path)).data)
            return writer


class UploadsBeside(BrokenWriter):
    """Writes large content to a path beside its own until the commit."""

    class kind(Flawed):  # noqa: N801 - an attribute of the driver
        @override
        async def write(
            self, data: bytes | bytearray | memoryview, offset: int | None = None
        ) -> None:
            await self.driver.put_content(f"{self.path}.part", b"")
            await super().write(data, offset)

        @override
        async def cancel(self) -> None:
            await self.driver.delete_file(f"{self.path}.part")
            await super().cancel()


class DeletesPrefixes(WrapperDriver):
    """Deletes every key that begins with the path."""

    @override
    async def delete(self, path: str) -> None:
        await super().delete(path)
        async for info in self.walk(""):
            if info.path.startswith(path):
                await super().delete_file(info.path)


class StatsPrefixes(WrapperDriver):
    """Takes any key that begins with the path for proof of a directory."""

    @override
    async def stat(self, path: str, *, must_exist: bool = False) -> FileInfo:
        try:
            return await super().stat(path)
        except PathNotFoundError:
            async for info in self.walk(""):
                if info.path.startswith(path):
                    return replace(info, path=path, size=0, version="", is_dir=True)
            raise


class DeletesNothing(WrapperDriver):
    """Finds it fine to delete what is missing, as object stores do."""

    @override
    async def delete(self, path: str) -> None:
        try:
            await super().delete(path)
        except PathNotFoundError:
            return


class MoveEmptiesTarget(WrapperDriver):
    """Clears the destination before it looks for the source."""

    @override
    async def move(self, source: str, destination: str) -> None:
        if source != destination:
            with suppress(PathNotFoundError):
                await super().delete_file(destination)
        await super().move(source, destination)


class IgnoresPin(WrapperDriver):
    """Copies whatever version is there."""

    @override
    async def copy(
        self,
        source: str,
        destination: str,
        condition: Condition = ANY,
        source_version: str | None = None,
    ) -> str | None:
        return await super().copy(source, destination, condition)


class DeletesAnyVersion(WrapperDriver):
    """Deletes whatever version is there."""

    @override
    async def delete_file(
        self, path: str, condition: Condition = ANY, *, missing_ok: bool = False
    ) -> None:
        await super().delete_file(path, missing_ok=missing_ok)


class ListsInKeyOrder(WrapperDriver):
    """Gives names as the keys lie in the store: ``a-b`` before ``a/``."""

    @override
    async def list(
        self, path: str, start_after: str | None = None, limit: int | None = None
    ) -> AsyncGenerator[str, None]:
        names = [name async for name in super().list(path, start_after)]
        keys = [
            f"{name}/" if (await self.stat(f"{path}/{name}".strip("/"))).is_dir else name
            for name in names
        ]
        for key in sorted(keys)[:limit]:
            yield key.rstrip("/")


class ListsOnePage(WrapperDriver):
    """Never asks for the second page."""

    @override
    async def list(
        self, path: str, start_after: str | None = None, limit: int | None = None
    ) -> AsyncGenerator[str, None]:
        names = [name async for name in super().list(path)][:1000]
        for name in [name for name in names if start_after is None or name > start_after][:limit]:
            yield name


class StartsAtWhatExists(WrapperDriver):
    """Begins anew where the name to start after is gone."""

    @override
    async def list(
        self, path: str, start_after: str | None = None, limit: int | None = None
    ) -> AsyncGenerator[str, None]:
        names = [name async for name in super().list(path)]
        start = names.index(start_after) + 1 if start_after in names else 0
        for name in names[start:][:limit]:
            yield name


class ListsNothing(WrapperDriver):
    """Has no missing directories, only empty ones."""

    @override
    async def list(
        self, path: str, start_after: str | None = None, limit: int | None = None
    ) -> AsyncGenerator[str, None]:
        try:
            async for name in super().list(path, start_after, limit):
                yield name
        except PathNotFoundError:
            return


class WalksTwice(WrapperDriver):
    """Gives the last object of a page again as the first of the next."""

    @override
    async def walk(self, path: str) -> AsyncGenerator[FileInfo, None]:
        number = 0
        async for info in super().walk(path):
            yield info
            number += 1
            if number % 10 == 0:
                yield info


class LagsInListings(WrapperDriver):
    """Lists what was there before the last write."""

    _before: tuple[str, list[str]] = ("", [])

    @override
    async def put_content(self, path: str, data: bytes, condition: Condition = ANY) -> str | None:
        parent = path.rpartition("/")[0]
        try:
            self._before = parent, [name async for name in super().list(parent)]
        except PathNotFoundError:
            self._before = "", []
        return await super().put_content(path, data, condition)

    @override
    async def list(
        self, path: str, start_after: str | None = None, limit: int | None = None
    ) -> AsyncGenerator[str, None]:
        current = [name async for name in super().list(path, start_after)]
        for name in (self._before[1] if self._before[0] == path else current)[:limit]:
            yield name


class KeepsEmptyDirectories(WrapperDriver):
    """Remembers directories for ever."""

    def _remember(self, path: str) -> None:
        known: set[str] = self.__dict__.setdefault("_known", set())
        while "/" in path:
            path = path.rpartition("/")[0]
            known.add(path)

    @override
    async def put_content(self, path: str, data: bytes, condition: Condition = ANY) -> str | None:
        self._remember(path)
        return await super().put_content(path, data, condition)

    @override
    async def stat(self, path: str, *, must_exist: bool = False) -> FileInfo:
        try:
            return await super().stat(path)
        except PathNotFoundError:
            if path in self.__dict__.get("_known", ()):
                return replace(await super().stat(""), path=path)
            raise


class NormalizesPaths(WrapperDriver):
    """Is generous in what it takes for a path."""

    @override
    async def get_content(self, path: str, *, must_exist: bool = False) -> Content:
        names = [name for name in path.split("/") if name not in {"", ".", ".."}]
        return await super().get_content("/".join(names))


class FoldsCase(WrapperDriver):
    """Stands on a file system that does not tell cases apart."""

    @override
    async def put_content(self, path: str, data: bytes, condition: Condition = ANY) -> str | None:
        return await super().put_content(path.lower(), data, condition)


class RawErrors(WrapperDriver):
    """Lets the backend's own exceptions through."""

    @override
    async def get_content(self, path: str, *, must_exist: bool = False) -> Content:
        try:
            return await super().get_content(path)
        except InvalidPathError:
            raise
        except DriverError as error:
            raise KeyError(path) from error


class NamelessErrors(WrapperDriver):
    """Names its own inner path in errors."""

    @override
    async def stat(self, path: str, *, must_exist: bool = False) -> FileInfo:
        try:
            return await super().stat(path)
        except PathNotFoundError:
            raise PathNotFoundError(f"/srv/registry/{path}", self.name) from None


class ForgetsItsThreads(WrapperDriver):
    """Waits in a forked child for a thread that only its parent has."""

    _busy = threading.Lock()

    @override
    async def put_content(self, path: str, data: bytes, condition: Condition = ANY) -> str | None:
        if os.getpid() != _PARENT:
            raise BrokenPipeError("the connection belongs to the parent")
        return await super().put_content(path, data, condition)


_PARENT = os.getpid()


class GuessesLocalFiles(WrapperDriver):
    """Names a file without looking."""

    @override
    async def local_file(self, path: str) -> Path | None:
        return Path("/nonexistent") / path


class PromisesUrls(WrapperDriver):
    """Claims to redirect, and does not."""

    @property
    @override
    def capabilities(self) -> Capabilities:  # type: ignore[override] # as in WrapperDriver
        return replace(super().capabilities, redirect=True)


class LeaksCredentials(WrapperDriver):
    """Is named after the URL that it was opened with."""

    @property
    @override
    def name(self) -> str:  # type: ignore[override] # as in WrapperDriver
        return "s3://key:secret@bucket"


class Unfenced(BrokenWriter):
    """Claims fences, and keeps no epoch: each writer writes all that it knows of."""

    class kind(Flawed):  # noqa: N801 - an attribute of the driver
        @override
        async def park(self, note: bytes = b"") -> None:
            await self._take_over()
            await super().park(note)

        @override
        async def commit(
            self, to: str | None = None, condition: Condition = ANY, *, keep_parked: bool = False
        ) -> str | None:
            await self._take_over()
            return await super().commit(to, condition, keep_parked=keep_parked)

        async def _take_over(self) -> None:
            assert isinstance(self._inner, MemoryWriter)
            written = b"".join(self._inner._parts)  # noqa: SLF001 - what it knows of
            self._inner = await self.driver.sound_writer(self.path)
            await self._inner.write(written)


class NeverSuspends(WrapperDriver):
    """Says that it blocks, and awaits all the same."""

    @override
    async def stat(self, path: str, *, must_exist: bool = False) -> FileInfo:
        await Suspension()
        return await super().stat(path)


class Suspension:
    """Suspends whoever awaits it, once."""

    def __await__(self) -> Generator[None, None, None]:
        yield
