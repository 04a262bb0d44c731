"""A bound on what retries add to the load of a store that is failing already."""

from __future__ import annotations

from typing import Final

SHARE: Final = 0.1
PER_MINUTE: Final = 20.0
BURST: Final = 60.0


class RetryBudget:
    """Tokens that retries are paid with: a share of the traffic, and a few for quiet times.

    A store that fails now and then is asked again at once. One that fails all the time gets few
    requests more than it would get without retries. One budget may serve several drivers of one
    store. Threads that race may count one call for two, or two for one.

    :param share: tokens for each call.
    :param per_minute: tokens for each minute, so that rare calls can be repeated at all; a new
        budget holds as many.
    :param burst: tokens at most.
    """

    def __init__(
        self, share: float = SHARE, per_minute: float = PER_MINUTE, burst: float = BURST
    ) -> None:
        self._share = share
        self._per_second = per_minute / 60
        self._burst = burst
        self._tokens = min(per_minute, burst)
        self._filled: float | None = None

    @property
    def tokens(self) -> float:
        """What was left when it was last asked."""
        return self._tokens

    def earn(self) -> None:
        """Count one call."""
        self._tokens += self._share

    def spend(self, now: float) -> bool:
        """Take one token, if there is one.

        :param now: the runtime's ``monotonic()``.
        """
        since = 0.0 if self._filled is None else max(0.0, now - self._filled)
        self._filled = now
        self._tokens = min(self._burst, self._tokens + since * self._per_second)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
