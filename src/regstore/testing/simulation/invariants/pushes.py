"""Nothing that was pushed is lost, and nothing that was deleted is back.

- I1: whatever a push that was acknowledged needs is in the store from then on, at every moment,
  until somebody asks for its deletion. A blob that is deleted while a manifest is being pushed may
  be missing from it: the client that deletes what others refer to is not stopped.
- I4: content that was short when its push was acknowledged: the store may tear it, and must be seen
  to. What it tears later, over what was acknowledged, nobody can help.
- I6: whoever has pushed finds it at once, everybody else once the bound has passed; so with what
  was deleted. Whoever has seen a link does not miss what it names.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from regstore.testing.simulation.invariants.facts import (
    Facts,
    Item,
    data_of,
    is_absence,
    item_of,
    link_of,
    needs,
    proofs,
)
from regstore.testing.simulation.invariants.taken import Taken, by_item
from regstore.testing.simulation.operations import Operation
from regstore.testing.simulation.violations import Violation


class Pushes:
    """Checks what is said of pushes, pulls and deletions."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        ledger = facts.ledger
        self._puts = by_item(ledger.of("put blob", "mount blob", "commit upload", "put manifest"))
        self._taken = Taken(facts)

    def violations(self) -> Iterator[Violation]:
        """Yield what is wrong."""
        for put in chain.from_iterable(self._puts.values()):
            if put.outcome == "ok":
                yield from self._lost(put)
                yield from self._short(put)
        for got in self._facts.ledger.of("get blob", "get manifest"):
            if is_absence(got):
                yield from self._missed(got)
            elif got.outcome == "ok":
                yield from self._back(got)
        for got in self._facts.ledger.of("get blob", "get manifest", "get by tag"):
            if is_absence(got):
                yield from self._hasty(got)

    def _lost(self, put: Operation) -> Iterator[Violation]:
        """Look at all that an acknowledged push needs, from then on."""
        until, is_collected = self._facts.kept_until(put), self._facts.scenario.pace is not None
        for item in self._linked_by(put):
            for time in self._facts.gaps(link_of(item), put.returned):
                if time < until and not (
                    self._taken.between(item, put.invoked, time)
                    or (is_collected and self._taken.at(put, time))
                ):
                    text = f"{put} was acknowledged, and its link was gone at {time:.3f}"
                    yield Violation("I1", text, link_of(item))
            if is_collected:
                continue
            for time in self._facts.gaps(data_of(item), put.returned):
                text = f"{put} was acknowledged, and its content was gone at {time:.3f}"
                yield Violation("I1", text, data_of(item))

    def _short(self, put: Operation) -> Iterator[Violation]:
        """Look whether the content was ever whole after this push had put down less."""
        key = data_of(item_of(put))
        for each in self._facts.requests_of(put):
            if each.key != key or each.arrived is None:
                continue
            shown = self._facts.shown(key, each.arrived, put.returned)
            is_its = bool(shown) and each.changes and shown[0].time == each.arrived
            if is_its and all(version.is_torn for version in shown):
                text = f"{put} was acknowledged, and the store had put down less of it"
                yield Violation("I4", text, key)
                return

    def _linked_by(self, put: Operation) -> list[Item]:
        """Return what has links from then on.

        Beside collectors those who know nothing of them do not keep the links of blobs.
        """
        items = needs(item_of(put))
        is_kept = self._facts.scenario.pace is None or not self._facts.scenario.has_stock
        return items if is_kept else [item for item in items if item[0] == "manifest"]

    def _missed(self, got: Operation) -> Iterator[Violation]:
        item = item_of(got)
        for put in self._puts.get(item, ()):
            known_at = put.returned + self._facts.lag(put, got)
            if put.outcome != "ok" or known_at >= got.invoked:
                continue
            if got.returned >= self._facts.kept_until(put) or not self._linked_by(put):
                continue
            missing = [
                each
                for each in needs(item)[:1]
                if self._taken.between(each, put.invoked, got.returned)
            ]
            if not missing:
                text = f"{got} by {got.process} missed it, and {put.process} had pushed it"
                yield Violation("I6", text, link_of(item))
                return

    def _hasty(self, got: Operation) -> Iterator[Violation]:
        """Look whether something proved to the reader that what it missed was there.

        Only on a store that lags does it: what a link names shows later than the link. A tag that
        was set while its manifest was deleted proves nothing.
        """
        seen: dict[str, float] = {}
        missed: dict[str, float] = {}
        for each in self._facts.requests_of(got):
            if each.arrived is None:
                continue
            if each.outcome == "PathNotFoundError":
                missed[each.key] = each.arrived
            elif each.outcome == "ok":
                seen.setdefault(each.key, each.arrived)
                missed.pop(each.key, None)
        for link, key in proofs(got, self._facts):
            time, since = missed.get(key), seen.get(link)
            if time is None or since is None or not self._facts.is_there(key, time):
                continue
            if not self._facts.is_ever_gone(key, since - self._facts.knobs.bound, time):
                yield Violation("I6", f"{got} by {got.process} saw {link}, and missed this", key)

    def _back(self, got: Operation) -> Iterator[Violation]:
        item = item_of(got)
        if item[0] == "blob" and self._facts.scenario.pace is not None:
            return  # collectors give blobs back to the manifests that need them
        for delete in self._taken.deletes.get(item, ()):
            known_at = delete.returned + self._facts.lag(delete, got)
            if delete.outcome != "ok" or known_at >= got.invoked:
                continue
            if not any(
                self._facts.quiet(put) >= delete.invoked and put.invoked <= got.returned
                for put in self._puts.get(item, ())
            ):
                text = f"{got} by {got.process} found it, and {delete.process} had deleted it"
                yield Violation("I6", text, link_of(item))
                return
