"""The runtimes that run the one core.

Contract, wrappers and stores are written once, as ``async def``. What they need of the world
(time, sleep, randomness, parallelism) they ask of the driver's :class:`Runtime`, so the same code
runs from plain code over a blocking driver (:class:`BlockingRuntime`: one ``coro.send(None)``, no
loop, no thread), awaited in an application's event loop (:class:`LoopRuntime`), and in a simulator
that hands in its own. Plain code over a driver that suspends: ``_loop.py``.
"""

from __future__ import annotations

import asyncio
import random
import time
from abc import ABC, abstractmethod
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Coroutine,
    Generator,
    Iterable,
    Iterator,
)
from contextvars import ContextVar
from datetime import datetime
from functools import partial
from typing import Any, Protocol, TypeVar, cast

import anyio
import anyio.to_thread
from typing_extensions import override

from regstore._clock import Clock, SystemClock
from regstore._tasks import (
    Limiter,
    LimiterOfEachLoop,
    Running,
    Started,
    Unlimited,
    ended,
    is_asyncio,
    until_done,
)

__all__ = [
    "CALLING_THREAD",
    "BlockingRuntime",
    "CallingThread",
    "Limiter",
    "LoopRuntime",
    "Runtime",
    "Started",
    "as_async",
    "close",
]

T = TypeVar("T")
R = TypeVar("R")


class Runtime(ABC):
    """How the coroutines of one driver, and of all that stands on it, are run.

    :param clock: where time comes from.
    :param rng: where randomness comes from; the operating system's by default, since upload ids
        must not be guessable.
    """

    def __init__(self, clock: Clock | None = None, rng: random.Random | None = None) -> None:
        self._clock = clock or SystemClock()
        self.random: random.Random = rng or random.SystemRandom()

    def now(self) -> datetime:
        """Return the wall-clock time, aware, in UTC."""
        return self._clock.now()

    def monotonic(self) -> float:
        """Return seconds for measuring durations."""
        return self._clock.monotonic()

    @abstractmethod
    def run(self, coro: Coroutine[Any, Any, T]) -> T:
        """Run *coro* to its end from plain code and return its result.

        :raises RuntimeError: this runtime cannot serve plain code.
        """

    @abstractmethod
    async def sleep(self, seconds: float) -> None:
        """Wait for *seconds*."""

    @abstractmethod
    async def map(
        self, fn: Callable[[T], Awaitable[R]], items: Iterable[T], limit: int = 16
    ) -> list[R]:
        """Call *fn* on each item, at most *limit* at a time, and return the results in order.

        The first error ends the whole: calls under way are cancelled, and that error is raised
        alone, never in a group.
        """

    async def both(
        self, first: Coroutine[Any, Any, T], second: Coroutine[Any, Any, R]
    ) -> tuple[T, R]:
        """Await both, at the same time where this runtime can; errors as in :meth:`map`."""
        try:
            one, two = await self.map(_await, (first, second))
        finally:
            first.close()
            second.close()
        return cast("tuple[T, R]", (one, two))

    @abstractmethod
    async def offload(self, fn: Callable[[], T]) -> T:
        """Run the blocking or CPU-bound *fn* where it does not hold up anybody else."""

    @abstractmethod
    async def shield(self, aw: Awaitable[T]) -> T:
        """Await *aw* to its end even when the caller is cancelled meanwhile."""

    async def within(
        self,
        seconds: float,  # noqa: ARG002 - for who can cancel
        aw: Awaitable[T],
    ) -> T:
        """Await *aw*, and cancel it after *seconds*.

        Where calls block nothing can be cancelled: there *aw* takes the time that it takes.

        :raises TimeoutError: it was cancelled.
        """
        return await aw

    @abstractmethod
    async def start(self, coro: Coroutine[Any, Any, T]) -> Started[T]:
        """Begin *coro* beside the caller.

        Where this runtime has nobody to run it meanwhile it is run to its end at once, and what it
        gave or raised is kept for :meth:`Started.result`.
        """

    @abstractmethod
    def limiter(self, n: int) -> Limiter:
        """Return what lets *n* calls at a time through, counted for each loop apart.

        Where calls come one after another it lets everybody through, and counts nothing. May be
        made anywhere, before a loop runs too, and works in a forked child.
        """

    def iterate(self, items: AsyncGenerator[T, None]) -> Generator[T, None, None]:
        """Iterate *items* from plain code; closing the iterator closes *items*."""
        try:
            while True:
                try:
                    item = self.run(_step(items))
                except StopAsyncIteration:
                    return
                yield item
        finally:
            self.run(close(items))


async def _await(aw: Awaitable[Any]) -> Any:  # noqa: ANN401 - typed where it is called
    return await aw


async def _step(items: AsyncGenerator[T, None]) -> T:
    return await anext(items)


async def close(items: AsyncGenerator[T, None]) -> None:
    """Close *items*."""
    await items.aclose()


class BlockingRuntime(Runtime):
    """For drivers whose coroutines never suspend: they block the calling thread instead."""

    @override
    def run(self, coro: Coroutine[Any, Any, T]) -> T:
        try:
            coro.send(None)
        except StopIteration as done:
            result: T = done.value
            return result
        finally:
            coro.close()
        msg = "a coroutine of a blocking driver has suspended; such drivers must block instead"
        raise RuntimeError(msg)

    @override
    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    @override
    async def map(
        self, fn: Callable[[T], Awaitable[R]], items: Iterable[T], limit: int = 16
    ) -> list[R]:
        return [await fn(item) for item in items]

    @override
    async def offload(self, fn: Callable[[], T]) -> T:
        return fn()

    @override
    async def shield(self, aw: Awaitable[T]) -> T:
        return await aw

    @override
    async def start(self, coro: Coroutine[Any, Any, T]) -> Started[T]:
        return await ended(coro)

    @override
    def limiter(self, n: int) -> Limiter:
        return Unlimited()


class LoopRuntime(Runtime):
    """For drivers that suspend: runs in whatever event loop awaits it (asyncio or trio)."""

    @override
    def run(self, coro: Coroutine[Any, Any, T]) -> T:
        coro.close()
        msg = "this driver needs an event loop: use regstore.AsyncRegistry and await"
        raise RuntimeError(msg)

    @override
    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)

    @override
    async def map(
        self, fn: Callable[[T], Awaitable[R]], items: Iterable[T], limit: int = 16
    ) -> list[R]:
        results: dict[int, R] = {}
        failures: list[Exception] = []
        limiter = anyio.Semaphore(limit)

        async def call(index: int, item: T) -> None:
            try:
                results[index] = await fn(item)
            except Exception as error:  # noqa: BLE001 - raised again below, alone
                failures.append(error)
                group.cancel_scope.cancel()
            finally:
                limiter.release()

        async with anyio.create_task_group() as group:
            for index, item in enumerate(items):
                await limiter.acquire()
                group.start_soon(call, index, item)
        if failures:
            raise failures[0]
        return [results[index] for index in sorted(results)]

    @override
    async def offload(self, fn: Callable[[], T]) -> T:
        return await anyio.to_thread.run_sync(fn)

    @override
    async def shield(self, aw: Awaitable[T]) -> T:
        with anyio.CancelScope(shield=True):
            if is_asyncio():
                result = await _outlast(asyncio.ensure_future(aw))
            else:
                result = await aw
        return result

    @override
    async def within(self, seconds: float, aw: Awaitable[T]) -> T:
        with anyio.fail_after(seconds):
            return await aw

    @override
    async def start(self, coro: Coroutine[Any, Any, T]) -> Started[T]:
        # trio has no task without a nursery, and no nursery may outlive this call.
        return Running(asyncio.create_task(coro)) if is_asyncio() else await ended(coro)

    @override
    def limiter(self, n: int) -> Limiter:
        return LimiterOfEachLoop(n)


async def _outlast(future: asyncio.Future[T]) -> T:
    """Await *future*; whoever cancels the waiting task is heard when it has ended."""
    await until_done(future)
    return future.result()


class CallingThread(Protocol):
    """A plain caller that waits for a coroutine in another thread, and lends a hand meanwhile."""

    async def do(self, fn: Callable[[], T]) -> T:
        """Run *fn* in the thread of the caller."""
        ...


CALLING_THREAD: ContextVar[CallingThread | None] = ContextVar("CALLING_THREAD", default=None)
"""Who waits for the coroutine that runs, where it runs in a thread that others need, too."""


async def as_async(items: Iterable[T] | AsyncIterable[T]) -> AsyncGenerator[T, None]:
    """Iterate plain or asynchronous *items* alike.

    Plain ones are asked in the thread they come from: they may block, or call a registry.
    """
    caller = CALLING_THREAD.get()
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    elif caller is None or isinstance(items, list | tuple):
        for item in items:
            yield item
    else:
        iterator = await caller.do(partial(iter, items))
        while (found := await caller.do(partial(_next, iterator))) is not None:
            yield found[0]


def _next(iterator: Iterator[T]) -> tuple[T] | None:
    for item in iterator:
        return (item,)
    return None
