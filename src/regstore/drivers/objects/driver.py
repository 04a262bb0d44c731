"""The driver that keeps the contract over any store that fills in the port."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Literal

from typing_extensions import override

from regstore._loop import OwnLoopRuntime
from regstore._run import Runtime
from regstore._tasks import Limiter
from regstore.driver import (
    ANY,
    EPOCH,
    Capabilities,
    Condition,
    Content,
    FileInfo,
    FileReader,
    FileWriter,
    StorageDriver,
    check_path,
    check_range,
)
from regstore.drivers.objects import assembly, paging, reading
from regstore.drivers.objects.heads import read_head
from regstore.drivers.objects.lagging import until_shown
from regstore.drivers.objects.naming import ParkedPlace
from regstore.drivers.objects.port import ObjectStore
from regstore.drivers.objects.records import Head
from regstore.drivers.objects.removal import delete_tree
from regstore.drivers.objects.straight import StraightWriter
from regstore.drivers.objects.writer import ObjectWriter, delete_all
from regstore.errors import (
    NotYetVisibleError,
    PathExistsError,
    PathNotFoundError,
    UnsupportedMethodError,
)

PARTS_IN_FLIGHT: Final = 8
"""Parts that are being sent at a time, of all writers of one driver together."""


class ObjectDriver(StorageDriver):
    """Keeps the contract over a store of objects.

    What it costs: ``stat``, ``get_content``, ``reader`` and ``put_content`` one request, ``stat``
    of a directory or of nothing two, ``delete_file`` one, or two where the store does not tell what
    was missing and the caller asks; ``list`` one for a page (see
    :mod:`regstore.drivers.objects.paging`); ``copy`` two, ``move`` four.

    What is parked is told in :mod:`regstore.drivers.objects.naming`. A directory that holds only
    parked content is shown in its parent's listing (``ghost_directories``).

    :param store: the bucket; closing the driver closes it.
    :param prefetch: how many ranges of 8 MiB a reader fetches ahead; 0 streams one request.
    """

    def __init__(self, store: ObjectStore, *, prefetch: int = 0) -> None:
        self.name: str = store.name
        self.runtime: Runtime = store.runtime
        self._store = store
        self._prefetch = prefetch
        self._slots: Limiter = store.runtime.limiter(PARTS_IN_FLIGHT)
        if isinstance(store.runtime, OwnLoopRuntime):
            store.runtime.release_with(self, store.aclose)

    @property
    def capabilities(self) -> Capabilities:  # type: ignore[override] # read-only: the store's
        """What the store keeps."""
        return self._store.capabilities

    @override
    def expect_lag(self, seconds: float | None) -> None:
        known = self._store.capabilities
        self._store.capabilities = replace(known, staleness_bound=seconds)

    @override
    async def stat(self, path: str, *, must_exist: bool = False) -> FileInfo:
        check_path(path, self.name, allow_root=True)
        if path:
            try:
                return await self._store.head(path)
            except PathNotFoundError:
                if not await paging.visible_below(self._store, f"{path}/"):
                    raise
        elif not await paging.visible_below(self._store, ""):
            raise PathNotFoundError(path, self.name, "the store is empty")
        return FileInfo(path, 0, EPOCH, "", is_dir=True)

    @override
    async def get_content(self, path: str, *, must_exist: bool = False) -> Content:
        return await self._store.get(check_path(path, self.name))

    @override
    async def reader(
        self, path: str, offset: int = 0, length: int | None = None, *, must_exist: bool = False
    ) -> FileReader:
        check_path(path, self.name)
        check_range(path, offset, length, self.name)
        return await reading.open_reader(self._store, path, offset, length, self._prefetch)

    @override
    async def put_content(self, path: str, data: bytes, condition: Condition = ANY) -> str:
        return await self._store.put(check_path(path, self.name), bytes(data), condition)

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
        if destination is not None:
            check_path(destination, self.name)
            return StraightWriter(self._store, path, destination, self._slots)
        head: Head | None = None
        if append:
            head = await self._resume(path, at_least, begin=begin)
        else:
            await self._discard(path)
        return ObjectWriter(self._store, path, head, self._slots)

    @override
    async def parked_at(self, path: str) -> datetime | None:
        """Return the time of the head record, which is replaced with every parking."""
        try:
            content = await self._store.get(ParkedPlace.of(check_path(path, self.name)).head)
        except PathNotFoundError:
            return None
        return content.modified

    @override
    async def move(self, source: str, destination: str) -> None:
        check_path(source, self.name)
        check_path(destination, self.name)
        info = await self._store.head(source)
        if source == destination:
            return
        version = await assembly.copy_object(self._store, info, destination, is_moving=True)
        await assembly.verified(self._store, destination, info.size, version)
        await self._store.delete_many([source])

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
        if condition.kind != "any" and not self.capabilities.conditional_copy:
            raise UnsupportedMethodError(destination, self.name, "no conditions on copies")
        if source_version is not None and not self.capabilities.source_pinned_copy:
            raise UnsupportedMethodError(source, self.name, "no pinned copies")
        info = await self._store.head(source)
        return await self._copy(info, destination, condition, source_version)

    @override
    async def delete(self, path: str) -> None:
        await delete_tree(self._store, check_path(path, self.name))

    @override
    async def delete_file(
        self, path: str, condition: Condition = ANY, *, missing_ok: bool = False
    ) -> None:
        check_path(path, self.name)
        if condition.kind == "absent":
            raise UnsupportedMethodError(path, self.name, "what is absent cannot be deleted")
        try:
            if not missing_ok and not self._store.limits.tells_missing:
                await self._store.head(path)
            await self._store.delete(path, condition)
        except PathNotFoundError:
            if not missing_ok:
                raise

    @override
    async def list(
        self, path: str, start_after: str | None = None, limit: int | None = None
    ) -> AsyncGenerator[str, None]:
        check_path(path, self.name, allow_root=True)
        directory = f"{path}/" if path else ""
        shown = False
        async with aclosing(paging.names(self._store, directory, start_after, limit)) as names:
            async for name in names:
                shown = True
                yield name
        if path and not shown and not await self._is_directory(directory, start_after, limit):
            raise PathNotFoundError(path, self.name, "nothing lies below it")

    @override
    async def walk(self, path: str) -> AsyncGenerator[FileInfo, None]:
        check_path(path, self.name, allow_root=True)
        shown = False
        async with aclosing(paging.below(self._store, f"{path}/" if path else "")) as objects:
            async for info in objects:
                if paging.is_object(info.path):
                    shown = True
                    yield info
        if path and not shown:
            raise PathNotFoundError(path, self.name, "nothing lies below it")

    @override
    async def redirect_url(
        self,
        path: str,
        method: Literal["GET", "HEAD"] = "GET",
        expires: timedelta = timedelta(minutes=20),
        filename: str | None = None,
    ) -> str | None:
        check_path(path, self.name)
        if not self.capabilities.redirect:
            return None
        return await self._store.sign(path, method, expires, filename)

    @override
    async def local_file(self, path: str) -> None:
        check_path(path, self.name)

    @override
    async def aclose(self) -> None:
        await self._store.aclose()

    async def _is_directory(
        self, directory: str, start_after: str | None, limit: int | None
    ) -> bool:
        """Tell a directory of which nothing was asked for from none."""
        if start_after is None and limit != 0:
            return False
        return await paging.visible_below(self._store, directory)

    async def _copy(
        self,
        source: FileInfo,
        destination: str,
        condition: Condition = ANY,
        source_version: str | None = None,
    ) -> str | None:
        return await assembly.copy_object(
            self._store, source, destination, condition, source_version
        )

    async def _resume(self, path: str, at_least: int, *, begin: bool) -> Head | None:
        """Return what is parked at *path*; ``None`` where a writer may begin with nothing."""
        head = await self._settled_head(path, at_least)
        if head is None and not begin:
            info = await self._store.head(path)
            if info.size:
                detail = "committed content cannot be continued"
                raise PathExistsError(path, self.name, detail)
        parked = head.record.size if head is not None else 0
        if parked < at_least:
            detail = f"{parked} bytes are parked, {at_least} were acknowledged"
            raise NotYetVisibleError(path, self.name, detail)
        return head

    async def _settled_head(self, path: str, at_least: int) -> Head | None:
        """Read the head record until it is as new as it must be, as long as stores may lag."""
        return await until_shown(
            self._store,
            lambda: read_head(self._store, ParkedPlace.of(path)),
            lambda head: not at_least or (head is not None and head.record.size >= at_least),
        )

    async def _discard(self, path: str) -> None:
        """Leave nothing parked at *path*."""
        place = ParkedPlace.of(path)
        head = await read_head(self._store, place)
        if head is not None:
            chunks = {chunk.key for chunk in head.record.chunks}
            await delete_all(self._store, {place.head, *chunks})
