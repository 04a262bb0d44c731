"""A driver whose every storage call can be watched, made to fail, or made the last one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeVar

from typing_extensions import override

from regstore.consistency.wrapper import WrapperDriver, WrapperReader, WrapperWriter
from regstore.driver import ANY, Condition, FileInfo, FileReader, FileWriter, StorageDriver
from regstore.errors import RegstoreError, TransientError

T = TypeVar("T")

Moment = Literal["before", "after"]


@dataclass(frozen=True)
class Call:
    """One storage call.

    :ivar number: counted from 1.
    :ivar name: of the method; steps of writers and readers as ``writer.park``, ``reader.read``.
    """

    number: int
    name: str
    path: str


Hook = Callable[[Call, Moment], object]


class Crash(BaseException):
    """The process is no more."""


class Hooked(WrapperDriver):
    """Calls *hook* before and after each storage call; what it raises is raised."""

    def __init__(self, inner: StorageDriver, hook: Hook = lambda _call, _moment: None) -> None:
        super().__init__(inner)
        self.hook = hook
        self.calls: list[Call] = []

    async def through(self, name: str, path: str, effect: Callable[[], Awaitable[T]]) -> T:
        with self.calling(name, path):
            return await effect()

    @contextmanager
    def calling(self, name: str, path: str) -> Iterator[None]:
        call = Call(len(self.calls) + 1, name, path)
        self.calls.append(call)
        self.hook(call, "before")
        try:
            yield
        except RegstoreError:
            self.hook(call, "after")
            raise
        self.hook(call, "after")

    @override
    async def reader(
        self, path: str, offset: int = 0, length: int | None = None, *, must_exist: bool = False
    ) -> FileReader:
        effect = partial(super().reader, path, offset, length, must_exist=must_exist)
        return _HookedReader(self, await self.through("reader", path, effect))

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
        effect = partial(
            super().writer,
            path,
            append=append,
            begin=begin,
            at_least=at_least,
            destination=destination,
        )
        return _HookedWriter(self, await self.through("writer", path, effect), path)

    @override
    async def list(
        self, path: str, start_after: str | None = None, limit: int | None = None
    ) -> AsyncGenerator[str, None]:
        with self.calling("list", path):
            async with aclosing(self._inner.list(path, start_after, limit)) as names:
                async for name in names:
                    yield name

    @override
    async def walk(self, path: str) -> AsyncGenerator[FileInfo, None]:
        with self.calling("walk", path):
            async with aclosing(self._inner.walk(path)) as files:
                async for info in files:
                    yield info


class _HookedReader(WrapperReader):
    def __init__(self, driver: Hooked, inner: FileReader) -> None:
        super().__init__(inner)
        self._driver = driver

    @override
    async def read(self) -> bytes:
        return await self._driver.through("reader.read", self.info.path, super().read)


class _HookedWriter(WrapperWriter):
    def __init__(self, driver: Hooked, inner: FileWriter, path: str) -> None:
        super().__init__(inner)
        self.driver = driver
        self.path = path
        self._is_committed = False

    @override
    async def commit(
        self, to: str | None = None, condition: Condition = ANY, *, keep_parked: bool = False
    ) -> str | None:
        async def effect() -> str | None:
            version = await self._inner.commit(to, condition, keep_parked=keep_parked)
            self._is_committed = not keep_parked
            return version

        return await self.driver.through("writer.commit", self.path, effect)

    @override
    async def cancel(self) -> None:
        """Harmless after a commit whose answer was lost: what raises leaves the writer open."""
        if not self._is_committed:
            await self.driver.through("writer.cancel", self.path, self._inner.cancel)


def _forward(name: str) -> Callable[..., Awaitable[Any]]:
    async def forward(self: Hooked, path: str, *args: object, **options: object) -> object:
        effect = partial(getattr(self._inner, name), path, *args, **options)
        return await self.through(name, path, effect)

    return forward


def _step(name: str) -> Callable[..., Awaitable[Any]]:
    async def step(self: _HookedWriter, *args: object, **options: object) -> object:
        effect = partial(getattr(self._inner, name), *args, **options)
        return await self.driver.through(f"writer.{name}", self.path, effect)

    return step


for _name in ("stat", "get_content", "put_content", "move", "copy", "delete", "delete_file"):
    setattr(Hooked, _name, _forward(_name))
for _name in ("write", "park"):
    setattr(_HookedWriter, _name, _step(_name))


def crash_at(number: int, moment: Moment) -> Hook:
    """Crash at the call *number*; whatever the dead would still do has no effect."""

    def hook(call: Call, now: Moment) -> None:
        if call.number > number or (call.number == number and now == moment):
            raise Crash

    return hook


def fail_at(number: int, moment: Moment = "before") -> Hook:
    """Fail once, at the call *number*; ``after`` its effect the answer is lost."""

    def hook(call: Call, now: Moment) -> None:
        if call.number == number and now == moment:
            raise TransientError(call.path, "faulty", outcome_unknown=moment == "after")

    return hook


def once(matches: Callable[[Call], bool], act: Callable[[], object], at: Moment = "before") -> Hook:
    """Do *act* at the first call that *matches*."""
    planned = [act]

    def hook(call: Call, now: Moment) -> None:
        if planned and now == at and matches(call):
            planned.pop()()

    return hook


def failing(name: str, within: str = "", at: Moment = "before") -> Hook:
    """Fail once, at the first call *name* whose path has *within*."""

    def fail() -> None:
        raise TransientError(within, "faulty", outcome_unknown=at == "after")

    return once(lambda call: call.name == name and within in call.path, fail, at)
