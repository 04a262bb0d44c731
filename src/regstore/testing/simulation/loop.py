"""The seeded loop: tasks in virtual time, and who goes on next is chosen from outside.

A task is a coroutine that waits for nothing but a :class:`Promise`; everything that happens between
two waits happens at one instant. Time moves only when nobody can go on, straight to the next timer.
Nothing here reads a clock or draws a random number, so the same choices give the same run, to the
last step.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Sequence
from contextvars import Context, copy_context
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import Any, Generic, TypeVar

from regstore.testing.simulation.process import Cancelled, Crashed, Process
from regstore.testing.simulation.whereabouts import waits_at

T = TypeVar("T")

Choose = Callable[[Sequence["Task[Any]"]], int]
"""Says which of several tasks that can go on does so: an index."""


class StuckError(RuntimeError):
    """Nobody can go on and no timer runs, but somebody is still waited for.

    :ivar waiting: the names of the tasks that wait.
    """

    def __init__(self, waiting: Sequence[str]) -> None:
        self.waiting: tuple[str, ...] = tuple(waiting)
        super().__init__(f"nobody can go on; these tasks wait for ever: {', '.join(waiting)}")


class EndlessError(RuntimeError):
    """More was done than there can be to do: somebody goes on and on."""


class Promise(Generic[T]):
    """What one or more tasks wait for; settled once, later ones are harmless."""

    __slots__ = ("_error", "_loop", "_result", "is_settled", "tasks")

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._result: list[T] = []
        self._error: BaseException | None = None
        self.is_settled: bool = False
        self.tasks: list[Task[Any]] = []

    def settle(self, result: T) -> None:
        """Give *result* to those who wait."""
        if not self.is_settled:
            self._result.append(result)
            self._wake()

    def fail(self, error: BaseException) -> None:
        """Raise *error* in those who wait."""
        if not self.is_settled:
            self._error = error
            self._wake()

    @property
    def error(self) -> BaseException | None:
        """What it failed with, if it did."""
        return self._error

    def get(self) -> T:
        """Return the result or raise the error of a settled promise."""
        if self._error is not None:
            raise self._error
        return self._result[0]

    def _wake(self) -> None:
        self.is_settled = True
        for task in self.tasks:
            self._loop.make_ready(task)
        self.tasks.clear()

    def __await__(self) -> Generator[Promise[T], None, T]:
        task = self._loop.current
        task.raise_if_stopped()
        if not self.is_settled:
            yield self
            task.raise_if_stopped()
        return self.get()


class CancelScope:
    """A part of a task that is cancelled by itself.

    :ivar is_cancelled: each wait within it is interrupted from now on.
    """

    __slots__ = ("_task", "is_cancelled", "is_left")

    def __init__(self, task: Task[Any]) -> None:
        self._task = task
        self.is_cancelled: bool = False
        self.is_left: bool = False

    def cancel(self) -> None:
        """Interrupt the task's wait; harmless once the scope was left."""
        if not self.is_left:
            self.is_cancelled = True
            self._task.interrupt()


class Task(Generic[T]):
    """A coroutine on its way.

    :ivar name: for traces.
    :ivar process: whose it is: it ends with a crash of that.
    :ivar lineage: which child of which task it is: the same in each run in which the same has
        happened to its ancestors, whatever has happened to others.
    :ivar children: how many tasks it has begun.
    :ivar label: what it does next, where it has said so: see :meth:`Loop.pause`.
    :ivar ended: settled with its result or error.
    """

    __slots__ = (
        "_context",
        "_coro",
        "_loop",
        "_scopes",
        "_waits_for",
        "children",
        "ended",
        "label",
        "lineage",
        "name",
        "process",
    )

    def __init__(
        self,
        loop: Loop,
        coro: Coroutine[Any, Any, T],
        process: Process,
        name: str,
        lineage: tuple[int, ...],
    ) -> None:
        self.name: str = name
        self.process: Process = process
        self.lineage: tuple[int, ...] = lineage
        self.children: int = 0
        self.label: object = None
        self.ended: Promise[T] = Promise(loop)
        self._loop = loop
        self._coro = coro
        self._context: Context = copy_context()
        self._scopes: list[CancelScope] = []
        self._waits_for: Promise[Any] | None = None

    def enter(self) -> CancelScope:
        """Begin a scope within the present one."""
        scope = CancelScope(self)
        self._scopes.append(scope)
        return scope

    def leave(self, scope: CancelScope) -> None:
        """End *scope*."""
        scope.is_left = True
        self._scopes.remove(scope)

    def cancel(self) -> None:
        """Cancel the whole task: each of its waits is interrupted from now on."""
        scope = CancelScope(self)
        self._scopes.insert(0, scope)
        scope.cancel()

    def interrupt(self) -> None:
        """Let the task go on from its wait, to see that it was cancelled or has crashed."""
        promise = self._waits_for
        if promise is not None and self in promise.tasks:
            promise.tasks.remove(self)
            self._loop.make_ready(self)

    @property
    def whereabouts(self) -> str:
        """Where its code waits; ``""`` where that is the simulator's own."""
        return waits_at(self._coro)

    @property
    def is_stopped(self) -> bool:
        """Whether its next step is to learn that it was cancelled, or that its process crashed."""
        return self.process.is_crashed or any(scope.is_cancelled for scope in self._scopes)

    def raise_if_stopped(self) -> None:
        """Stop who must not go on.

        :raises Crashed: the process has crashed.
        :raises Cancelled: the task was cancelled, or the scope in which it is; the outermost.
        """
        if self.process.is_crashed:
            raise Crashed
        for scope in self._scopes:
            if scope.is_cancelled:
                raise Cancelled(scope)

    def step(self) -> None:
        """Run to the next wait, or to the end."""
        try:
            promise: Promise[Any] = self._context.run(self._coro.send, None)
        except StopIteration as done:
            self._end()
            self.ended.settle(done.value)
        except (Exception, Cancelled, Crashed) as error:  # noqa: BLE001 - whoever waits gets it
            self._end()
            self.ended.fail(error)
        else:
            self._waits_for = promise
            if promise.is_settled:
                self._loop.make_ready(self)
            else:
                promise.tasks.append(self)

    def _end(self) -> None:
        self._waits_for = None
        self.process.tasks.pop(self, None)


class Loop:
    """Runs tasks in virtual time.

    :param choose: who goes on next.
    :ivar time: seconds since the start.
    :ivar steps: taken until now.
    :ivar most_steps: how many may be taken.
    :ivar ready: the tasks that can go on, in no order that means anything.
    :ivar jumps: whoever sleeps goes on at once, later: how long others take meanwhile is for
        *choose* to say.
    """

    def __init__(self, choose: Choose) -> None:
        self.time: float = 0.0
        self.steps: int = 0
        self.most_steps: float = inf
        self.ready: list[Task[Any]] = []
        self.jumps: bool = False
        self._choose = choose
        self._timers: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers: count[int] = count()
        self._current: Task[Any] | None = None
        self._roots = count()
        self._processes: dict[Process, None] = {}

    @property
    def current(self) -> Task[Any]:
        """The task that runs now.

        :raises RuntimeError: none does.
        """
        if self._current is None:
            msg = "this is for code that runs in a task of the loop: begin one with spawn()"
            raise RuntimeError(msg)
        return self._current

    def spawn(self, coro: Coroutine[Any, Any, T], process: Process, name: str) -> Task[T]:
        """Begin *coro* as a task of *process*."""
        task = Task(self, coro, process, name, self._lineage())
        process.tasks[task] = None
        self._processes[process] = None
        self.make_ready(task)
        return task

    def make_ready(self, task: Task[Any]) -> None:
        """Let *task* be chosen."""
        self.ready.append(task)

    def call_at(self, time: float, fn: Callable[[], object]) -> None:
        """Call *fn* at *time*; in the order of these calls, where times are equal."""
        heappush(self._timers, (time, next(self._numbers), fn))

    async def sleep(self, seconds: float) -> None:
        """Wait for *seconds*; where time jumps, they pass at once."""
        if self.jumps and self.steps < self.most_steps:
            self.current.process.raise_if_crashed()
            self.steps += 1
            self.time += max(seconds, 0.0)
            return
        promise: Promise[None] = Promise(self)
        self.call_at(self.time + max(seconds, 0.0), lambda: promise.settle(None))
        await promise

    async def pause(self, label: object) -> None:
        """Let others go first, where they are chosen; *label* says what comes after."""
        task = self.current
        task.label = label
        try:
            await _Turn(self)
        finally:
            task.label = None

    def run(self, task: Task[T]) -> T:
        """Run until *task* has ended; return its result or raise its error.

        :raises StuckError: it never will.
        :raises EndlessError: it has not within :attr:`most_steps`.
        """
        while not task.ended.is_settled:
            self._go_on()
        return task.ended.get()

    def drain(self) -> None:
        """Run until nobody can go on and no timer is left."""
        while self.ready or self._timers:
            self._go_on()

    def close(self) -> None:
        """Crash every process, so that no coroutine is left behind."""
        self.most_steps *= 2  # to end takes steps, too
        for process in self._processes:
            process.crash()
        while self.ready:
            self._go_on()

    def whereabouts(self) -> list[str]:
        """Return who has not ended, and where; those in code of the simulator are left out."""
        tasks = (task for process in self._processes for task in process.tasks)
        found = {each: each.whereabouts for each in tasks if isinstance(each, Task)}
        return [*dict.fromkeys(f"{task.name} {at}" for task, at in found.items() if at)]

    def _lineage(self) -> tuple[int, ...]:
        parent = self._current
        if parent is None:
            return (next(self._roots),)
        parent.children += 1
        return (*parent.lineage, parent.children)

    def _go_on(self) -> None:
        if self.ready:
            self._step()
        elif self._timers:
            self._advance()
        else:
            tasks = (task for process in self._processes for task in process.tasks)
            raise StuckError([getattr(task, "name", "?") for task in tasks])

    def _step(self) -> None:
        self._count()
        ready = self.ready
        index = self._choose(ready) if len(ready) > 1 else 0
        task = ready[index]
        ready[index] = ready[-1]
        ready.pop()
        self._current = task
        task.step()
        self._current = None

    def _count(self) -> None:
        self.steps += 1
        if self.steps > self.most_steps:
            msg = f"it goes on and on: {self.steps} steps in {self.time:.3f} s"
            raise EndlessError(msg)

    def _advance(self) -> None:
        """Call what is due next, with all that is due at the same time."""
        timers = self._timers
        self.time = max(self.time, timers[0][0])
        while timers and timers[0][0] <= self.time:
            heappop(timers)[2]()


class _Turn:
    """Waits for nothing but to be chosen."""

    __slots__ = ("_loop", "_promise")

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._promise: Promise[None] = Promise(loop)
        self._promise.settle(None)

    def __await__(self) -> Generator[Promise[None], None, None]:
        task = self._loop.current
        task.raise_if_stopped()
        yield self._promise
        task.raise_if_stopped()


class Ended:
    """Waits for the end of a task, without asking how it ended."""

    __slots__ = ("_loop", "_task")

    def __init__(self, loop: Loop, task: Task[Any]) -> None:
        self._loop = loop
        self._task = task

    def __await__(self) -> Generator[Promise[Any], None, None]:
        current = self._loop.current
        current.raise_if_stopped()
        while not self._task.ended.is_settled:
            yield self._task.ended
            current.raise_if_stopped()


class Outlasting:
    """Waits for the end of a task, whoever cancels the one that waits; a crash is not outlasted."""

    __slots__ = ("_loop", "_task")

    def __init__(self, loop: Loop, task: Task[Any]) -> None:
        self._loop = loop
        self._task = task

    def __await__(self) -> Generator[Promise[Any], None, None]:
        process = self._loop.current.process
        process.raise_if_crashed()
        while not self._task.ended.is_settled:
            yield self._task.ended
            process.raise_if_crashed()


class Over:
    """Waits for the end of a task, whatever has happened to the one that waits."""

    __slots__ = ("_task",)

    def __init__(self, task: Task[Any]) -> None:
        self._task = task

    def __await__(self) -> Generator[Promise[Any], None, None]:
        while not self._task.ended.is_settled:
            yield self._task.ended
