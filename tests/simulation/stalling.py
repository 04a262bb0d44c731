"""A process that stands still before it sends a request, as one does that was suspended."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TypeVar

from typing_extensions import override

from regstore.testing.simulation import Process, Request, world
from regstore.testing.simulation.network import RandomNetwork
from tests.simulation.protections import replaced

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stall:
    """The first request of a process that changes a key with this in it is sent so much later.

    :ivar seconds: how much.
    """

    process: str
    key: str
    seconds: float

    def happening(self) -> AbstractContextManager[None]:
        """Return a context in which it happens in each run."""
        stall = self

        class Stalling(RandomNetwork):
            is_over = False

            @override
            async def carry(self, process: Process, request: Request, effect: Callable[[], T]) -> T:
                is_meant = process.name == stall.process and request.changes
                if is_meant and stall.key in request.key and not self.is_over:
                    self.is_over = True
                    await self._loop.sleep(stall.seconds)
                return await super().carry(process, request, effect)

        return replaced(world, RandomNetwork=Stalling)
