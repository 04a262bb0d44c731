"""How long to wait before the next attempt: decorrelated jitter."""

from __future__ import annotations

from typing import Final

from regstore._run import Runtime

BASE_SECONDS: Final = 0.025
CAP_SECONDS: Final = 2.0


class Backoff:
    """The pauses of one call; callers that failed together do not come back together.

    Each is drawn between *base* and three times the one before it, and never longer than *cap*.
    (Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015: "Decorrelated
    Jitter".)

    :param runtime: where randomness comes from.
    :param base: seconds, the shortest pause.
    :param cap: seconds, the longest pause.
    """

    def __init__(
        self, runtime: Runtime, base: float = BASE_SECONDS, cap: float = CAP_SECONDS
    ) -> None:
        self._random = runtime.random
        self._base = base
        self._cap = cap
        self._last = base

    def pause(self) -> float:
        """Return the seconds to wait now."""
        self._last = min(self._cap, self._random.uniform(self._base, self._last * 3))
        return self._last
