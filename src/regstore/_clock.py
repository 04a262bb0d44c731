"""Time, handed in: nothing else in regstore reads a clock."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from datetime import UTC, datetime
from typing import Final

_STEADY: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Goes on while the machine is suspended: what was read before that is old."""


class Clock(ABC):
    """Where a :class:`~regstore._run.Runtime` takes its time from."""

    @abstractmethod
    def now(self) -> datetime:
        """Return the wall-clock time, aware, in UTC."""

    @abstractmethod
    def monotonic(self) -> float:
        """Return seconds from an arbitrary start; never goes backwards. For durations.

        It goes on while the machine is suspended.
        """


class SystemClock(Clock):
    """This machine's clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.clock_gettime(_STEADY)
