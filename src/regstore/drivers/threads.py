"""Blocking calls in worker threads that never outlive the task that asked for them.

anyio waits for its worker threads when a cancel *scope* ends, but not when somebody calls
``asyncio.Task.cancel``: then the task goes on while the thread still runs, what it opened has no
owner, and the task's next call may run beside it. Here both kinds of cancellation wait.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Generic, TypeVar

import anyio
import anyio.lowlevel
import anyio.to_thread

from regstore.errors import RegstoreError

T = TypeVar("T")


async def in_thread(fn: Callable[[], T], undo: Callable[[T], object] | None = None) -> T:
    """Run *fn* in a worker thread and return what it returns.

    A cancelled caller gets its cancellation when the thread has ended.

    :param undo: releases what *fn* returned, called in a worker thread, when a cancelled caller
        cannot take it.
    """
    call = _Call(fn)
    try:
        result = await call.run()
        if undo is not None:
            await anyio.lowlevel.checkpoint_if_cancelled()
    except anyio.get_cancelled_exc_class():
        if undo is not None:
            await _release(call.results, undo)
        raise
    return result


async def surely_in_thread(fn: Callable[[], T]) -> T:
    """Run *fn* as :func:`in_thread` does, also when the caller is, or gets, cancelled.

    A scope's cancellation is left to the next checkpoint; a task's is raised at the end.
    """
    interruption: BaseException | None = None
    while True:
        call = _Call(fn)
        try:
            with anyio.CancelScope(shield=True):
                await call.run()
        except anyio.get_cancelled_exc_class() as error:
            interruption = error
            if call.ended:
                raise
        else:
            break
    if interruption is not None:
        raise interruption
    return call.results[0]


async def _release(results: list[T], undo: Callable[[T], object]) -> None:
    for result in results:
        # Nobody is left to be told; what could not be released is what a killed process leaves.
        with suppress(RegstoreError):
            await surely_in_thread(partial(undo, result))


class _Call(Generic[T]):
    """One call in a worker thread: the thread claims it, or a cancelled caller withdraws it."""

    def __init__(self, fn: Callable[[], T]) -> None:
        self.results: list[T] = []
        self._fn = fn
        self._claim = threading.Lock()
        self._ended = threading.Event()

    @property
    def ended(self) -> bool:
        """Whether the call was made, to whatever end."""
        return self._ended.is_set()

    async def run(self) -> T:
        try:
            await anyio.to_thread.run_sync(self._work)
        except anyio.get_cancelled_exc_class():
            if not self._claim.acquire(blocking=False):
                await self._join()
            raise
        return self.results[0]

    def _work(self) -> None:
        if self._claim.acquire(blocking=False):
            try:
                self.results.append(self._fn())
            finally:
                self._ended.set()

    async def _join(self) -> None:
        """Wait for the thread, whoever cancels how often meanwhile."""
        while not self.ended:
            with suppress(anyio.get_cancelled_exc_class()), anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(self._ended.wait)
