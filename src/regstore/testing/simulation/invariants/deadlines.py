"""I25: every call ends by its deadline.

A read does so to the instant. A change may tidy up after itself, in several steps, each as long as
the patience of :class:`~regstore.consistency.Retrying` lasts: what cleans up is not held to the
deadline.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from regstore.consistency.deadline import MOMENT
from regstore.testing.simulation.invariants.facts import Facts
from regstore.testing.simulation.operations import Kind
from regstore.testing.simulation.violations import Violation

_READS: Final[frozenset[Kind]] = frozenset({"get blob", "get manifest", "get tag", "get by tag"})
_TIDYING_SECONDS: Final = 120.0


def overdue(facts: Facts) -> Iterator[Violation]:
    """Yield the calls that took longer than they were given."""
    for each in facts.ledger.operations:
        if each.limit is None:
            continue
        latest = each.invoked + each.limit
        latest += MOMENT if each.kind in _READS else _TIDYING_SECONDS
        if each.returned > latest:
            text = f"{each} took {each.returned - each.invoked:.3f} s of {each.limit}"
            yield Violation("I25", text, each.subject)
