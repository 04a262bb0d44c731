"""Work that runs beside its caller, and bounds on how much of it there is at once."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any, ClassVar, Generic, TypeVar
from weakref import WeakKeyDictionary

import anyio
import anyio.lowlevel
from typing_extensions import override

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Started(ABC, Generic[T_co]):
    """Work that was begun beside its caller; whoever began it awaits or cancels it."""

    @abstractmethod
    async def result(self) -> T_co:
        """Wait for the end; return the result or raise the error. May be asked again.

        A caller that is cancelled here leaves the work running.

        :raises RuntimeError: the work was cancelled before it had a result.
        """

    @abstractmethod
    async def cancel(self) -> None:
        """Cancel the work and wait for its end, also when the caller is, or gets, cancelled.

        Never raises what the work raised; harmless where it has ended.
        """


class Limiter(ABC):
    """Bounds how many are inside at once: a context manager, or ``acquire`` and ``release``."""

    @abstractmethod
    async def acquire(self) -> None:
        """Take a place; wait until there is one."""

    @abstractmethod
    def release(self) -> None:
        """Give a place back, in the loop in which it was taken; from any of its tasks."""

    @abstractmethod
    def releaser(self) -> Callable[[], None]:
        """Return what gives a place back that was taken in this loop, and may be called anywhere.

        It is free from the next :meth:`acquire` in that loop on.
        """

    async def __aenter__(self) -> None:
        await self.acquire()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


class Ended(Started[T]):
    """Work that was done at once; one of *results* and *error* is there."""

    def __init__(self, results: list[T], error: Exception | None = None) -> None:
        self._results = results
        self._error = error

    @override
    async def result(self) -> T:
        if self._error is not None:
            raise self._error
        return self._results[0]

    @override
    async def cancel(self) -> None:
        pass


async def ended(coro: Coroutine[Any, Any, T]) -> Ended[T]:
    """Run *coro* to its end and keep what it gave or raised."""
    try:
        return Ended([await coro])
    except Exception as error:  # noqa: BLE001 - raised by result()
        return Ended([], error)


class Running(Started[T]):
    """A task of an asyncio loop."""

    _all: ClassVar[set[asyncio.Task[Any]]] = set()
    """asyncio itself holds tasks weakly."""

    def __init__(self, task: asyncio.Task[T]) -> None:
        self._task = task
        self._all.add(task)
        task.add_done_callback(self._all.discard)

    @override
    async def result(self) -> T:
        if not self._task.done():
            await asyncio.wait([self._task])
        if self._task.cancelled():
            msg = "what was started has been cancelled"
            raise RuntimeError(msg)
        return self._task.result()

    @override
    async def cancel(self) -> None:
        self._task.cancel()
        with anyio.CancelScope(shield=True):
            await until_done(self._task)
        if not self._task.cancelled():
            self._task.exception()  # seen: asyncio need not report it


class Unlimited(Limiter):
    """For calls that come one after another."""

    @override
    async def acquire(self) -> None:
        pass

    @override
    def release(self) -> None:
        pass

    @override
    def releaser(self) -> Callable[[], None]:
        return self.release


@dataclass
class _Places:
    """The places of one loop, and a note for each that was given back elsewhere."""

    free: anyio.Semaphore
    returned: deque[None] = field(default_factory=deque)


class LimiterOfEachLoop(Limiter):
    """Made in each loop at first use: a semaphore belongs to one, and no loop survives a fork."""

    def __init__(self, n: int) -> None:
        self._n = n
        self._of: WeakKeyDictionary[object, _Places] = WeakKeyDictionary()

    @override
    async def acquire(self) -> None:
        here = self._here()
        while here.returned:
            here.returned.pop()
            here.free.release()
        try:  # waiting for what is free would cost a turn of the loop
            here.free.acquire_nowait()
        except anyio.WouldBlock:
            await here.free.acquire()

    @override
    def release(self) -> None:
        self._here().free.release()

    @override
    def releaser(self) -> Callable[[], None]:
        return partial(self._here().returned.append, None)

    def _here(self) -> _Places:
        loop = _this_loop()
        found = self._of.get(loop)
        if found is None:
            found = self._of[loop] = _Places(anyio.Semaphore(self._n))
        return found


def _this_loop() -> object:
    """Return what lives as long as the loop of the caller."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        token = anyio.lowlevel.current_token()
        return getattr(token, "native_token", token)  # since anyio 4.11 the token is made anew


def is_asyncio() -> bool:
    """Whether the caller runs in an asyncio loop; else it is trio's."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def until_done(future: asyncio.Future[Any]) -> None:
    """Wait for the end of *future*; whoever cancels the waiting task is heard then."""
    interruption: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            interruption = error
    if interruption is not None:
        raise interruption
