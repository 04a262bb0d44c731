"""What objects were, and how long that is shown."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from regstore.testing.faults import Lag
from tests.s3proxy.stored import Listed, Stored

Kind = Literal["get", "stat", "list"]


@dataclass(frozen=True)
class Before:
    """What was there before a change.

    :ivar until: when it happened, as ``time.monotonic()`` tells it.
    """

    until: float
    there: Stored | None


class History:
    """The changes of all keys. Every front end of the store draws its lag from *lag*."""

    def __init__(self, lag: Lag) -> None:
        self.lag = lag
        self._changes: dict[str, list[Before]] = {}

    def note(self, key: str, there: Stored | None) -> None:
        """Note that *key* changes now."""
        self._changes.setdefault(key, []).append(Before(time.monotonic(), there))

    def before(self, key: str, kind: Kind) -> Before | None:
        """Return what a read shows instead of the truth, if it does."""
        horizon = time.monotonic() - self.lag.drawn(kind)
        changes = self._changes.get(key, ())
        return next((each for each in changes if each.until > horizon), None)

    def missed(self, key: str) -> None:
        """Remember that *key* was not there: for a while it will not be, whatever is written."""
        if self.lag.negative and not self.is_missed(key):
            self.lag.missed[key] = time.monotonic() + self.lag.negative

    def is_missed(self, key: str) -> bool:
        """Whether a front end remembers that *key* was not there."""
        return self.lag.missed.get(key, 0.0) > time.monotonic()

    def laid_over(self, truth: Mapping[str, Listed]) -> dict[str, Listed]:
        """Return the objects that a listing shows."""
        shown = dict(truth)
        for key in self._changes:
            before = self.before(key, "list")
            if before is not None:
                shown.pop(key, None)
                if before.there is not None:
                    shown[key] = before.there.listed
        return shown
