"""Blocking drivers' calls in worker threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

import anyio
import anyio.to_thread
from typing_extensions import override

from regstore._run import Runtime
from regstore.drivers.carrier import Call, Carrier, join

T = TypeVar("T")


class ThreadCarrier(Carrier):
    """One call is one worker thread's work; it cannot be cancelled once a thread has begun it.

    :param runtime: that of a blocking driver, which runs its coroutines in the thread.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @override
    def call(self, make: Callable[[], Coroutine[Any, Any, T]], *, interruptible: bool) -> Call[T]:
        return _ThreadCall(lambda: self._runtime.run(make()))


class _ThreadCall(Call[T]):
    """One call in a worker thread: the thread claims it, or a cancelled caller withdraws it."""

    def __init__(self, fn: Callable[[], T]) -> None:
        super().__init__()
        self._fn = fn
        self._claim = threading.Lock()
        self._ended = threading.Event()

    @property
    @override
    def ended(self) -> bool:
        return self._ended.is_set()

    @override
    async def run(self) -> None:
        try:
            await anyio.to_thread.run_sync(self._work)
        except anyio.get_cancelled_exc_class():
            if not self._claim.acquire(blocking=False):
                await join(partial(anyio.to_thread.run_sync, self._ended.wait), self._ended.is_set)
            raise

    def _work(self) -> None:
        if self._claim.acquire(blocking=False):
            try:
                self.results.append(self._fn())
            finally:
                self._ended.set()
