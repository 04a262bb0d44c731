"""One place through which every storage call goes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final, TypeVar

from typing_extensions import override

from regstore.consistency.intercepted import (
    Effect,
    Intercepted,
    InterceptedReader,
    InterceptedWriter,
)
from regstore.driver import ANY, Condition, FileReader, FileWriter, StorageDriver
from regstore.errors import DriverError

T = TypeVar("T")

CHANGING: Final = frozenset(
    {
        "put_content",
        "move",
        "copy",
        "delete",
        "delete_file",
        "writer",
        "writer.write",
        "writer.park",
        "writer.commit",
        "writer.cancel",
    }
)
"""The calls that have an effect on the store."""
LISTINGS: Final[frozenset[str]] = frozenset({"list", "walk"})
CALLS: Final[frozenset[str]] = (
    CHANGING
    | LISTINGS
    | {
        "stat",
        "get_content",
        "reader",
        "reader.read",
        "parked_at",
        "redirect_url",
        "local_file",
    }
)
"""All calls."""


@dataclass(frozen=True, slots=True)
class Call:
    """One storage call.

    :ivar number: counted from 1.
    :ivar method: its name; steps of readers and writers as ``reader.read``, ``writer.park``.
    :ivar path: what it is about; of copies and moves the source, of writers their own path.
    """

    number: int
    method: str
    path: str

    @property
    def changes(self) -> bool:
        """Whether it has an effect on the store."""
        return self.method in CHANGING


class InterceptedDriver(Intercepted):
    """Forwards each call, and each step of readers and writers, through :meth:`through`.

    A base for drivers of your own: override :meth:`through`. A listing is one call, which is made
    when its first name is asked for; what comes of it goes through :meth:`listed`. A reader whose
    ``read`` has failed fails again: open another one.
    """

    def __init__(self, inner: StorageDriver) -> None:
        super().__init__(inner)
        self._count = 0

    async def through(self, call: Call, effect: Effect[T]) -> T:
        """Make *call*, whose effect is *effect*."""
        del call
        return await effect()

    def listed(self, call: Call, items: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
        """Give the *items* of a listing whose *call* was made."""
        del call
        return items

    @override
    async def make(self, method: str, path: str, effect: Effect[T]) -> T:
        """Count a call and make it."""
        return await self.through(self._counted(method, path), effect)

    @override
    async def follow(
        self, method: str, path: str, items: AsyncGenerator[T, None]
    ) -> AsyncGenerator[T, None]:
        async with aclosing(items):
            call = self._counted(method, path)
            await self.through(call, _nothing)
            async with aclosing(self.listed(call, items)) as given:
                async for item in given:
                    yield item

    def _counted(self, method: str, path: str) -> Call:
        self._count += 1
        return Call(self._count, method, path)

    @override
    def reading(self, inner: FileReader) -> FileReader:
        return _Reader(inner, self)

    @override
    def writing(self, inner: FileWriter, path: str) -> FileWriter:
        return _Writer(inner, self, path)


class _Reader(InterceptedReader):
    _failure: DriverError | None = None

    @override
    async def read(self) -> bytes:
        if self._failure is not None:
            raise self._failure
        try:
            return await super().read()
        except DriverError as error:
            self._failure = error
            raise


class _Writer(InterceptedWriter):
    _is_committed = False

    @override
    async def commit(
        self, to: str | None = None, condition: Condition = ANY, *, keep_parked: bool = False
    ) -> str | None:
        async def effect() -> str | None:
            version = await self._inner.commit(to, condition, keep_parked=keep_parked)
            self._is_committed = not keep_parked
            return version

        return await self._driver.make("writer.commit", self._path, effect)

    @override
    async def cancel(self) -> None:
        # Where the answer to a commit was lost its caller holds an open writer, and may cancel it.
        if not self._is_committed:
            await super().cancel()


async def _nothing() -> None:
    """Have no effect."""
