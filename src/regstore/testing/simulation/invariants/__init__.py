"""What must hold of a run, by the numbers of the design's invariants."""

from __future__ import annotations

from collections.abc import Iterator

from regstore.testing.simulation.invariants.collection import Collection
from regstore.testing.simulation.invariants.conduct import Conduct
from regstore.testing.simulation.invariants.deadlines import overdue
from regstore.testing.simulation.invariants.errors import Errors
from regstore.testing.simulation.invariants.facts import Facts
from regstore.testing.simulation.invariants.listings import Listings
from regstore.testing.simulation.invariants.marks import Marks
from regstore.testing.simulation.invariants.pushes import Pushes
from regstore.testing.simulation.invariants.referrers import Referrers
from regstore.testing.simulation.invariants.released import unreleased
from regstore.testing.simulation.invariants.rest import at_rest
from regstore.testing.simulation.invariants.tags import Tags
from regstore.testing.simulation.invariants.uploads import Uploads
from regstore.testing.simulation.violations import Violation

__all__ = ["Facts", "check"]


def check(facts: Facts) -> Iterator[Violation]:
    """Yield what is wrong."""
    yield from Collection(facts).violations()
    yield from Conduct(facts).violations()
    yield from Errors(facts).violations()
    yield from Listings(facts).violations()
    yield from Marks(facts).violations()
    yield from Pushes(facts).violations()
    yield from Referrers(facts).violations()
    yield from Tags(facts).violations()
    yield from Uploads(facts).violations()
    yield from overdue(facts)
    yield from unreleased(facts)
    yield from at_rest(facts)
