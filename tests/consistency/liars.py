"""Stores that keep less than their driver claims, as stores in the field do."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from datetime import timedelta

from typing_extensions import override

from regstore.consistency import WrapperDriver, WrapperWriter
from regstore.driver import (
    ANY,
    EPOCH,
    Condition,
    Content,
    FileInfo,
    FileReader,
    FileWriter,
    StorageDriver,
)
from regstore.errors import PathNotFoundError, PreconditionFailedError


class IgnoresConditions(WrapperDriver):
    """Takes every condition and looks at none, as ``rclone serve s3`` does."""

    @override
    async def put_content(self, path: str, data: bytes, condition: Condition = ANY) -> str | None:
        return await super().put_content(path, data)

    @override
    async def copy(
        self,
        source: str,
        destination: str,
        condition: Condition = ANY,
        source_version: str | None = None,
    ) -> str | None:
        return await super().copy(source, destination)

    @override
    async def delete_file(
        self, path: str, condition: Condition = ANY, *, missing_ok: bool = False
    ) -> None:
        await super().delete_file(path, missing_ok=missing_ok)

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
        return _CommitsAnyhow(inner)


class _CommitsAnyhow(WrapperWriter):
    @override
    async def commit(
        self, to: str | None = None, condition: Condition = ANY, *, keep_parked: bool = False
    ) -> str | None:
        return await super().commit(to, keep_parked=keep_parked)


class IgnoresCommitConditions(WrapperDriver):
    """Looks at conditions, but not when an upload in parts is completed."""

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
        return _CommitsAnyhow(await super().writer(path, append=append, begin=begin))


class IgnoresConditionsOfParts(WrapperDriver):
    """Looks at conditions, but not where content has come in parts."""

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
        return _AssemblesAnyhow(await super().writer(path, append=append, begin=begin))


class _AssemblesAnyhow(WrapperWriter):
    @override
    async def commit(
        self, to: str | None = None, condition: Condition = ANY, *, keep_parked: bool = False
    ) -> str | None:
        return await super().commit(to, condition if self.size < 50_000 else ANY)


class CreatesWhereGone(WrapperDriver):
    """Looks at a version only where something is stored."""

    @override
    async def put_content(self, path: str, data: bytes, condition: Condition = ANY) -> str | None:
        try:
            return await super().put_content(path, data, condition)
        except PreconditionFailedError:
            try:
                await super().stat(path)
            except PathNotFoundError:
                return await super().put_content(path, data)
            raise


class RefusesAndDeletes(WrapperDriver):
    """Answers that the version is another one, and deletes all the same."""

    @override
    async def delete_file(
        self, path: str, condition: Condition = ANY, *, missing_ok: bool = False
    ) -> None:
        await super().delete_file(path, missing_ok=missing_ok)
        if condition != ANY:
            raise PreconditionFailedError(path, self.name)


class TwoWinners(WrapperDriver):
    """Lets the second of those that race for a key win as well, from the second race on.

    A store whose front ends look first and write then does so whenever two of them meet.
    """

    asked: dict[str, int] = {}  # noqa: RUF012 - by all drivers on the store

    @override
    async def put_content(self, path: str, data: bytes, condition: Condition = ANY) -> str | None:
        if condition != ANY and "/probes/" in path:
            self.asked[path] = self.asked.get(path, 0) + 1
            # Two ask for a key that no race is about; in a race there are more.
            if self.asked[path] == 3:
                return await super().put_content(path, data)
        return await super().put_content(path, data, condition)


class NobodyWins(WrapperDriver):
    """Refuses the winner, too, where several race."""

    asked: dict[str, int] = {}  # noqa: RUF012 - by all drivers on the store

    @override
    async def put_content(self, path: str, data: bytes, condition: Condition = ANY) -> str | None:
        if condition.kind == "version":
            raise PreconditionFailedError(path, self.name)
        return await super().put_content(path, data, condition)


class OneVersion(WrapperDriver):
    """Takes the size for a version, so that other content of the same size has the same."""

    def version_of(self, data: bytes) -> str:
        return f"{len(data)}"

    async def same(self, info: FileInfo) -> FileInfo:
        if info.is_dir:
            return info
        data = (await super().get_content(info.path)).data
        return replace(info, version=self.version_of(data))

    @override
    async def stat(self, path: str, *, must_exist: bool = False) -> FileInfo:
        return await self.same(await super().stat(path, must_exist=must_exist))

    @override
    async def get_content(self, path: str, *, must_exist: bool = False) -> Content:
        content = await super().get_content(path, must_exist=must_exist)
        return replace(content, version=self.version_of(content.data))

    @override
    async def reader(
        self, path: str, offset: int = 0, length: int | None = None, *, must_exist: bool = False
    ) -> FileReader:
        reader = await super().reader(path, offset, length, must_exist=must_exist)
        reader.info = await self.same(reader.info)
        return reader

    @override
    async def walk(self, path: str) -> AsyncGenerator[FileInfo, None]:
        async for info in super().walk(path):
            yield await self.same(info)

    @override
    async def put_content(self, path: str, data: bytes, condition: Condition = ANY) -> str | None:
        if condition.kind == "version":
            content = await super().get_content(path)
            if condition.version != self.version_of(content.data):
                raise PreconditionFailedError(path, self.name)
            condition = ANY
        await super().put_content(path, data, condition)
        return None


class ByContent(OneVersion):
    """Takes the content for the version, as an ETag that is an MD5: the same bytes, the same."""

    @override
    def version_of(self, data: bytes) -> str:
        return data.hex()


class OtherVersions(WrapperDriver):
    """Tells other versions where it reads than where it describes."""

    @override
    async def get_content(self, path: str, *, must_exist: bool = False) -> Content:
        content = await super().get_content(path, must_exist=must_exist)
        return replace(content, version=f'"{content.version}"')


class Lagging(WrapperDriver):
    """Shows other connections what was there before, for some of their calls.

    :param stale: how many calls for a path see the old state after each change.
    """

    def __init__(self, inner: StorageDriver, seen: dict[str, list[Content | None]]) -> None:
        super().__init__(inner)
        self._seen = seen

    stale = 3

    @override
    async def put_content(self, path: str, data: bytes, condition: Condition = ANY) -> str | None:
        before = await self._now(path)
        version = await super().put_content(path, data, condition)
        self._seen[path] = [before] * self.stale
        return version

    @override
    async def delete_file(
        self, path: str, condition: Condition = ANY, *, missing_ok: bool = False
    ) -> None:
        before = await self._now(path)
        await super().delete_file(path, condition, missing_ok=missing_ok)
        self._seen[path] = [before] * self.stale

    @override
    async def get_content(self, path: str, *, must_exist: bool = False) -> Content:
        if self._seen.get(path):
            content = self._seen[path].pop()
            if content is None:
                raise PathNotFoundError(path, self.name)
            return content
        return await super().get_content(path, must_exist=must_exist)

    async def _now(self, path: str) -> Content | None:
        try:
            return await super().get_content(path)
        except PathNotFoundError:
            return None


class RemembersAbsence(WrapperDriver):
    """Goes on to say that nothing is there, once it has said so."""

    def __init__(self, inner: StorageDriver) -> None:
        super().__init__(inner)
        self._absent: set[str] = set()

    @override
    async def get_content(self, path: str, *, must_exist: bool = False) -> Content:
        if path in self._absent:
            raise PathNotFoundError(path, self.name)
        try:
            return await super().get_content(path, must_exist=must_exist)
        except PathNotFoundError:
            self._absent.add(path)
            raise


class ListsLate(WrapperDriver):
    """Lists what was there at the listing before."""

    def __init__(self, inner: StorageDriver) -> None:
        super().__init__(inner)
        self._before: dict[str, list[str]] = {}

    @override
    async def list(
        self, path: str, start_after: str | None = None, limit: int | None = None
    ) -> AsyncGenerator[str, None]:
        found = [name async for name in super().list(path, start_after, limit)]
        known = f"{path} {start_after} {limit}"
        for name in self._before.get(known, []):
            yield name
        self._before[known] = found


class ListsInKeyOrder(WrapperDriver):
    """Lists as keys are ordered, where a directory's name ends in a slash."""

    @override
    async def list(
        self, path: str, start_after: str | None = None, limit: int | None = None
    ) -> AsyncGenerator[str, None]:
        found = []
        async for name in super().list(path, start_after, limit):
            is_dir = (await self.stat(f"{path}/{name}" if path else name)).is_dir
            found.append((f"{name}/" if is_dir else name, name))
        for _, name in sorted(found):
            yield name


class LeavesDirectories(WrapperDriver):
    """Lists directories that were emptied."""

    @override
    async def list(
        self, path: str, start_after: str | None = None, limit: int | None = None
    ) -> AsyncGenerator[str, None]:
        names = {name async for name in super().list(path, start_after, limit)}
        if "stays" in names and start_after is None and limit is None:
            names.add("leaves")
        for name in sorted(names):
            yield name


class WholeMinutes(WrapperDriver):
    """Tells times in whole minutes, and in another time zone."""

    @override
    async def stat(self, path: str, *, must_exist: bool = False) -> FileInfo:
        info = await super().stat(path, must_exist=must_exist)
        modified = info.modified.replace(second=0, microsecond=0) - timedelta(hours=2)
        return replace(info, modified=EPOCH if info.is_dir else modified)


Lie = Callable[[StorageDriver], StorageDriver]
