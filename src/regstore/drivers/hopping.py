"""A driver of regstore's own I/O loop for callers in other loops: each call hops there and back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

import anyio
from typing_extensions import override

from regstore._iothread import IoCall, io_loop
from regstore._tasks import is_asyncio
from regstore.driver import StorageDriver
from regstore.drivers.carried import CarriedDriver
from regstore.drivers.carrier import Call, Carrier, join

T = TypeVar("T")


class HoppingDriver(CarriedDriver):
    """Offers a driver of regstore's own I/O loop to any asyncio or trio loop; one serves many.

    One call is one hop, during which the caller's loop goes on; a listing is fetched in batches.
    A caller that is cancelled cancels its call and waits for its end, so that nothing stays open
    and no writer ever runs two steps at a time. Closing and cancelling go on to their end. In the
    I/O loop itself nothing hops. Wrappers stand outside of this one.

    :param inner: a driver whose runtime is an :class:`~regstore.driver.OwnLoopRuntime`; closing
        this one closes it.
    """

    def __init__(self, inner: StorageDriver) -> None:
        super().__init__(inner, _LoopCarrier())


class _LoopCarrier(Carrier):
    @override
    def call(self, make: Callable[[], Coroutine[Any, Any, T]], *, interruptible: bool) -> Call[T]:
        return _Hop(make, interruptible=interruptible)

    @override
    async def carry(
        self,
        make: Callable[[], Coroutine[Any, Any, T]],
        undo: Callable[[T], Coroutine[Any, Any, object]] | None = None,
    ) -> T:
        return await (make() if io_loop().is_here else super().carry(make, undo))

    @override
    async def surely(self, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return await (make() if io_loop().is_here else super().surely(make))


class _Hop(Call[T]):
    """One coroutine in the I/O loop, awaited in another."""

    def __init__(self, make: Callable[[], Coroutine[Any, Any, T]], *, interruptible: bool) -> None:
        super().__init__()
        self._make = make
        self._interruptible = interruptible
        self._ended = False

    @property
    @override
    def ended(self) -> bool:
        return self._ended

    @override
    async def run(self) -> None:
        end = anyio.Event()
        call = IoCall(self._make(), _in_this_loop(end.set))
        call.begin(copy_context())
        try:
            await end.wait()
        except anyio.get_cancelled_exc_class():
            if self._interruptible:
                call.cancel()
            await join(end.wait, end.is_set)
            with suppress(Exception):  # the caller is told of its cancellation, and of that alone
                self.results = call.results()
            raise
        finally:
            self._ended = end.is_set()
        self.results = call.results()


def _in_this_loop(fn: Callable[[], object]) -> Callable[[], None]:
    """Return what has *fn* called in the loop that runs here, and may be called in any thread."""
    if is_asyncio():
        soon: Callable[[Callable[[], object]], object]
        soon = asyncio.get_running_loop().call_soon_threadsafe
    else:
        import trio

        soon = trio.lowlevel.current_trio_token().run_sync_soon
    return partial(_unless_over, soon, fn)


def _unless_over(soon: Callable[[Callable[[], object]], object], fn: Callable[[], object]) -> None:
    with suppress(RuntimeError):  # a loop that was closed over its tasks' heads asks for nothing
        soon(fn)
