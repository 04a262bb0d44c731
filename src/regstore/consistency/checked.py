"""Hold a driver to its contract while it works."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path
from typing import Literal

from typing_extensions import override

from regstore.consistency.capabilities import instead_of
from regstore.consistency.wrapper import WrapperDriver, WrapperReader, WrapperWriter
from regstore.driver import (
    ANY,
    MAX_NOTE_BYTES,
    RESERVED_PREFIX,
    Condition,
    Content,
    FileInfo,
    FileReader,
    FileWriter,
    StorageDriver,
    check_path,
    check_range,
)
from regstore.drivers.writer import State, Step, check_step
from regstore.errors import (
    DriverError,
    IncompleteReadError,
    InvalidOffsetError,
    UnsupportedMethodError,
)


class Checked(WrapperDriver):
    """Refuses bad arguments before the driver sees them, and answers that cannot be true.

    Adds no request. An answer that breaks the contract raises :exc:`DriverError`, whose ``driver``
    names the driver and whose ``detail`` the clause of :mod:`regstore.driver`; a body of the wrong
    length raises :exc:`IncompleteReadError`. A condition that the driver's capabilities do not
    promise raises :exc:`UnsupportedMethodError`, so that no driver can imitate it.

    Not promised: what takes a second request to find out, such as whether a write is there
    afterwards. For that there is the conformance suite.
    """

    @override
    async def stat(self, path: str, *, must_exist: bool = False) -> FileInfo:
        check_path(path, self.name, allow_root=True)
        info = await self._inner.stat(path, must_exist=must_exist)
        if info.path != path:
            raise broken(self, "R1", path, f"stat describes {info.path!r}")
        _check_info(self, info)
        return info

    @override
    async def get_content(self, path: str, *, must_exist: bool = False) -> Content:
        check_path(path, self.name)
        content = await self._inner.get_content(path, must_exist=must_exist)
        if not content.version or content.modified.tzinfo is None:
            raise broken(self, "R1", path, "content without a version or a time zone")
        return content

    @override
    async def reader(
        self, path: str, offset: int = 0, length: int | None = None, *, must_exist: bool = False
    ) -> FileReader:
        check_path(path, self.name)
        check_range(path, offset, length, self.name)
        reader = await self._inner.reader(path, offset, length, must_exist=must_exist)
        try:
            return CheckedReader(self, reader, path, offset, length)
        except DriverError:
            await reader.aclose()
            raise

    @override
    async def put_content(self, path: str, data: bytes, condition: Condition = ANY) -> str | None:
        check_path(path, self.name)
        capabilities = self.capabilities
        if condition.kind == "absent":
            self._require(path, "conditional_create", kept=capabilities.conditional_create)
        elif condition.kind == "version":
            self._require(path, "conditional_replace", kept=capabilities.conditional_replace)
        return await self._inner.put_content(path, data, condition)

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
        check_path(path, self.name)
        check_range(path, at_least, None, self.name)
        if destination is not None:
            check_path(destination, self.name)
            if append:
                raise ValueError(
                    f"{path}: what was parked elsewhere has no destination: append alone"
                )
        if begin and not append:
            raise ValueError(
                f"{path}: a writer that does not append begins anyway: leave out begin"
            )
        writer = await self._inner.writer(
            path, append=append, begin=begin, at_least=at_least, destination=destination
        )
        if writer.size < at_least if append else writer.size:
            await self.runtime.shield(writer.park() if append else writer.cancel())
            raise broken(self, "A2" if append else "A1", path, f"begins at {writer.size}")
        return CheckedWriter(self, writer, path)

    @override
    async def move(self, source: str, destination: str) -> None:
        check_path(source, self.name)
        check_path(destination, self.name)
        await self._inner.move(source, destination)

    @override
    async def copy(
        self,
        source: str,
        destination: str,
        condition: Condition = ANY,
        source_version: str | None = None,
    ) -> str | None:
        check_path(source, self.name)
        check_path(destination, self.name)
        capabilities = self.capabilities
        if condition.kind != "any":
            self._require(destination, "conditional_copy", kept=capabilities.conditional_copy)
        if source_version is not None:
            self._require(source, "source_pinned_copy", kept=capabilities.source_pinned_copy)
        return await self._inner.copy(source, destination, condition, source_version)

    @override
    async def delete(self, path: str) -> None:
        check_path(path, self.name)
        await self._inner.delete(path)

    @override
    async def delete_file(
        self, path: str, condition: Condition = ANY, *, missing_ok: bool = False
    ) -> None:
        check_path(path, self.name)
        if condition.kind == "absent":
            raise UnsupportedMethodError(path, self.name, "what is absent cannot be deleted")
        if condition.kind == "version":
            kept = self.capabilities.conditional_delete
            self._require(path, "conditional_delete", kept=kept)
        await self._inner.delete_file(path, condition, missing_ok=missing_ok)

    @override
    async def list(
        self, path: str, start_after: str | None = None, limit: int | None = None
    ) -> AsyncGenerator[str, None]:
        check_path(path, self.name, allow_root=True)
        check_range(path, 0, limit, self.name)
        last = start_after
        given = 0
        async with aclosing(self._inner.list(path, start_after, limit)) as names:
            async for name in names:
                given += 1
                if not _is_name(name):
                    raise broken(self, "P1", path, f"list shows {name!r}")
                if last is not None and name <= last:
                    raise broken(self, "L1", path, f"list gives {name!r} after {last!r}")
                if limit is not None and given > limit:
                    raise broken(self, "L1", path, f"list gives more than {limit} names")
                yield name
                last = name

    @override
    async def walk(self, path: str) -> AsyncGenerator[FileInfo, None]:
        check_path(path, self.name, allow_root=True)
        below = f"{path}/" if path else ""
        async with aclosing(self._inner.walk(path)) as infos:
            async for info in infos:
                if info.is_dir or not info.path.startswith(below):
                    raise broken(self, "L3", path, f"walk shows {info.path!r}")
                if not all(map(_is_name, info.path.split("/"))):
                    raise broken(self, "P1", path, f"walk shows {info.path!r}")
                _check_info(self, info)
                yield info

    @override
    async def redirect_url(
        self,
        path: str,
        method: Literal["GET", "HEAD"] = "GET",
        expires: timedelta = timedelta(minutes=20),
        filename: str | None = None,
    ) -> str | None:
        check_path(path, self.name)
        return await self._inner.redirect_url(path, method, expires, filename)

    @override
    async def local_file(self, path: str) -> Path | None:
        check_path(path, self.name)
        return await self._inner.local_file(path)

    def _require(self, path: str, capability: str, *, kept: bool) -> None:
        if not kept:
            raise unpromised(self, capability, path)


class CheckedReader(WrapperReader):
    """Counts the bytes of a body against what was announced (R4)."""

    def __init__(
        self, driver: StorageDriver, inner: FileReader, path: str, offset: int, length: int | None
    ) -> None:
        super().__init__(inner)
        info = inner.info
        if info.path != path or info.is_dir:
            raise broken(driver, "R1", path, f"the reader describes {info.path!r}")
        _check_info(driver, info)
        if offset > info.size:
            raise InvalidOffsetError(path, offset, driver.name, f"the object ends at {info.size}")
        self._driver = driver
        self._left = info.size - offset if length is None else min(length, info.size - offset)

    @override
    async def read(self) -> bytes:
        chunk = await self._inner.read()
        self._left -= len(chunk)
        if self._left < 0:
            raise self._incomplete(f"{-self._left} bytes more than announced")
        if self._left and not chunk:
            raise self._incomplete(f"{self._left} bytes are missing")
        return chunk

    def _incomplete(self, detail: str) -> IncompleteReadError:
        return IncompleteReadError(self.info.path, self._driver.name, detail)


class CheckedWriter(WrapperWriter):
    """Refuses illegal steps (A6), and counts what the writer takes."""

    def __init__(self, driver: StorageDriver, inner: FileWriter, path: str) -> None:
        super().__init__(inner)
        self._driver = driver
        self._path = path
        self._state: State = "open"
        self._committed: tuple[str | None, Condition] | None = None
        self._keeps = False

    @override
    async def write(self, data: bytes | bytearray | memoryview, offset: int | None = None) -> None:
        self._check("write")
        start = self._inner.size
        if offset is not None and offset < start:
            detail = f"the writer stands at {start}"
            raise InvalidOffsetError(self._path, offset, self._driver.name, detail)
        end = (start if offset is None else offset) + memoryview(data).nbytes
        await self._inner.write(data, offset)
        if self._inner.size != end:
            seen = f"stands at {self._inner.size}, not at {end}, unless two callers write at once"
            raise broken(self._driver, "A1", self._path, seen)

    @override
    async def park(self, note: bytes = b"") -> None:
        self._check("park")
        if len(note) > MAX_NOTE_BYTES:
            msg = f"{self._path}: a note of {len(note)} bytes: {MAX_NOTE_BYTES} at most are kept"
            raise ValueError(msg)
        if note and not self._driver.capabilities.parked_notes:
            detail = "parked_notes is not promised: park without a note"
            raise UnsupportedMethodError(self._path, self._driver.name, detail)
        await self._inner.park(note)
        self._state = "parked"

    @override
    async def commit(
        self, to: str | None = None, condition: Condition = ANY, *, keep_parked: bool = False
    ) -> str | None:
        if self._committed != (to, condition):
            self._check("commit")
        if to is not None:
            check_path(to, self._driver.name)
        if condition.kind != "any" and not self._driver.capabilities.conditional_commit:
            raise unpromised(self._driver, "conditional_commit", to or self._path)
        version = await self._inner.commit(to, condition, keep_parked=keep_parked)
        if self._committed is None:
            self._state, self._committed, self._keeps = "committed", (to, condition), keep_parked
        return version

    @override
    async def cancel(self) -> None:
        self._check("cancel")
        await self._inner.cancel()
        if self._state != "committed":
            self._state = "cancelled"

    def _check(self, step: Step) -> None:
        check_step(self._path, self._state, step, self._driver.name, keeps=self._keeps)


def broken(driver: StorageDriver, clause: str, path: str, seen: str) -> DriverError:
    """Return the error for an answer that breaks a clause of the contract."""
    return DriverError(path, driver.name, f"this driver breaks clause {clause}: {seen}")


def unpromised(driver: StorageDriver, capability: str, path: str) -> UnsupportedMethodError:
    """Return the error for a condition that the driver does not promise to keep."""
    detail = f"{capability} is not promised: {instead_of(capability)}"
    return UnsupportedMethodError(path, driver.name, detail)


def _is_name(name: str) -> bool:
    return name not in {"", ".", ".."} and "/" not in name and not name.startswith(RESERVED_PREFIX)


def _check_info(driver: StorageDriver, info: FileInfo) -> None:
    if info.modified.tzinfo is None:
        raise broken(driver, "R1", info.path, "a time without a zone")
    if info.is_dir and (info.size or info.version):
        raise broken(driver, "R1", info.path, "a directory with a size or a version")
    if not info.is_dir and (info.size < 0 or not info.version):
        raise broken(driver, "R1", info.path, f"size {info.size}, version {info.version!r}")
