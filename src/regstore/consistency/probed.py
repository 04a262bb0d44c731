"""Promise what a probe has found of the store, and ask for that before anything else."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TypeVar

from typing_extensions import override

from regstore.consistency.intercepted import Effect, Intercepted
from regstore.consistency.measured import Measured
from regstore.driver import StorageDriver
from regstore.errors import ConfigurationError
from regstore.layout import Caps

T = TypeVar("T")


def accept_all(driver: StorageDriver) -> None:
    """Take a store whatever it keeps."""


class Probed(Intercepted):
    """Knows from its first call on what ``regstore probe --save`` has kept in the store.

    That call is preceded by one read of ``docker/registry/regstore/v1/caps.json``. From then on
    :attr:`capabilities` promise no more than stands there: conditions, and how soon writes are
    seen. Before that they are the inner driver's.

    Every call raises, beyond what the driver raises:

    :param accept: is given this driver once it promises what was found, and raises where that is
        not enough: then no call goes through.
    :raises ConfigurationError: the store holds no such finding, none that can be read, or another
        store's; or *accept* says so.
    """

    def __init__(
        self, inner: StorageDriver, accept: Callable[[StorageDriver], object] = accept_all
    ) -> None:
        self._measured = Measured(inner)
        self._accept = accept
        self._is_accepted = False
        super().__init__(self._measured)

    async def ready(self) -> None:
        """Know what was found.

        :raises ConfigurationError: nothing was, or it cannot be read, or is not enough.
        """
        if self._is_accepted:
            return
        if not self._measured.is_measured:
            await self._measured.read_once()
        if (error := self._measured.unreadable) is not None:
            msg = f"consistency='measured' goes by what a probe has kept, and {error}"
            raise ConfigurationError(msg) from error
        if not self._measured.is_measured:
            msg = (
                f"consistency='measured' goes by what a probe has kept in {Caps().path}, and this "
                f"store (driver: {self.name}) has no finding of its own there: run 'regstore probe "
                "--save' on it, or say how soon it shows writes, as in consistency='eventual(5)'"
            )
            raise ConfigurationError(msg)
        self._accept(self)
        self._is_accepted = True

    @override
    async def make(self, method: str, path: str, effect: Effect[T]) -> T:
        await self.ready()
        return await effect()

    @override
    async def follow(
        self, method: str, path: str, items: AsyncGenerator[T, None]
    ) -> AsyncGenerator[T, None]:
        async with aclosing(items):
            await self.ready()
            async for item in items:
                yield item
