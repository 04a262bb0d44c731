"""What those leave alone who end uploads for their clients.

- I19: nobody ends an upload of which bytes were acknowledged within the time for which it must have
  been left alone. Bytes that come once somebody has begun to end it are not acknowledged, or it
  goes on.

Times are the store's, whose clock may be off: where it must have been left alone for no longer than
that, new bytes may look like old ones. Not promised: where two end an upload at the same time, or
one that does breaks off, what is acknowledged in that moment may be lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from regstore import layout
from regstore.drivers.objects.naming import ParkedPlace
from regstore.testing.simulation.invariants.facts import APPENDS, ENDINGS, Facts
from regstore.testing.simulation.operations import Operation
from regstore.testing.simulation.trace import Request
from regstore.testing.simulation.violations import Violation


class Purges:
    """Checks the purges of one upload.

    :param operations: all that was done with it.
    """

    def __init__(
        self, facts: Facts, name: str, upload_id: str, operations: list[Operation]
    ) -> None:
        self._facts = facts
        self._operations = operations
        self._purges = [each for each in operations if each.kind == "purge upload"]
        self._started = layout.UploadStartedAt(name, upload_id).path
        self._mark = layout.UploadPurging(name, upload_id).path
        self._head = ParkedPlace.of(layout.UploadData(name, upload_id).path).head

    def violations(self) -> Iterator[Violation]:
        """Yield what is wrong."""
        acked = [
            (each, parked)
            for each in self._operations
            if each.kind in APPENDS and each.outcome == "ok"
            if (parked := self.parked_at(each)) is not None
        ]
        for purge in self._purges:
            begun = self._begun(purge)
            for append, parked in acked if begun is not None else ():
                yield from self._judged(purge, begun or 0.0, append, parked)

    def ends(self) -> list[float]:
        """Return when the upload ended: when its start went and nobody put it back."""
        spared = {
            taken.arrived
            for purge in self._purges
            if purge.outcome == "ok" and self._is_alone(purge)
            if self._facts.is_there(self._started, purge.returned)
            for taken in self._takings(purge)
        }
        versions = self._facts.versions(self._started)
        gone = [each.time for each in versions if each.content is None]
        return [time for time in gone if time not in spared]

    def parked_at(self, append: Operation) -> float | None:
        """Return when the bytes of *append* were there, if it brought any."""
        times = [
            each.arrived
            for each in self._facts.requests_of(append)
            if each.key == self._head and each.name == "put"
            if each.arrived is not None and each.arrived <= append.returned
        ]
        return max(times, default=None)

    def _judged(
        self, purge: Operation, begun: float, append: Operation, parked: float
    ) -> Iterator[Violation]:
        knobs = self._facts.knobs
        error = 2 * knobs.clock_skew + knobs.clock_resolution
        is_seen = append.returned + knobs.bound < purge.invoked
        # A record that another writer has taken away before, as without conditions, is not ended.
        is_seen = is_seen and self._facts.is_there(self._head, purge.invoked)
        if is_seen and begun - parked < purge.older_than - error:
            text = f"it was ended {begun - parked:.3f} s after bytes that were acknowledged"
            yield Violation("I19", text, self._started)
        is_over = purge.outcome == "ok" and not self._facts.is_there(self._started, purge.returned)
        is_told = purge.older_than > error and self._is_alone(purge)
        if begun < parked <= purge.returned and is_over and is_told:
            text = "bytes that came while it was ended were acknowledged"
            yield Violation("I19", text, self._started)

    def _begun(self, purge: Operation) -> float | None:
        """Return when *purge* said that it ends the upload, if it has begun with that."""
        taken = min((each.sent for each in self._takings(purge)), default=-inf)
        marks = self._facts.versions(self._mark)
        times = [each.time for each in marks if each.content is not None and each.time <= taken]
        return max(times, default=None)

    def _takings(self, purge: Operation) -> list[Request]:
        """Return the requests by which *purge* took the start away."""
        return [
            each
            for each in self._facts.requests_of(purge)
            if each.name == "delete" and each.key == self._started and each.arrived is not None
        ]

    def _is_alone(self, purge: Operation) -> bool:
        """Return whether nobody else was about to end the upload."""
        return not any(
            each.kind in ENDINGS
            and each is not purge
            and each.invoked <= self._facts.quiet(purge)
            and purge.invoked <= self._facts.quiet(each)
            for each in self._operations
        )
