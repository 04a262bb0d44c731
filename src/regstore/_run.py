"""The runtimes that run the one core.

Contract, wrappers and stores are written once, as ``async def``. What they need of the world
(time, sleep, randomness, parallelism) they ask of the driver's :class:`Runtime`, so the same code
runs from plain code over a blocking driver (:class:`BlockingRuntime`: one ``coro.send(None)``, no
loop, no thread), awaited in an application's event loop (:class:`LoopRuntime`), and in a simulator
that hands in its own.
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
)
from datetime import datetime
from typing import Any, TypeVar, cast

import anyio
import anyio.to_thread
from typing_extensions import override

from regstore._clock import Clock, SystemClock

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
            self.run(_close(items))


async def _await(aw: Awaitable[Any]) -> Any:  # noqa: ANN401 - typed where it is called
    return await aw


async def _step(items: AsyncGenerator[T, None]) -> T:
    return await anext(items)


async def _close(items: AsyncGenerator[T, None]) -> None:
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
            if _is_asyncio():
                result = await _outlast(asyncio.ensure_future(aw))
            else:
                result = await aw
        return result


def _is_asyncio() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def _outlast(future: asyncio.Future[T]) -> T:
    """Await *future*; whoever cancels the waiting task is heard when it has ended."""
    interruption: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            interruption = error
    if interruption is not None:
        raise interruption
    return future.result()


async def as_async(items: Iterable[T] | AsyncIterable[T]) -> AsyncGenerator[T, None]:
    """Iterate plain or asynchronous *items* alike."""
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item
