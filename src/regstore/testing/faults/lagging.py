"""A store that shows what was, for a while: eventual consistency on a virtual or a real clock."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from random import Random  # noqa: TID251 - seeded, so that a run can be repeated
from typing import Literal

from typing_extensions import override

from regstore.consistency.wrapper import WrapperDriver, WrapperWriter
from regstore.driver import (
    ANY,
    CHUNK_SIZE,
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
from regstore.errors import InvalidOffsetError, PathNotFoundError
from regstore.testing.faults.arguments import require_times

Kind = Literal["get", "stat", "list"]
Changes = dict[str, list[tuple[float, Content | None]]]
"""By path: when it changed, and what was there before."""


@dataclass(slots=True)
class Lag:
    """How far a store lags, and what it has shown. Drivers that share one are as one store.

    :ivar get: seconds for which ``get_content`` and ``reader`` show what was before a change.
    :ivar stat: the same for ``stat``.
    :ivar list: the same for ``list`` and ``walk``.
    :ivar negative: seconds for which a path that was missed is missed again (a cache of 404s).
    :ivar flapping: a seed: each read draws its own lag, from nothing up to the above, as of front
        ends that disagree. ``None``: every read lags as much.
    :raises ValueError: a number of seconds is below 0 or not finite.
    """

    get: float = 0.0
    stat: float = 0.0
    list: float = 0.0
    negative: float = 0.0
    flapping: int | None = None
    changes: Changes = field(default_factory=dict)
    missed: dict[str, float] = field(default_factory=dict)
    random: Random = field(init=False)

    def __post_init__(self) -> None:
        require_times(get=self.get, stat=self.stat, list=self.list, negative=self.negative)
        self.random = Random(self.flapping)  # noqa: S311 - no secret

    @property
    def bound(self) -> float:
        """Seconds after which everyone sees a write."""
        return max(self.get, self.stat, self.list) + self.negative

    def drawn(self, kind: Kind) -> float:
        """Return by how many seconds one read lags."""
        seconds: float = getattr(self, kind)
        return seconds if self.flapping is None else seconds * self.random.random()


class LaggingDriver(WrapperDriver):
    """Shows changes late, each kind of read by its own time, on the clock of its runtime.

    What changes things works on the truth: conditions, copies, moves, deletions. Of what is changed
    the old content is kept in memory until nobody can see it. Promises in its capabilities what is
    left: no read-after-write, and the bound.

    :param lag: how far; hand in the same one to have several drivers on one store.
    :param claims_strong: promise what the inner driver promises, although it lags: a store that
        breaks its word.
    :raises TypeError: *lag* is no :class:`Lag`.
    """

    def __init__(self, inner: StorageDriver, lag: Lag, *, claims_strong: bool = False) -> None:
        super().__init__(inner)
        if not isinstance(lag, Lag):
            like = f"Lag(get={lag!r}, stat={lag!r}, list={lag!r})"
            raise TypeError(f"{lag!r} is no Lag: give one, as in {like}")
        self.lag = lag
        self._claims_strong = claims_strong

    @property
    @override
    def capabilities(self) -> Capabilities:  # type: ignore[override] # as in WrapperDriver
        """The inner driver's, less what lags unless it *claims_strong*."""
        claimed = self._inner.capabilities
        if self._claims_strong:
            return claimed
        reads = max(self.lag.get, self.lag.stat) == 0
        return replace(
            claimed,
            read_after_write=claimed.read_after_write and reads and self.lag.negative == 0,
            read_after_overwrite=claimed.read_after_overwrite and reads and self.lag.negative == 0,
            list_after_write=claimed.list_after_write and self.lag.list == 0,
            staleness_bound=self.lag.bound,
        )

    async def changing(self, *paths: str) -> None:
        """Remember what is there, before it changes."""
        now = self.runtime.monotonic()
        for path in paths:
            history = self.lag.changes.setdefault(path, [])
            history.append((now, await self._now(path)))
            while history and history[0][0] <= now - self.lag.bound:
                del history[0]

    def _forget_old(self) -> None:
        oldest = self.runtime.monotonic() - self.lag.bound
        for path, history in list(self.lag.changes.items()):
            if history and history[-1][0] <= oldest:
                self.lag.changes.pop(path, None)

    async def _now(self, path: str) -> Content | None:
        try:
            return await self._inner.get_content(path)
        except PathNotFoundError:
            return None

    def _before(self, path: str, kind: Kind) -> tuple[Content | None] | None:
        """Return what a read shows of *path* instead of the truth, if it does."""
        horizon = self.runtime.monotonic() - self.lag.drawn(kind)
        for time, content in self.lag.changes.get(path, []):
            if time > horizon:
                return (content,)
        return None

    def _is_missed(self, path: str) -> bool:
        return self.lag.missed.get(path, -1.0) > self.runtime.monotonic()

    def _miss(self, path: str) -> PathNotFoundError:
        if self.lag.negative and not self._is_missed(path):
            self.lag.missed[path] = self.runtime.monotonic() + self.lag.negative
        return PathNotFoundError(path, self.name)

    async def _shown(self, path: str, kind: Kind) -> Content | None:
        """Return an old content that is shown; ``None`` where the truth is.

        :raises PathNotFoundError: nothing is shown.
        """
        before = None if self._is_missed(path) else self._before(path, kind)
        if self._is_missed(path) or before == (None,):
            raise self._miss(path)
        return None if before is None else before[0]

    @override
    async def get_content(self, path: str, *, must_exist: bool = False) -> Content:
        check_path(path, self.name)
        shown = await self._shown(path, "get")
        if shown is not None:
            return shown
        try:
            return await self._inner.get_content(path, must_exist=must_exist)
        except PathNotFoundError:
            raise self._miss(path) from None

    @override
    async def reader(
        self, path: str, offset: int = 0, length: int | None = None, *, must_exist: bool = False
    ) -> FileReader:
        check_path(path, self.name)
        check_range(path, offset, length, self.name)
        shown = await self._shown(path, "get")
        if shown is not None:
            return _OldReader(path, shown, offset, length)
        try:
            return await self._inner.reader(path, offset, length, must_exist=must_exist)
        except PathNotFoundError:
            raise self._miss(path) from None

    @override
    async def stat(self, path: str, *, must_exist: bool = False) -> FileInfo:
        check_path(path, self.name, allow_root=True)
        if not path:
            return await self._inner.stat(path)
        if self._is_missed(path):
            raise PathNotFoundError(path, self.name)
        before = self._before(path, "stat")
        if before is not None and before[0] is not None:
            return _info(path, before[0])
        if await self._seen_below(path, "stat"):
            return FileInfo(path, 0, EPOCH, "", is_dir=True)
        if before is None:
            try:
                info = await self._inner.stat(path, must_exist=must_exist)
            except PathNotFoundError:
                raise self._miss(path) from None
            if not info.is_dir:
                return info
        raise self._miss(path)

    @override
    async def list(
        self, path: str, start_after: str | None = None, limit: int | None = None
    ) -> AsyncGenerator[str, None]:
        check_path(path, self.name, allow_root=True)
        seen = await self._seen_below(path, "list")
        if path and not seen:
            raise PathNotFoundError(path, self.name)
        cut = len(path) + 1 if path else 0
        names = sorted({each[cut:].split("/", 1)[0] for each in seen})
        for name in [each for each in names if start_after is None or each > start_after][:limit]:
            yield name

    @override
    async def walk(self, path: str) -> AsyncGenerator[FileInfo, None]:
        check_path(path, self.name, allow_root=True)
        seen = await self._seen_below(path, "list")
        if path and not seen:
            raise PathNotFoundError(path, self.name)
        for info in seen.values():
            yield info

    async def _seen_below(self, path: str, kind: Kind) -> dict[str, FileInfo]:
        """Return the objects below *path*, as they are shown."""
        seen = {}
        try:
            async with aclosing(self._inner.walk(path)) as infos:
                async for info in infos:
                    seen[info.path] = info
        except PathNotFoundError:
            pass
        start = f"{path}/" if path else ""
        self._forget_old()
        for each in [each for each in list(self.lag.changes) if each.startswith(start)]:
            before = self._before(each, kind)
            if before is not None:
                seen.pop(each, None)
                if before[0] is not None:
                    seen[each] = _info(each, before[0])
        return seen

    @override
    async def put_content(self, path: str, data: bytes, condition: Condition = ANY) -> str | None:
        await self.changing(path)
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
        writer = await self._inner.writer(
            path, append=append, begin=begin, at_least=at_least, destination=destination
        )
        return _Writer(self, writer, path)

    @override
    async def move(self, source: str, destination: str) -> None:
        if source != destination:
            await self.changing(source, destination)
        await self._inner.move(source, destination)

    @override
    async def copy(
        self,
        source: str,
        destination: str,
        condition: Condition = ANY,
        source_version: str | None = None,
    ) -> str | None:
        await self.changing(destination)
        return await self._inner.copy(source, destination, condition, source_version)

    @override
    async def delete(self, path: str) -> None:
        paths = [path]
        try:
            async with aclosing(self._inner.walk(check_path(path, self.name))) as infos:
                paths += [info.path async for info in infos]
        except PathNotFoundError:
            pass
        await self.changing(*paths)
        await self._inner.delete(path)

    @override
    async def delete_file(
        self, path: str, condition: Condition = ANY, *, missing_ok: bool = False
    ) -> None:
        await self.changing(path)
        await self._inner.delete_file(path, condition, missing_ok=missing_ok)


class _OldReader(FileReader):
    def __init__(self, path: str, content: Content, offset: int, length: int | None) -> None:
        size = len(content.data)
        if offset > size:
            raise InvalidOffsetError(path, offset, "lagging", f"the object ends at {size}")
        self.info = _info(path, content)
        self._left = content.data[offset : None if length is None else offset + length]

    @override
    async def read(self) -> bytes:
        chunk, self._left = self._left[:CHUNK_SIZE], self._left[CHUNK_SIZE:]
        return chunk

    @override
    async def aclose(self) -> None:
        """Do nothing: there is nothing to release."""


class _Writer(WrapperWriter):
    def __init__(self, driver: LaggingDriver, inner: FileWriter, path: str) -> None:
        super().__init__(inner)
        self._driver = driver
        self._path = path

    @override
    async def commit(
        self, to: str | None = None, condition: Condition = ANY, *, keep_parked: bool = False
    ) -> str | None:
        await self._driver.changing(self._path, *([] if to in {None, self._path} else [str(to)]))
        return await self._inner.commit(to, condition, keep_parked=keep_parked)


def _info(path: str, content: Content) -> FileInfo:
    return FileInfo(path, len(content.data), content.modified, content.version)
