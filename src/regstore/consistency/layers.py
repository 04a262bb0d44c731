"""Which wrappers a store needs, and in which order they stand around its driver."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol, Self

from regstore.consistency.attempts import RetryCounts
from regstore.consistency.checked import Checked
from regstore.consistency.deadline import time_left
from regstore.consistency.measured import Measured
from regstore.consistency.probed import Probed, accept_all
from regstore.consistency.promise import Consistency
from regstore.consistency.retry import Retrying
from regstore.consistency.settle import Settled
from regstore.consistency.throttle import Throttled
from regstore.consistency.trust import Settling, Trust, Violation
from regstore.driver import StorageDriver

MEASURED: Final = "measured"
"""The consistency of who goes by what a probe has found."""
CALLS_AT_ONCE: Final = 64
STREAMS_AT_ONCE: Final = 192
"""With the calls no more than the connections that the driver for S3 keeps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """The wrappers of one driver, from the inside out; ``Checked`` is always the outermost.

    :ivar measured: believe the store no condition that it was not seen to keep. Innermost, so that
        what is found out lowers the capabilities that all the others go by.
    :ivar probed: go by what a probe has kept in the store, in place of ``measured``.
    :ivar throttled: bound calls and streams.
    :ivar retrying: repeat what failed for a moment; who waits for another attempt holds no place.
    :ivar settled: read own writes; each read that is made again has its retries. On a store that
        does not lag it asks nothing more, and sees whether that is true.
    :ivar consistency: how far the store is trusted, as :func:`regstore.open` takes it; as its
        driver claims by default.
    """

    measured: bool = False
    probed: bool = False
    throttled: bool = False
    retrying: bool = False
    settled: bool = False
    consistency: str | Consistency | None = None

    @classmethod
    def needed_by(
        cls, driver: StorageDriver, consistency: str | Consistency | None = None, *, remote: bool
    ) -> Self:
        """Return what the store of *driver* needs, and no more.

        :param consistency: as :func:`regstore.open` takes it.
        :param remote: whether the store is reached over a network by a driver that leaves
            conditions, retries and bounds to others.
        :raises ConfigurationError: *consistency* is none, or more than the driver claims.
        """
        if consistency == MEASURED:
            return cls(probed=True, throttled=remote, retrying=remote, settled=True)
        promise = _promise(consistency)
        if promise is not None:
            promise.require_claim(driver.capabilities, driver.name)
        kept = promise or Consistency.claimed_by(driver.capabilities)
        return cls(
            measured=remote,
            throttled=remote,
            retrying=remote,
            settled=remote or kept.kind != "strong",
            consistency=promise,
        )

    def around(
        self,
        driver: StorageDriver,
        on_violation: Callable[[Violation], object] | None = None,
        accept: Callable[[StorageDriver], object] = accept_all,
    ) -> StorageDriver:
        """Put them around *driver*.

        :param on_violation: is told, in whatever thread or task sees it, of a store that does not
            keep its class, where one of them sees that (``settled``). It must not call the
            registry. What it raises reaches whoever was reading; the store is trusted less all
            the same.
        :param accept: as :class:`~regstore.consistency.Probed` takes it.
        :raises TypeError: *on_violation* cannot be called.
        :raises ConfigurationError: the consistency is none.
        """
        _require_hook(on_violation)
        is_probed = self.probed or self.consistency == MEASURED
        if self.measured or is_probed:
            driver = Probed(driver, accept) if is_probed else Measured(driver)
        trust = Trust(driver, _promise(self.consistency), on_violation)
        if self.throttled:
            driver = Throttled(driver, CALLS_AT_ONCE, streams=STREAMS_AT_ONCE)
        if self.retrying:
            driver = Retrying(driver, trust=trust)
        if self.settled:
            driver = Settled(driver, left=partial(time_left, driver.runtime), trust=trust)
        return Checked(driver)


def _require_hook(on_violation: object) -> None:
    if on_violation is not None and not callable(on_violation):
        raise TypeError(f"on_violation is called with a Violation; {on_violation!r} cannot be")


def _promise(given: str | Consistency | None) -> Consistency | None:
    """Read what is said of a store; ``None`` where that is for its driver or a probe to say."""
    return None if given is None or given == MEASURED else Consistency.parse(given)


class HasDriver(Protocol):
    """What stands on a driver, such as a registry."""

    @property
    def driver(self) -> StorageDriver:
        """The driver."""


@dataclass(frozen=True, slots=True)
class Counters:
    """What the wrappers of one driver have counted so far, a copy.

    :ivar retrying: of :class:`~regstore.consistency.Retrying`.
    :ivar settled: of :class:`~regstore.consistency.Settled`.
    """

    retrying: RetryCounts
    settled: Settling


def counters(counted: StorageDriver | HasDriver) -> Counters:
    """Return what was counted around a driver.

    What no wrapper is there to count is zero. Of two of a kind the outer one tells.

    :param counted: a :class:`regstore.Registry`, a :class:`regstore.AsyncRegistry`, or a driver.
    :raises TypeError: it is none of these.
    """
    retrying: RetryCounts | None = None
    settled: Settling | None = None
    each: StorageDriver | None = _driver_of(counted)
    while each is not None:
        if isinstance(each, Retrying):
            retrying = retrying or each.counts
        elif isinstance(each, Settled):
            settled = settled or each.counters
        each = getattr(each, "inner", None)
    return Counters(retrying or RetryCounts(), settled or Settling())


def _driver_of(counted: object) -> StorageDriver:
    driver = counted if isinstance(counted, StorageDriver) else getattr(counted, "driver", None)
    if not isinstance(driver, StorageDriver):
        raise TypeError(f"counters are those of a Registry, or of its driver, not of {counted!r}")
    return driver
