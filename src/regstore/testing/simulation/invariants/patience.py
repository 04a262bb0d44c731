"""What fails for a moment is tried again.

- error: nothing fails for a moment where the store answers, and the caller has time.
- retries: reads, and writes that whoever repeats them writes the same, are given up after no fewer
  than four attempts: unless the deadline is near, or the process had so many failures that they are
  not paid for any more. Four is what fits into the patience of
  :class:`~regstore.consistency.Retrying` where each attempt takes ten seconds to fail.

Other changes may be given up after one request, where nobody can tell whether it has had an effect;
and whoever compares a tag that changes again and again meanwhile may give up. To list referrers may
build their index, and is such a change. So may one whose parts a deletion or another writer has
discarded while it sent them: whether an earlier attempt has put them together nobody can tell. Not
judged where the store tears what it copies: what has
arrived short fails for a moment, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from regstore import layout
from regstore.consistency.backoff import CAP_SECONDS
from regstore.consistency.budget import PER_MINUTE
from regstore.consistency.deadline import MOMENT
from regstore.errors import DriverError, NotYetVisibleError, RegstoreError
from regstore.testing.simulation.invariants.facts import Facts
from regstore.testing.simulation.keyspace import TAGS
from regstore.testing.simulation.operations import Kind, Operation
from regstore.testing.simulation.trace import Request
from regstore.testing.simulation.violations import Violation

_REPEATABLE: Final[frozenset[Kind]] = frozenset(
    {
        "get blob",
        "get manifest",
        "get tag",
        "get by tag",
        "put blob",
        "mount blob",
        "put manifest",
        "begin upload",
    }
)
_SENDING: Final = frozenset({"put_part", "copy_part", "complete"})
_FEWEST: Final = 4


class Patience:
    """Checks who has given up, and when."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def judged(self, failed: Operation, error: RegstoreError) -> Iterator[Violation]:
        """Yield what is wrong with it that *failed* raised *error*."""
        if self._is_out_of_time(failed) or self._facts.knobs.tears:
            return
        count = sum(map(self._has_failed, self._facts.requests_of(failed)))
        told = f"{failed} by {failed.process} met {type(error).__name__}"
        if isinstance(error, NotYetVisibleError) or not (count or self._is_restless(failed)):
            yield Violation("error", f"{told}, for no reason: {error}", "", failed.returned)
        elif (
            self._is_repeatable(failed, error)
            and count < _FEWEST
            and not (self._is_spent(failed) or self.is_discarded(failed))
        ):
            text = f"{told} after {count} requests had failed: {error}"
            yield Violation("retries", text, "", failed.returned)

    def _is_out_of_time(self, failed: Operation) -> bool:
        """Return whether there was none for another attempt, or to wait until changes show."""
        if failed.limit is None:
            return False
        pause = CAP_SECONDS + self._facts.knobs.bound + MOMENT
        return failed.returned - failed.invoked >= failed.limit - pause

    def _is_restless(self, failed: Operation) -> bool:
        """Return whether a tag that it compares has changed while it was looked at."""
        if failed.kind not in {"set tag", "delete tag", "delete manifest"}:
            return False
        tags = TAGS if failed.kind == "delete manifest" else (failed.subject,)
        keys = [layout.TagCurrentLink(failed.repository, tag).path for tag in tags]
        since, until = failed.invoked - self._facts.knobs.bound - MOMENT, failed.returned
        return any(len(self._facts.contents(key, since, until)) > 1 for key in keys)

    def _has_failed(self, request: Request) -> bool:
        """Return whether *request* was not answered, or with less than all."""
        is_cut = request.name == "open" and self._facts.knobs.cut_bodies > 0
        return request.answered is None or request.outcome == "ThrottledError" or is_cut

    def _is_repeatable(self, failed: Operation, error: RegstoreError) -> bool:
        """Return whether nothing in it depends on what others do: a tombstone is compared."""
        path = error.path if isinstance(error, DriverError) else ""
        is_rescue = isinstance(layout.parse(path), layout.Tombstone)
        return failed.kind in _REPEATABLE and not failed.tags and not is_rescue

    def is_discarded(self, failed: Operation) -> bool:
        """Return whether somebody else has ended a session of its, and it has met that."""
        met = {
            each.key
            for each in self._facts.requests_of(failed)
            if each.name in _SENDING and each.outcome == "PathNotFoundError"
        }
        return any(
            each.name == "abort" and each.key in met and each.process != failed.process
            for each in self._facts.trace.requests[failed.first - 1 : failed.last]
        )

    def _is_spent(self, failed: Operation) -> bool:
        """Return whether its process may have had no more that pays for another attempt."""
        sent = self._facts.trace.requests[: failed.last]
        own = [each for each in sent if each.process == failed.process]
        return sum(map(self._has_failed, own)) >= PER_MINUTE
