"""regstore's I/O thread: one asyncio loop in each process that needs it, and calls into it.

The thread is a daemon, begun at first use, apart from fsspec's. A forked child begins its own.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context
from functools import partial
from typing import Any, Generic, ParamSpec, TypeVar

try:
    import sniffio
except ImportError:  # anyio needs it beside trio only
    sniffio = None  # type: ignore[assignment]

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")

_GRACE = 5.0
"""Seconds that the interpreter's exit waits for cancelled calls to clean up."""
_FAREWELL = 1.0
"""Seconds of these that calls which nobody waits for, such as those that close, have to end."""


class IoLoop:
    """An asyncio loop in a daemon thread. Get it from :func:`io_loop`."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._detached: set[asyncio.Task[Any]] = set()
        self._over = False
        self._thread = threading.Thread(target=self._work, name="regstore-io", daemon=True)
        self._thread.start()

    @property
    def is_here(self) -> bool:
        """Whether the caller runs in the loop's own thread."""
        return threading.get_ident() == self._thread.ident

    @property
    def is_of_this_process(self) -> bool:
        """Whether it runs here; after a fork the parent's does not."""
        return self is _process.io

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

    def detach(
        self, make: Callable[P, Coroutine[Any, Any, object]], *args: P.args, **named: P.kwargs
    ) -> None:
        """Run *make* soon, or not at all where the loop is over.

        Nobody waits, and of errors nobody is told but asyncio's log.
        """

        def begin() -> None:
            task = self.spawn(make(*args, **named))
            self._detached.add(task)
            task.add_done_callback(self._detached.discard)

        with suppress(RuntimeError):
            self.post(begin)

    def stop(self, grace: float) -> None:
        """Cancel what is waited for, wait up to *grace* seconds for its end, and close the loop."""
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
        if self._detached:
            await asyncio.wait(self._detached, timeout=_FAREWELL)
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


def at_leisure(make: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """Run *make* in this process's I/O loop where it has one: what was dropped is released there.

    May be called while the interpreter collects garbage, or exits.
    """
    if _process.io is not None:
        _process.io.detach(make)


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
