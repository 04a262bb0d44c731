"""regstore's own I/O loop: drivers that suspend, for plain code and for loops of any kind.

A client of a cloud store belongs to the event loop that first awaited it. So that plain code, many
threads and many loops can share one, such drivers run in a loop of regstore's own: one daemon
thread in each process, begun when it is first needed, apart from fsspec's. A forked child begins
its own.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import suppress
from contextvars import Context, copy_context
from functools import partial
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Generic, ParamSpec, TypeVar

from typing_extensions import override

from regstore._run import CALLING_THREAD, LoopRuntime, close

try:
    import sniffio
except ImportError:  # anyio needs it beside trio only
    sniffio = None  # type: ignore[assignment]

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")

_BATCH = 256
_HURRY = 0.005
"""Plain code is handed what comes within so many seconds at once; a hop costs 0.0001."""
_GRACE = 5.0
"""Seconds that the interpreter's exit waits for cancelled calls to clean up."""


class IoLoop:
    """An asyncio loop in a daemon thread. Get it from :func:`io_loop`."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._over = False
        self._thread = threading.Thread(target=self._work, name="regstore-io", daemon=True)
        self._thread.start()

    @property
    def is_here(self) -> bool:
        """Whether the caller runs in the loop's own thread."""
        return threading.get_ident() == self._thread.ident

    def post(self, fn: Callable[P, object], *args: P.args, **named: P.kwargs) -> None:
        """Call *fn* in the loop, soon, in a copy of the caller's context.

        :raises RuntimeError: the interpreter exits.
        """
        if self._over:
            msg = "regstore's I/O loop has ended with the interpreter: close the registry earlier"
            raise RuntimeError(msg)
        self._loop.call_soon_threadsafe(partial(fn, *args, **named))

    def spawn(self, coro: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run *coro* as a task; called in the loop."""
        task = self._loop.create_task(coro)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def finish(self, items: AsyncGenerator[Any, None]) -> None:
        """Close *items* soon; nobody waits, and nobody is told but asyncio's log."""
        with suppress(RuntimeError):  # the loop is over, and has closed its generators
            self.post(lambda: self.spawn(close(items)))

    def stop(self, grace: float) -> None:
        """Cancel what runs, wait up to *grace* seconds for its end, and close the loop."""
        self._over = True
        self._loop.call_soon_threadsafe(lambda: self.spawn(self._wind_up()))
        self._thread.join(grace)
        if not self._thread.is_alive():
            self._loop.close()

    def _work(self) -> None:
        if sniffio is not None:
            # A trio caller's context says "trio", and comes along.
            sniffio.thread_local.name = "asyncio"
        while not self._over:
            # A task that raises one of these has handed it to its caller already.
            with suppress(SystemExit, KeyboardInterrupt):
                self._loop.run_forever()

    async def _wind_up(self) -> None:
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in others:
                task.cancel()
            await asyncio.wait(others)
        await self._loop.shutdown_asyncgens()
        self._loop.stop()


class _Process:
    """What this process has: the loop, and the lock under which it is begun."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.io: IoLoop | None = None


_process = _Process()
_of_ancestors: list[_Process] = []
"""Kept for ever: a loop that is closed here would close connections that its process uses."""


def io_loop() -> IoLoop:
    """Return this process's I/O loop, begun if need be."""
    here = _process
    if here.io is None:
        with here.lock:
            if here.io is None:
                here.io = IoLoop()
    return here.io


def _after_fork() -> None:
    global _process  # noqa: PLW0603 - the child's state is new, its locks are free
    _of_ancestors.append(_process)
    _process = _Process()


def _at_exit() -> None:
    if _process.io is not None:
        _process.io.stop(_GRACE)


os.register_at_fork(after_in_child=_after_fork)
# Exit handlers run last come, first served: what users register after the import runs before.
atexit.register(_at_exit)


class IoCall(Generic[T]):
    """One coroutine in the I/O loop, and how it ended, for whoever waits elsewhere.

    :param on_end: called in the loop when *coro* has ended.
    """

    def __init__(self, coro: Coroutine[Any, Any, T], on_end: Callable[[], object]) -> None:
        self.ended = False
        self._io = io_loop()
        self._coro = coro
        self._on_end = on_end
        self._task: asyncio.Task[T] | None = None
        self._results: list[T] = []
        self._error: BaseException | None = None

    def begin(self, context: Context) -> None:
        """Begin, once, with the context variables of *context*.

        :raises RuntimeError: the interpreter exits; the coroutine is closed.
        """
        try:
            self._io.post(context.run, self._begin)
        except RuntimeError:
            self._coro.close()
            self.ended = True
            raise

    def cancel(self) -> None:
        """Cancel the coroutine, or do not begin it; *on_end* tells when it has ended."""
        with suppress(RuntimeError):  # the loop is over, and the coroutine with it
            self._io.post(self._cancel)

    def results(self) -> list[T]:
        """Return what the coroutine returned, alone, or raise what it raised; it has ended.

        :raises RuntimeError: it was cancelled.
        """
        error, self._error = self._error, None
        results, self._results = self._results, []
        if error is not None:
            try:
                raise error
            finally:
                del error  # its traceback holds this frame
        return results

    def answer(self, how: Callable[[R], None], what: R, future: asyncio.Future[Any]) -> None:
        """Settle *future*, for which the coroutine may wait, with ``how(what)``."""
        self._io.post(_settle, how, what, future)

    def _begin(self) -> None:
        self._task = self._io.spawn(self._coro)
        self._task.add_done_callback(self._end)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
        elif not self.ended:
            self._coro.close()
            self._finish()

    def _end(self, task: asyncio.Task[T]) -> None:
        self._task = None  # its context may hold this call
        if task.cancelled():
            msg = "the call was cancelled in regstore's I/O loop: does the interpreter exit?"
            self._error = RuntimeError(msg)
        else:
            self._error = task.exception()
            if self._error is None:
                self._results.append(task.result())
        self._finish()

    def _finish(self) -> None:
        self.ended = True
        self._on_end()


def _settle(how: Callable[[R], None], what: R, future: asyncio.Future[Any]) -> None:
    if not future.done():  # by a cancellation
        how(what)


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
        raise kind  # type: ignore[misc] # a class, else it was raised above

    @override
    def close(self) -> None:
        self._ready.clear()
        self._error = None
        io = self._to_be_closed()
        if io is not None and io.is_here:
            io.finish(self._items)
        elif io is not None:
            self._runtime.run(close(self._items))

    def __del__(self) -> None:
        # Garbage is collected anywhere: in the I/O loop's thread, or while a lock is held that
        # somebody in the I/O loop waits for. Nobody can wait here.
        io = self._to_be_closed()
        if io is not None:
            io.finish(self._items)

    def _to_be_closed(self) -> IoLoop | None:
        """Return, once, where to close what has begun and not ended; nothing after a fork."""
        was_open, self._open = self._open, False
        return self._io if was_open and self._io is _process.io else None

    def _fetch(self) -> None:
        if self._io not in {None, _process.io}:
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
