"""What a simulated store does to those who use it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Final, Literal, get_args

from regstore.consistency import Consistency
from regstore.driver import Capabilities
from regstore.testing.faults.arguments import (
    require_counts,
    require_known,
    require_shares,
    require_times,
)
from regstore.testing.objects import MemoryObjects

Conditions = Literal["enforced", "absent", "ignored"]

_COUNTS: Final = frozenset({"front_ends", "list_page"})
_RATES: Final = frozenset(
    {
        "slow",
        "lost_requests",
        "lost_answers",
        "repeated",
        "throttled",
        "cut_bodies",
        "torn_copies",
        "torn_assemblies",
        "late_requests",
        "conflicts",
    }
)
"""All other numbers are times."""


@dataclass(frozen=True, slots=True)
class Knobs:
    """How a store behaves. By default it is strong, quick and keeps its word.

    Times are in seconds, rates are shares of the requests, from 0 to 1.

    :ivar latency: from the sending of a request to its effect, and from that to the answer: between
        a tenth of this and this, evenly.
    :ivar slow: rate of requests that take up to *slow_latency* each way instead.
    :ivar slow_latency: see *slow*.
    :ivar stale_get: for how long ``get`` and ``open`` may show what was before a change.
    :ivar stale_head: the same of ``head``.
    :ivar stale_list: the same of ``list``; each key lags by itself.
    :ivar new_is_seen: keys that were never there before are seen at once by ``get`` and ``head``
        (read-after-new-write, as StorageGRID and Wasabi promise).
    :ivar front_ends: each request meets one of so many, and each lags by its own share of the
        above, so that what was seen once may be missed again; 1: all see the same, as late as can
        be.
    :ivar negative: for how long a front end that has missed a key goes on missing it.
    :ivar lost_requests: rate of requests that never arrive; the client learns of it after
        *timeout*.
    :ivar lost_answers: rate of requests that take effect unheard.
    :ivar timeout: after which a client gives up on an answer, and on what is slow, too: that may
        take effect still.
    :ivar late_requests: rate of requests that arrive once the client has given up, up to
        *late_after* after that.
    :ivar late_after: see *late_requests*.
    :ivar repeated: rate of changing requests that arrive a second time, up to *repeat_after* later.
    :ivar repeat_after: see *repeated*.
    :ivar throttled: rate of requests that are refused with the wish to wait for a second.
    :ivar cut_bodies: rate of bodies that end early.
    :ivar stale_copies: copies on the server read what *stale_get* lets ``get`` see of their source,
        not only what is true.
    :ivar torn_copies: rate of copies on the server, whole or from parts, of which only a beginning
        arrives although the answer says that all is well, as with large objects on OpenStack Swift
        (distribution/distribution#1013); no class of stores has it.
    :ivar torn_assemblies: the same of parts that were sent straight to where they are read.
    :ivar conditions: kept; absent, and the driver says so; or accepted and silently ignored.
    :ivar conflicts: rate of conditional writes that are refused, whatever their condition, where
        their object has changed while they were under way: S3's 409 ConditionalRequestConflict.
        What is to be created may be sent again.
    :ivar claims_strong: its driver claims that nothing lags; whoever opens it knows better.
    :ivar unique_versions: the same bytes written again have a new version.
    :ivar dated: its driver claims that ``modified`` tells when content appeared.
    :ivar dated_from_begin: what is assembled from parts has the time at which that was begun as its
        ``modified``, as on S3.
    :ivar list_page: entries of one listing request: a listing that takes several spreads over time.
    :ivar clock_resolution: of ``modified``, cut off.
    :ivar clock_skew: the store's clock is off by up to this much, either way, differently at each
        write.
    :ivar process_skew: so are the clocks of processes, once for each.
    :raises ValueError: a time is below 0 or not finite, a rate is not from 0 to 1, a count of
        front ends or entries is below 1, or conditions are none of these.
    """

    latency: float = 0.05
    slow: float = 0.0
    slow_latency: float = 3.0
    stale_get: float = 0.0
    stale_head: float = 0.0
    stale_list: float = 0.0
    new_is_seen: bool = False
    front_ends: int = 1
    negative: float = 0.0
    lost_requests: float = 0.0
    lost_answers: float = 0.0
    timeout: float = 10.0
    late_requests: float = 0.0
    late_after: float = 5.0
    repeated: float = 0.0
    repeat_after: float = 5.0
    throttled: float = 0.0
    cut_bodies: float = 0.0
    stale_copies: bool = False
    torn_copies: float = 0.0
    torn_assemblies: float = 0.0
    conditions: Conditions = "enforced"
    conflicts: float = 0.0
    claims_strong: bool = False
    unique_versions: bool = False
    dated: bool = False
    dated_from_begin: bool = False
    list_page: int = 1000
    clock_resolution: float = 1e-6
    clock_skew: float = 0.0
    process_skew: float = 0.0

    def __post_init__(self) -> None:
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        require_known("conditions", given.pop("conditions"), get_args(Conditions))
        require_counts(**{name: given.pop(name) for name in _COUNTS})
        require_shares(**{name: given.pop(name) for name in _RATES})
        numbers = {name: value for name, value in given.items() if not isinstance(value, bool)}
        require_times(**numbers)

    @property
    def bound(self) -> float:
        """Seconds after which everyone sees a change."""
        return max(self.stale_get, self.stale_head, self.stale_list) + self.negative

    @property
    def tears(self) -> bool:
        """Whether less may arrive than the store says."""
        return max(self.torn_copies, self.torn_assemblies) > 0

    @property
    def capabilities(self) -> Capabilities:
        """What a driver over this store claims; of ignored conditions, too."""
        claimed = MemoryObjects.capabilities
        if self.conditions == "absent":
            claimed = replace(
                claimed,
                conditional_create=False,
                conditional_replace=False,
                conditional_delete=False,
                conditional_commit=False,
                conditional_copy=False,
                source_pinned_copy=False,
            )
        claimed = replace(
            claimed,
            resume_scope="host",
            unique_versions=self.unique_versions,
            modified_is_commit_time=self.dated and not self.dated_from_begin,
            clock_resolution=self.clock_resolution,
        )
        return claimed if self.claims_strong else self._lagging(claimed)

    def _lagging(self, claimed: Capabilities) -> Capabilities:
        reads_lag = max(self.stale_get, self.stale_head, self.negative) > 0
        return replace(
            claimed,
            read_after_write=not reads_lag or (self.new_is_seen and not self.negative),
            read_after_overwrite=not reads_lag,
            list_after_write=not self.stale_list,
            staleness_bound=self.bound,
        )

    @property
    def consistency(self) -> Consistency | None:
        """What whoever opens the store says of it, if its driver does not say so."""
        if not (self.claims_strong and self.bound):
            return None
        kept = Consistency.claimed_by(self._lagging(MemoryObjects.capabilities))
        return replace(kept, bound=self.bound)
