"""How far a store is trusted, what was seen of it, and what is told of that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal

from regstore.consistency.capabilities import without
from regstore.consistency.promise import Consistency
from regstore.driver import Capabilities, StorageDriver

Promise = Literal["read_after_write", "read_after_overwrite", "list_after_write", "staleness_bound"]

DOUBT: Final = 0.5
"""Seconds for which own writes are waited for where a store promises to show them at once."""


@dataclass(slots=True)
class Settling:
    """What a :class:`~regstore.consistency.Settled` has seen so far. Only its owner changes it.

    :ivar hits: reads whose answer the journal had something to say about.
    :ivar waits: reads that were not content with the first answer.
    :ivar reads_again: requests that were made for that.
    :ivar seconds_waited: how long those waits took, all of them.
    :ivar staleness: seconds, the longest time after a write at which the store did not show it yet
        and later did.
    :ivar from_journal: answers that came from the journal, since the store did not show them.
    :ivar overlaid: names that were added to listings, or hidden in them.
    :ivar not_yet: waits that ended with ``NotYetVisibleError``.
    :ivar violations: how often the store broke what its class promises.
    :ivar evicted: writes that the journal has forgotten too early, being full.
    """

    hits: int = 0
    waits: int = 0
    reads_again: int = 0
    seconds_waited: float = 0.0
    staleness: float = 0.0
    from_journal: int = 0
    overlaid: int = 0
    not_yet: int = 0
    violations: int = 0
    evicted: int = 0


@dataclass(frozen=True, slots=True)
class Violation:
    """A store did not keep its class. It is treated as the weaker one from then on.

    :ivar path: where it was seen.
    :ivar promise: the field of :class:`~regstore.driver.Capabilities` that does not hold.
    :ivar seconds: how long after the write.
    """

    path: str
    promise: Promise
    seconds: float


class Trust:
    """What a store promises by now: what its driver claims, what was asked for, what was seen.

    :param inner: the driver whose claims are asked for each time, and which is told of any lag.
    :param consistency: lowers the claims; ``None`` leaves them.
    :param hook: is told of each violation. It must not call the registry.
    """

    def __init__(
        self,
        inner: StorageDriver,
        consistency: Consistency | None = None,
        hook: Callable[[Violation], object] | None = None,
    ) -> None:
        self.seen: Settling = Settling()
        self._inner = inner
        self._consistency = consistency
        self._hook = hook
        self._lost: frozenset[Promise] = frozenset()
        self._worst: float = 0.0
        self._cached: tuple[Capabilities, frozenset[Promise], Capabilities] | None = None
        if consistency is not None and consistency.kind != "strong":
            inner.expect_lag(self.bound)

    @property
    def capabilities(self) -> Capabilities:
        """The claims, lowered by what was asked for and by what was seen."""
        claimed, lost = self._inner.capabilities, self._lost
        cached = self._cached
        if cached is None or cached[0] is not claimed or cached[1] is not lost:
            cached = self._cached = claimed, lost, self._lowered(claimed, lost)
        return cached[2]

    @property
    def bound(self) -> float | None:
        """Seconds after which everyone sees a write; ``None`` if nobody knows."""
        return self.capabilities.staleness_bound

    @property
    def lag(self) -> float:
        """Seconds after which what was written shows, as far as anybody can tell."""
        return max(self.capabilities.lag, 2 * self._worst)

    @property
    def window(self) -> float:
        """Seconds for which an own write may be missing."""
        return self.lag or DOUBT

    @property
    def reach(self) -> float:
        """Seconds for which it makes sense to wait for what others have written; 0 where none."""
        return self.lag if self.bound or self._lost else 0.0

    def shown_late(self, path: str, seconds: float, *, is_new: bool) -> None:
        """Report what a store did not show so many *seconds* after a write, where it had to.

        Where only new objects show at once nobody knows whether others had been there before.

        :param is_new: this process had deleted nothing there.
        """
        self.seen.staleness = max(self.seen.staleness, seconds)
        if self.capabilities.read_after_overwrite:
            promise: Promise = "read_after_write" if is_new else "read_after_overwrite"
            self.violated(path, promise, seconds)
        elif self.bound is not None and seconds > self.bound:
            self.violated(path, "staleness_bound", seconds)

    def violated(self, path: str, promise: Promise, seconds: float) -> None:
        """Report that *promise* does not hold, and count on it no more."""
        self.seen.violations += 1
        self._lost |= {promise}
        self._worst = max(self._worst, seconds)
        self._inner.expect_lag(self.bound)
        if self._hook is not None:
            self._hook(Violation(path, promise, seconds))

    def _lowered(self, claimed: Capabilities, lost: frozenset[Promise]) -> Capabilities:
        kept = claimed if self._consistency is None else self._consistency.lowered(claimed)
        if not lost:
            return kept
        lowered = without(kept, lost - {"staleness_bound"})
        if "staleness_bound" in lost or not kept.staleness_bound:
            # A store that lags although it promised not to has no bound that anybody knows.
            return replace(lowered, staleness_bound=None)
        return lowered
