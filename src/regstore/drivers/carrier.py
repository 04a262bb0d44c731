"""Calls made elsewhere, in a thread or in another loop, that never outlive who asked for them.

anyio waits for its worker threads when a cancel *scope* ends, but not when somebody calls
``asyncio.Task.cancel``: then the task goes on while the call still runs, what it opened has no
owner, and the task's next call may run beside it. Here both kinds of cancellation wait.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, Generic, TypeVar

import anyio
import anyio.lowlevel

from regstore.errors import RegstoreError

T = TypeVar("T")


class Call(ABC, Generic[T]):
    """One call on its way.

    :ivar results: what it returned, alone, once it has returned something.
    """

    def __init__(self) -> None:
        self.results: list[T] = []

    @property
    @abstractmethod
    def ended(self) -> bool:
        """Whether the call was made, to whatever end."""

    @abstractmethod
    async def run(self) -> None:
        """Make the call and wait for its end, which *results* then tells, or raise its error.

        A cancelled caller gets its cancellation when the call has ended, or will not be made.
        """


class Carrier(ABC):
    """A way to where a driver runs, and back."""

    @abstractmethod
    def call(self, make: Callable[[], Coroutine[Any, Any, T]], *, interruptible: bool) -> Call[T]:
        """Return a call of *make*, not yet begun.

        :param interruptible: whether it is cancelled with its caller, where that can be done.
        """

    async def carry(
        self,
        make: Callable[[], Coroutine[Any, Any, T]],
        undo: Callable[[T], Coroutine[Any, Any, object]] | None = None,
    ) -> T:
        """Await *make* over there and return what it returns.

        A cancelled caller gets its cancellation when the call has ended.

        :param undo: releases what *make* returned, over there too, when a cancelled caller cannot
            take it.
        """
        call = self.call(make, interruptible=True)
        try:
            await call.run()
            if undo is not None:
                await anyio.lowlevel.checkpoint_if_cancelled()
        except anyio.get_cancelled_exc_class():
            if undo is not None:
                await self._release(call.results, undo)
            raise
        return call.results[0]

    async def surely(self, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Await *make* as :meth:`carry` does, to its end also when the caller is cancelled.

        A scope's cancellation is left to the next checkpoint; a task's is raised at the end.
        """
        interruption: BaseException | None = None
        while True:
            call = self.call(make, interruptible=False)
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

    async def _release(
        self, results: list[T], undo: Callable[[T], Coroutine[Any, Any, object]]
    ) -> None:
        for result in results:
            # Nobody is left to be told; what could not be released is what a killed process leaves.
            with suppress(RegstoreError):
                await self.surely(partial(undo, result))


async def join(wait: Callable[[], Awaitable[object]], has_ended: Callable[[], bool]) -> None:
    """Wait until *has_ended*, whoever cancels how often meanwhile."""
    while not has_ended():
        with suppress(anyio.get_cancelled_exc_class()), anyio.CancelScope(shield=True):
            await wait()
