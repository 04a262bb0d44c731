"""What somebody has asked to delete, so that nobody needs to keep it."""

from __future__ import annotations

from regstore.testing.simulation.invariants.facts import Facts, Item, item_of
from regstore.testing.simulation.operations import Operation


def by_item(operations: list[Operation]) -> dict[Item, list[Operation]]:
    """Return *operations* by what they are about."""
    found: dict[Item, list[Operation]] = {}
    for operation in operations:
        found.setdefault(item_of(operation), []).append(operation)
    return found


class Taken:
    """The deletions of a run.

    :ivar deletes: by what they delete.
    """

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self.deletes: dict[Item, list[Operation]] = by_item(
            facts.ledger.of("delete blob", "delete manifest")
        )

    def between(self, item: Item, since: float, until: float) -> bool:
        """Return whether somebody may have deleted *item* between two times.

        Whoever pushes at *since* may still see what was deleted a bound before.
        """
        bound = self._facts.knobs.bound
        return any(
            delete.invoked <= until and self._facts.quiet(delete) + bound >= since
            for delete in self.deletes.get(item, ())
        )

    def at(self, put: Operation, time: float) -> bool:
        """Return whether what *put* has pushed may be deleted by *time*."""
        return self.between(item_of(put), put.invoked, time)
