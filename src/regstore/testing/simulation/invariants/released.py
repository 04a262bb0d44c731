"""Whoever deletes a manifest takes the tags along that name it.

I3: no tag that was set before the manifest went, with a bound between the two, names it once its
deletion was acknowledged. One that is set later may.
"""

from __future__ import annotations

from collections.abc import Iterator

from regstore import layout
from regstore.digest import Digest
from regstore.testing.simulation.invariants.facts import Facts, item_of, link_of
from regstore.testing.simulation.keyspace import TAGS
from regstore.testing.simulation.operations import Operation
from regstore.testing.simulation.violations import Violation


def unreleased(facts: Facts) -> Iterator[Violation]:
    """Yield tags that were left behind."""
    for delete in facts.ledger.of("delete manifest"):
        went = _went(facts, delete)
        if went is None or facts.is_there(link_of(item_of(delete)), delete.returned):
            continue
        for tag in TAGS:
            key = layout.TagCurrentLink(delete.repository, tag).path
            set_at, value = facts.last(key, delete.returned)
            is_named = value is not None and layout.link_body(Digest(delete.subject)) == value.data
            if is_named and set_at + facts.knobs.bound < went:
                text = f"it was set at {set_at:.3f}, and {delete} by {delete.process} has left it"
                yield Violation("I3", text, key)


def _went(facts: Facts, delete: Operation) -> float | None:
    """Return when *delete* has told the store to delete the revision, if all was acknowledged."""
    if delete.outcome != "ok":
        return None
    key = link_of(item_of(delete))
    sent = [each for each in facts.requests_of(delete) if each.key == key and each.changes]
    return min((each.arrived for each in sent if each.arrived is not None), default=None)
