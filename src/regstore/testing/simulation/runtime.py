"""The runtime that hands the seeded loop to production code."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from typing_extensions import override

from regstore._clock import Clock
from regstore._run import Runtime
from regstore._tasks import Limiter, Started
from regstore.testing.simulation.loop import Ended, Loop, Outlasting, Over, Promise, Task
from regstore.testing.simulation.process import Cancelled, Crashed, Process

T = TypeVar("T")
R = TypeVar("R")

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""The true time at which every simulation begins."""


class SimulatedClock(Clock):
    """The loop's time, as *process* reads it."""

    def __init__(self, loop: Loop, process: Process) -> None:
        self._loop = loop
        self._process = process

    @override
    def now(self) -> datetime:
        return START + timedelta(seconds=self._loop.time + self._process.skew)

    @override
    def monotonic(self) -> float:
        return self._loop.time


class SimulatedRuntime(Runtime):
    """Runs the coroutines of one process in a :class:`Loop`.

    What computes (``offload``) takes no time. What is cancelled is interrupted at each wait until
    it has ended, as anyio does.
    """

    def __init__(self, loop: Loop, process: Process) -> None:
        super().__init__(SimulatedClock(loop, process), process.random)
        self.loop: Loop = loop
        self.process: Process = process

    @override
    def run(self, coro: Coroutine[Any, Any, T]) -> T:
        return self.loop.run(self.loop.spawn(coro, self.process, self.process.name))

    @override
    async def sleep(self, seconds: float) -> None:
        await self.loop.sleep(seconds)

    @override
    async def map(
        self, fn: Callable[[T], Awaitable[R]], items: Iterable[T], limit: int = 16
    ) -> list[R]:
        todo = list(items)
        if len(todo) == 1:
            return [await fn(todo[0])]
        mapping = _Mapping(fn, todo)
        workers = [self._spawn(mapping.work()) for _ in range(min(limit, len(todo)))]
        mapping.workers = workers
        await self._all(workers)
        return mapping.get()

    async def _all(self, tasks: Iterable[Task[None]]) -> None:
        """Wait for the end of *tasks*; they are cancelled with the caller, and waited for still.

        They crash with it, too, and first: what they use is the caller's to close.
        """
        try:
            for task in tasks:
                await Ended(self.loop, task)
        except Cancelled:
            for task in tasks:
                task.cancel()
            for task in tasks:
                await Outlasting(self.loop, task)
            raise
        except Crashed:
            for task in tasks:
                await Over(task)
            raise

    @override
    async def offload(self, fn: Callable[[], T]) -> T:
        return fn()

    @override
    async def shield(self, aw: Awaitable[T]) -> T:
        task = self._spawn(_await(aw))
        await Outlasting(self.loop, task)
        return task.ended.get()

    @override
    async def within(self, seconds: float, aw: Awaitable[T]) -> T:
        task = self.loop.current
        scope = task.enter()
        self.loop.call_at(self.loop.time + seconds, scope.cancel)
        try:
            return await aw
        except Cancelled as cancelled:
            if cancelled.scope is scope:
                raise TimeoutError from None
            raise
        finally:
            task.leave(scope)

    @override
    async def start(self, coro: Coroutine[Any, Any, T]) -> Started[T]:
        return _Begun(self.loop, self._spawn(coro))

    @override
    def limiter(self, n: int) -> Limiter:
        return _Limiter(self.loop, n)

    def _spawn(self, coro: Coroutine[Any, Any, T]) -> Task[T]:
        return self.loop.spawn(coro, self.process, self.loop.current.name)


async def _await(aw: Awaitable[T]) -> T:
    return await aw


class _Mapping:
    """One function, many items, several workers; the first error ends all."""

    def __init__(self, fn: Callable[[Any], Awaitable[Any]], items: list[Any]) -> None:
        self.workers: list[Task[None]] = []
        self._fn = fn
        self._results: list[Any] = [None] * len(items)
        self._todo = iter(enumerate(items))
        self._failures: list[Exception] = []

    async def work(self) -> None:
        for index, item in self._todo:
            try:
                self._results[index] = await self._fn(item)
            except Exception as error:  # noqa: BLE001 - raised by get(), alone
                self._failures.append(error)
                for worker in self.workers:
                    worker.cancel()
            if self._failures:
                return

    def get(self) -> list[Any]:
        if self._failures:
            raise self._failures[0]
        return self._results


class _Begun(Started[T]):
    def __init__(self, loop: Loop, task: Task[T]) -> None:
        self._loop = loop
        self._task = task

    @override
    async def result(self) -> T:
        await Ended(self._loop, self._task)
        if isinstance(self._task.ended.error, Cancelled):
            msg = "what was started has been cancelled"
            raise RuntimeError(msg)  # noqa: TRY004 - no type is wrong
        return self._task.ended.get()

    @override
    async def cancel(self) -> None:
        self._task.cancel()
        await Outlasting(self._loop, self._task)


class _Limiter(Limiter):
    """Places, given in the order in which they were asked for."""

    def __init__(self, loop: Loop, n: int) -> None:
        self._loop = loop
        self._free = n
        self._waiting: deque[Promise[None]] = deque()

    @override
    async def acquire(self) -> None:
        if self._free:
            self._free -= 1
            return
        place: Promise[None] = Promise(self._loop)
        self._waiting.append(place)
        try:
            await place
        except BaseException:
            if place.is_settled:
                self.release()
            else:
                self._waiting.remove(place)
            raise

    @override
    def release(self) -> None:
        if self._waiting:
            self._waiting.popleft().settle(None)
        else:
            self._free += 1

    @override
    def releaser(self) -> Callable[[], None]:
        return self.release
