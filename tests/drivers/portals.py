"""A loop in another thread, for plain tests of drivers that are awaited."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Coroutine
from contextlib import ExitStack
from typing import Any, TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal
from typing_extensions import override

from regstore._run import LoopRuntime

T = TypeVar("T")


class PortalRuntime(LoopRuntime):
    """Serves plain code from a loop in a thread of its own; a forked child gets another one."""

    def __init__(self) -> None:
        super().__init__()
        self._portals: dict[int, BlockingPortal] = {}
        self._stack = ExitStack()

    @override
    def run(self, coro: Coroutine[Any, Any, T]) -> T:
        portal = self._portals.get(os.getpid())
        if portal is None:
            portal = self._stack.enter_context(start_blocking_portal())
            self._portals[os.getpid()] = portal
        return portal.call(_await, coro)

    def close(self) -> None:
        self._stack.close()


async def _await(aw: Awaitable[T]) -> T:
    return await aw
