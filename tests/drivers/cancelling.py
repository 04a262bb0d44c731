"""Ways in which a caller is cancelled while what it waits for is held at a gate elsewhere."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from importlib.util import find_spec

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

PATIENCE = 60.0  # seconds after which a thread that should have gone on is a failure
NEEDS_TRIO = pytest.mark.skipif(find_spec("trio") is None, reason="trio is not installed")


class Gate:
    """Holds whoever passes, in a thread or as a task of asyncio, until it is opened."""

    def __init__(self) -> None:
        self._arrived = threading.Semaphore(0)
        self._open = threading.Event()

    def hold(self) -> None:
        self._arrived.release()
        assert self._open.wait(PATIENCE)

    async def hold_task(self) -> bool:
        """Hold a task through its cancellation; return whether it was cancelled."""
        self._arrived.release()
        cancelled = False
        while not self._open.is_set():
            try:
                assert await asyncio.to_thread(self._open.wait, PATIENCE)
            except asyncio.CancelledError:
                cancelled = True
        return cancelled

    def open(self) -> None:
        self._open.set()

    async def arrival(self) -> None:
        own = anyio.CapacityLimiter(1)
        assert await anyio.to_thread.run_sync(self._wait_for_arrival, limiter=own)

    def _wait_for_arrival(self) -> bool:
        return self._arrived.acquire(timeout=PATIENCE)


async def settle() -> None:
    """Let everything run that can run without a thread's doing."""
    for _ in range(20):
        await anyio.lowlevel.checkpoint()


async def cancelled_scope(call: Callable[[], Awaitable[object]], gate: Gate) -> list[object]:
    """Cancel *call* through a scope while what it waits for is at the gate; return what it gave."""
    given: list[object] = []
    ended = anyio.Event()
    scope = anyio.CancelScope()

    async def caller() -> None:
        with scope:
            given.append(await call())
        ended.set()

    async with anyio.create_task_group() as group:
        group.start_soon(caller)
        await gate.arrival()
        scope.cancel()
        await settle()
        assert not ended.is_set(), "the caller did not wait"
        gate.open()
    return given


async def cancelled_task(call: Callable[[], Awaitable[object]], gate: Gate) -> list[object]:
    """Cancel *call* twice with ``Task.cancel`` while what it waits for is at the gate."""
    given: list[object] = []

    async def caller() -> None:
        given.append(await call())

    task = asyncio.create_task(caller())
    await gate.arrival()
    for _ in range(2):
        task.cancel()
        await settle()
        assert not task.done(), "the caller did not wait"
    gate.open()
    with pytest.raises(asyncio.CancelledError):
        await task
    return given


Cancel = Callable[[Callable[[], Awaitable[object]], Gate], Awaitable[list[object]]]


# trio cancels scopes only.
every_way_to_cancel = pytest.mark.parametrize(
    ("anyio_backend", "cancelled"),
    [
        ("asyncio", cancelled_scope),
        ("asyncio", cancelled_task),
        pytest.param("trio", cancelled_scope, marks=NEEDS_TRIO),
    ],
)
