"""What one part of a probe has seen, before it is held against what is claimed."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from regstore.consistency.probe.ground import Ground


@dataclass(frozen=True, slots=True)
class Evidence:
    """Evidence on one capability or clause.

    :ivar kept: whether what was seen agrees with keeping it.
    :ivar seen: in words.
    :ivar refused: whether the driver refuses to try, as it must where it does not claim it (W4).
    :ivar value: what was measured, where that is a number.
    :ivar lag: as in :class:`~regstore.consistency.probe.report.Finding`.
    """

    kept: bool
    seen: str
    refused: bool = False
    value: float | None = None
    lag: float | None = 0.0


Gather = Callable[[Ground], Coroutine[Any, Any, Evidence]]
"""A part of a probe."""


def summed(parts: Sequence[Evidence]) -> Evidence:
    """Return all that was seen of one capability."""
    return Evidence(
        all(part.kept for part in parts),
        "; ".join(part.seen for part in parts if part.seen),
        refused=any(part.refused for part in parts),
    )
