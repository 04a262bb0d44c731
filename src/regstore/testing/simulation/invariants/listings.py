"""What is told of the tags and manifests of a repository, and of the repositories.

I6: a list has what its reader has pushed or tagged before, and not what it has deleted; the same of
what others have done, once the bound has passed.

Not promised: a tag that is set or deleted while it is deleted may be listed and not be there, as
may one whose setting broke off. What a swap has found is what others have made.
"""

from __future__ import annotations

from collections.abc import Iterator

from regstore.testing.simulation.invariants.facts import Facts, Item, link_of
from regstore.testing.simulation.invariants.taken import Taken, by_item
from regstore.testing.simulation.keyspace import IMAGES, REPOSITORIES, TAGS
from regstore.testing.simulation.operations import Operation
from regstore.testing.simulation.violations import Violation


class Listings:
    """Checks what is listed."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._ledger = facts.ledger
        self._puts = by_item(facts.ledger.of("put manifest"))
        self._taken = Taken(facts)

    def violations(self) -> Iterator[Violation]:
        """Yield what is wrong."""
        for listing in self._ledger.of("list tags", "list manifests", "list repositories"):
            if listing.outcome != "ok":
                continue
            if listing.found != sorted(set(listing.found)) and listing.kind != "list manifests":
                yield Violation("I6", f"{listing} told {listing.found}", listing.repository)
            if listing.kind == "list tags":
                yield from self._tags(listing)
            elif listing.kind == "list manifests":
                yield from self._manifests(listing)
            else:
                yield from self._repositories(listing)

    def _repositories(self, listing: Operation) -> Iterator[Violation]:
        for name in REPOSITORIES:
            if name not in listing.found:
                for item in _items(name):
                    yield from self._missed(listing, item)

    def _manifests(self, listing: Operation) -> Iterator[Violation]:
        for item in _items(listing.repository):
            yield from (self._back if item[2] in listing.found else self._missed)(listing, item)

    def _missed(self, listing: Operation, item: Item) -> Iterator[Violation]:
        for put in self._puts.get(item, ()):
            if self._precedes(put, listing) and not self._taken.between(
                item, put.invoked, listing.returned
            ):
                text = f"{listing} by {listing.process} lacked what {put.process} had pushed"
                yield Violation("I6", text, link_of(item))
                return

    def _back(self, listing: Operation, item: Item) -> Iterator[Violation]:
        puts = self._puts.get(item, ())
        for delete in self._taken.deletes.get(item, ()):
            if self._precedes(delete, listing) and not any(
                self._facts.quiet(put) >= delete.invoked and put.invoked <= listing.returned
                for put in puts
            ):
                text = f"{listing} by {listing.process} had what {delete.process} had deleted"
                yield Violation("I6", text, link_of(item))
                return

    def _tags(self, listing: Operation) -> Iterator[Violation]:
        deletes = [
            each
            for each in self._ledger.of("delete tag", "delete manifest")
            if each.repository == listing.repository
        ]
        for tag in TAGS:
            sets = self._sets(listing.repository, tag)
            if tag not in listing.found:
                yield from self._untold(listing, tag, sets, deletes)
            else:
                ends = [each for each in deletes if each.subject == tag]
                yield from self._told(listing, tag, ends, [*sets, *deletes])

    def _untold(
        self, listing: Operation, tag: str, sets: list[Operation], deletes: list[Operation]
    ) -> Iterator[Violation]:
        for each in sets:
            if self._precedes(each, listing) and not any(
                self._may_overlap(delete, each, listing) for delete in deletes
            ):
                text = f"{listing} by {listing.process} lacked what {each.process} had set"
                yield Violation("I6", text, f"{listing.repository}/{tag}")
                return

    def _told(
        self, listing: Operation, tag: str, deletes: list[Operation], others: list[Operation]
    ) -> Iterator[Violation]:
        for delete in deletes:
            if self._precedes(delete, listing) and not any(
                self._may_overlap(each, delete, listing) for each in others if each is not delete
            ):
                text = f"{listing} by {listing.process} had what {delete.process} had deleted"
                yield Violation("I6", text, f"{listing.repository}/{tag}")
                return

    def _may_overlap(self, other: Operation, change: Operation, listing: Operation) -> bool:
        """Return whether *change* may have missed *other*, or *other* may have come after it."""
        seen_from = self._facts.quiet(other) + self._facts.lag(other, change)
        return seen_from >= change.invoked and other.invoked <= listing.returned

    def _precedes(self, change: Operation, listing: Operation) -> bool:
        """Return whether *listing* shows what *change* has done."""
        is_found = change.expect is not None  # by a swap, as what others have made it
        lag = self._facts.knobs.bound if is_found else self._facts.lag(change, listing)
        return change.outcome == "ok" and change.returned + lag < listing.invoked

    def _sets(self, name: str, tag: str) -> list[Operation]:
        """Return what has set the tag."""
        return [
            each
            for each in self._ledger.of("set tag", "put manifest")
            if each.repository == name and (each.subject == tag or tag in each.tags)
        ]


def _items(name: str) -> list[Item]:
    return [("manifest", name, str(image.digest)) for image in IMAGES]
