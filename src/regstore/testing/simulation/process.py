"""A simulated process: what crashes together, and shares a clock and a source of randomness."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random  # noqa: TID251 - seeded, so that a run can be repeated
from typing import Protocol


class Interruptible(Protocol):
    """A task, as its process sees it."""

    def interrupt(self) -> None:
        """Let it go on from its wait, to see what has happened."""
        ...


class Cancelled(BaseException):
    """A task was cancelled while it waited.

    :ivar scope: what was cancelled.
    """

    def __init__(self, scope: object) -> None:
        self.scope = scope
        super().__init__()


class Crashed(BaseException):
    """The process of a task has crashed: nothing that it does from now on reaches anybody."""


@dataclass(eq=False)
class Process:
    """What crashes together.

    :param name: for traces.
    :param random: its own randomness: ids, jitter.
    :param skew: seconds by which its wall clock is ahead of the true time.
    :ivar is_crashed: whether it has ended for good. A restarted one is another process.
    :ivar tasks: those that run.
    """

    name: str
    random: Random
    skew: float = 0.0
    is_crashed: bool = False
    tasks: dict[Interruptible, None] = field(default_factory=dict)

    def crash(self) -> None:
        """End every task at its wait. What is under way to a store arrives there all the same."""
        self.is_crashed = True
        for task in list(self.tasks):
            task.interrupt()

    def raise_if_crashed(self) -> None:
        """Stop whoever runs after the crash.

        :raises Crashed: it has crashed.
        """
        if self.is_crashed:
            raise Crashed
