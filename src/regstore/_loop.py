"""regstore's own I/O loop: drivers that suspend, for plain code and for loops of any kind.

A client of a cloud store belongs to the event loop that first awaited it. So that plain code, many
threads and many loops can share one, such drivers run in a loop of regstore's own: see
``_iothread.py``.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextvars import copy_context
from functools import partial
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Generic, TypeVar
from weakref import finalize

from typing_extensions import override

from regstore._iothread import IoCall, IoLoop, at_leisure, io_loop
from regstore._run import CALLING_THREAD, LoopRuntime, close

T = TypeVar("T")
R = TypeVar("R")

_BATCH = 256
_HURRY = 0.005
"""Plain code is handed what comes within so many seconds at once; a hop costs 0.0001."""


class _Waiting(Generic[T]):
    """A thread that waits for a coroutine in the I/O loop, and does meanwhile what that asks."""

    def __init__(self, coro: Coroutine[Any, Any, T]) -> None:
        self._jobs: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._call = IoCall(coro, partial(self._jobs.put, bool))

    def wait(self) -> T:
        context = copy_context()
        context.run(CALLING_THREAD.set, self)
        try:
            self._call.begin(context)
            self._serve()
        except BaseException:
            self._call.cancel()
            self._serve()
            raise
        return self._call.results()[0]

    async def do(self, fn: Callable[[], R]) -> R:
        if self._call.ended:
            msg = "the caller has gone on and can do nothing here"
            raise RuntimeError(msg)
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._jobs.put(partial(self._do, fn, future))
        return await future

    def _serve(self) -> None:
        while not self._call.ended:
            self._jobs.get()()

    def _do(self, fn: Callable[[], R], future: asyncio.Future[R]) -> None:
        try:
            result = fn()
        except Exception as error:  # noqa: BLE001 - raised where it was asked for
            self._call.answer(future.set_exception, error, future)
        else:
            self._call.answer(future.set_result, result, future)


class OwnLoopRuntime(LoopRuntime):
    """For drivers that suspend and belong to one loop: it runs them in regstore's own.

    Plain code reaches them through :meth:`run`, in any thread; other loops reach them through
    :class:`~regstore.drivers.hopping.HoppingDriver`. What is awaited is awaited in the I/O loop.
    Plain iterables that a caller handed in are asked in the caller's thread, so they may block and
    may call a registry; observers and progress callbacks run in the I/O loop's thread and may not.
    """

    @override
    def run(self, coro: Coroutine[Any, Any, T]) -> T:
        """Run *coro* in the I/O loop, and wait.

        What interrupts the waiting thread (Ctrl-C) cancels *coro* and is raised when that has
        ended; a second interruption does not wait.

        :raises RuntimeError: called in the I/O loop's own thread, or the interpreter exits.
        """
        if io_loop().is_here:
            coro.close()
            msg = (
                "plain code cannot wait for regstore's I/O loop in the loop's own thread: "
                "leave it to another thread, or await the driver"
            )
            raise RuntimeError(msg)
        return _Waiting(coro).wait()

    def release_with(self, owner: object, make: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Run *make* in the I/O loop when *owner* is collected, or the interpreter exits.

        *make* must not hold *owner*.
        """
        finalize(owner, at_leisure, make)

    @override
    async def offload(self, fn: Callable[[], T]) -> T:
        # Not anyio's threads: the interpreter's exit would wait for them as long as the loop runs.
        loop = asyncio.get_running_loop()
        return await self.shield(loop.run_in_executor(None, copy_context().run, fn))

    @override
    def iterate(self, items: AsyncGenerator[T, None]) -> Generator[T, None, None]:
        """Iterate *items* from plain code, some at a time; closing the iterator closes *items*.

        An iterator that is dropped is closed soon: whichever thread collects it does not wait.
        """
        return _Items(self, items)


class _Items(Generator[T, None, None]):
    """Items of the I/O loop for plain code."""

    def __init__(self, runtime: OwnLoopRuntime, items: AsyncGenerator[T, None]) -> None:
        self._io: IoLoop | None = None
        self._open = True
        self._runtime = runtime
        self._items = items
        self._ready: deque[T] = deque()
        self._error: Exception | None = None

    @override
    def send(self, value: None) -> T:
        while not self._ready:
            if not self._open:
                error, self._error = self._error, None
                raise error or StopIteration
            self._fetch()
        return self._ready.popleft()

    @override
    def throw(
        self,
        kind: type[BaseException] | BaseException,
        value: BaseException | object = None,
        trace: TracebackType | None = None,
        /,
    ) -> T:
        self.close()
        for error in (kind, value):
            if isinstance(error, BaseException):
                raise error.with_traceback(trace)
        raise kind

    @override
    def close(self) -> None:
        self._ready.clear()
        self._error = None
        io = self._to_be_closed()
        if io is not None and io.is_here:
            io.detach(close, self._items)
        elif io is not None:
            self._runtime.run(close(self._items))

    def __del__(self) -> None:
        # Garbage is collected anywhere: in the I/O loop's thread, or while a lock is held that
        # somebody in the I/O loop waits for. Nobody can wait here.
        io = self._to_be_closed()
        if io is not None:
            io.detach(close, self._items)

    def _to_be_closed(self) -> IoLoop | None:
        """Return, once, where to close what has begun and not ended; nothing after a fork."""
        was_open, self._open = self._open, False
        io = self._io
        return io if was_open and io is not None and io.is_of_this_process else None

    def _fetch(self) -> None:
        if self._io is not None and not self._io.is_of_this_process:
            msg = "this iterator was begun before the fork: begin another one here"
            raise RuntimeError(msg)
        self._io = io_loop()
        try:
            found, self._error, self._open = self._runtime.run(_some(self._items))
        except BaseException:
            self.close()
            raise
        self._ready.extend(found)


async def _some(items: AsyncGenerator[T, None]) -> tuple[list[T], Exception | None, bool]:
    """Return what comes soon, the error after it, and whether more may come."""
    now = asyncio.get_running_loop().time
    enough = now() + _HURRY
    found: list[T] = []
    try:
        async for item in items:
            found.append(item)
            if len(found) == _BATCH or now() >= enough:
                return found, None, True
    except Exception as error:  # noqa: BLE001 - raised when what came before has been taken
        return found, error, False
    return found, None, False
