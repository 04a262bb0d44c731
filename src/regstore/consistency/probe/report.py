"""What a probe found out."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Final, Literal

from regstore.consistency.capabilities import Saved, lower, without
from regstore.driver import Capabilities

Measure = bool | float | None
Outcome = Literal["holds", "broken", "not claimed", "told"]

RESTS_ON_VERSIONS: Final = (
    "stable_reads",
    "conditional_replace",
    "conditional_delete",
    "source_pinned_copy",
    "unique_versions",
)
"""What nobody may rely on where other content can have the same version (R1)."""
_FIELDS: Final = {each.name for each in fields(Capabilities)}


@dataclass(frozen=True, slots=True)
class Finding:
    """What a probe saw of one capability, or of one clause that every driver must keep.

    :ivar capability: a field of :class:`~regstore.driver.Capabilities`, or ``versions`` (R1),
        ``listing_order`` (L1) or ``clock_skew`` (seconds by which the store's clock is ahead).
    :ivar claimed: what the driver says; ``True`` for a clause that every driver must keep.
    :ivar measured: what was seen: whether it holds, or a number of seconds.
    :ivar outcome: ``"broken"`` where the store keeps less than is claimed, or does silently what
        is not claimed (W4); ``"told"`` for what nobody claims.
    :ivar seen: the evidence, in words.
    :ivar calls: how many calls of the contract this took.
    :ivar seconds: how long it took.
    :ivar lag: seconds after which everyone saw a write that was not visible at once; ``None``
        where that never happened while it was waited for.
    """

    capability: str
    claimed: Measure
    measured: Measure
    outcome: Outcome
    seen: str
    calls: int = 0
    seconds: float = 0.0
    lag: float | None = 0.0


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """What a store really does, and what its driver may therefore promise.

    :ivar driver: the name of the driver.
    :ivar time: when the probe ended, on the store's clock as far as it is known, in UTC.
    :ivar claimed: what the driver promised.
    :ivar findings: in the order of :class:`~regstore.driver.Capabilities`, as far as they are
        fields of it. What is no finding was not probed.
    """

    driver: str
    time: datetime
    claimed: Capabilities
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing that is claimed was seen broken. Absence of proof is no proof."""
        return not self.broken

    @property
    def broken(self) -> tuple[Finding, ...]:
        """The findings that are broken."""
        return tuple(each for each in self.findings if each.outcome == "broken")

    @property
    def capabilities(self) -> Capabilities:
        """The claims, lowered by what was seen; never raised."""
        lowered = self.claimed
        for finding in self.broken:
            lowered = lower(lowered, _seen(lowered, finding))
        return lowered

    @property
    def saved(self) -> Saved:
        """What is kept of this report in the store."""
        return Saved(self.driver, self.time, self.capabilities)


def _seen(claimed: Capabilities, finding: Finding) -> Capabilities:
    """Return *claimed* with what *finding* says of it."""
    if finding.capability == "versions":
        return without(claimed, RESTS_ON_VERSIONS)
    if finding.capability not in _FIELDS:
        return claimed
    measured: dict[str, Any] = {finding.capability: finding.measured}
    seen = replace(claimed, **measured)
    return replace(seen, staleness_bound=finding.lag) if finding.lag != 0 else seen
