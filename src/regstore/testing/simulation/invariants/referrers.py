"""What is told of those that refer to an image.

- A manifest whose push was acknowledged a bound before the list was asked for is on it, with what
  it is, until somebody asks for its deletion; and in the end a complete index has it.
- One that never was pushed is not on it; nor is one that was deleted, once a bound has passed since
  the deletion, or since the next reindex where somebody was adding it meanwhile.

Not promised: what is pushed during a reindex is on it once that has ended and everybody sees it;
what other software has pushed is on it after the next reindex alone. Where the push or the deletion
of a manifest breaks off, it may be there and not on the list. What a reindex sends that breaks off,
or that arrives twice, may take from the list what is pushed at that moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product

from regstore import layout
from regstore.oci import OCI_MANIFEST, Descriptor
from regstore.testing.simulation.invariants.facts import Facts, Item, item_of, link_of
from regstore.testing.simulation.invariants.taken import Taken, by_item
from regstore.testing.simulation.keyspace import CONFIG_TYPE, IMAGES, REPOSITORIES, Image
from regstore.testing.simulation.operations import Operation
from regstore.testing.simulation.violations import Violation

_REFERRERS = [image for image in IMAGES if image.subject is not None]


class Referrers:
    """Checks what is said of referrers."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._puts = by_item(facts.ledger.of("put manifest"))
        self._taken = Taken(facts)
        self._indexing = facts.ledger.of("reindex", "list referrers")

    def violations(self) -> Iterator[Violation]:
        """Yield what is wrong."""
        for listing in self._facts.ledger.of("list referrers"):
            if listing.outcome == "ok":
                yield from self._judged(listing)
        for name, image in product(REPOSITORIES, _REFERRERS):
            yield from self._unlisted(name, image)

    def _judged(self, listing: Operation) -> Iterator[Violation]:
        subject = layout.Subject(listing.repository, layout.parse_link(listing.subject.encode()))
        expected = [
            image
            for image in _REFERRERS
            if image.subject and image.subject.digest == subject.digest
        ]
        digests = [each.digest for each in listing.found]
        if digests != sorted(set(digests)) or not {*digests} <= {each.digest for each in expected}:
            yield Violation("referrers", f"{listing} told {digests}", subject.path)
        for image in expected:
            item: Item = "manifest", listing.repository, str(image.digest)
            told = [each for each in listing.found if each.digest == image.digest]
            if not told:
                yield from self._missed(listing, item)
            elif told != [_described(image)]:
                yield Violation("referrers", f"{listing} told {told}", subject.path)
            else:
                yield from self._back(listing, item)

    def _missed(self, listing: Operation, item: Item) -> Iterator[Violation]:
        for put in self._puts.get(item, ()):
            if put.outcome == "ok" and self._is_listed(put, listing):
                until = listing.returned
                if not self._taken.between(item, put.invoked, until) and not self._swept(
                    put, until, listing
                ):
                    text = f"{listing} by {listing.process} lacked what {put.process} had pushed"
                    yield Violation("referrers", text, link_of(item))
                    return

    def _is_listed(self, put: Operation, listing: Operation) -> bool:
        """Return whether what *put* has pushed must have been in the index as *listing* began."""
        indexing: Iterable[Operation] = [put]
        if self._facts.is_stock(put):
            indexing = [each for each in self._reindexed() if self._precedes(put, each)]
        return any(self._precedes(each, listing) for each in indexing)

    def _back(self, listing: Operation, item: Item) -> Iterator[Violation]:
        gone, revision = self._facts.last(link_of(item), listing.returned)
        if revision is not None:
            return
        if not gone:
            yield Violation("referrers", f"{listing} told what never was", link_of(item))
        deletes = [each for each in self._taken.deletes.get(item, ()) if each.outcome == "ok"]
        reindexed = [each for each in self._reindexed() if each.invoked > gone + self._bound]
        for each in (*deletes, *reindexed):
            if self._precedes(each, listing) and not self._adding(item, each, listing, gone):
                text = f"{listing} by {listing.process} told it after {each} by {each.process}"
                yield Violation("referrers", text, link_of(item))
                return

    def _adding(self, item: Item, remover: Operation, listing: Operation, gone: float) -> bool:
        """Return whether somebody may have added *item* to the index after *remover* took it."""
        since = remover.invoked - self._bound
        pushing = [each for each in self._puts.get(item, ()) if each.invoked <= listing.returned]
        indexing = [each for each in self._in(item[1]) if each.invoked <= gone + self._bound]
        return any(self._facts.quiet(each) >= since for each in (*pushing, *indexing))

    def _swept(self, put: Operation, until: float, listing: Operation | None = None) -> bool:
        """Return whether a reindex that has seen nothing of it may have taken it from the index.

        One that ends adds it again, and *listing* may have come before that.
        """
        return any(
            (
                each.outcome != "ok"
                or self._facts.knobs.repeated > 0
                or (listing is not None and not self._precedes(each, listing))
            )
            and each.invoked <= until
            and self._facts.quiet(each) >= put.invoked
            and None
            in self._facts.contents(
                link_of(item_of(put)), each.invoked - self._bound, self._facts.quiet(each)
            )
            for each in self._in(put.repository)
        )

    def _unlisted(self, name: str, image: Image) -> Iterator[Violation]:
        """Look whether the index has *image* in the end, if it says that it has all."""
        item: Item = "manifest", name, str(image.digest)
        subject = image.subject.digest if image.subject else image.digest
        contents = self._facts.bucket.contents
        if {layout.ReferrersComplete(name).path, link_of(item)} <= contents.keys():
            entry = layout.Referrer(name, subject, image.digest).path
            if entry not in contents and not self._is_doubtful(item):
                yield Violation("referrers", "the index is complete, and lacks it", entry)

    def _is_doubtful(self, item: Item) -> bool:
        puts, deletes = self._puts.get(item, []), self._taken.deletes.get(item, [])
        broke_off = any(each.outcome != "ok" for each in (*puts, *deletes))
        is_mixed = bool(deletes) and self._facts.knobs.repeated > 0  # one of them may come again
        return (
            broke_off
            or is_mixed
            or any(self._facts.is_stock(put) or self._swept(put, self._facts.end) for put in puts)
        )

    def _in(self, name: str) -> list[Operation]:
        """Return what may have built the index of the repository *name* again."""
        return [each for each in self._indexing if each.repository == name]

    def _reindexed(self) -> list[Operation]:
        return [each for each in self._facts.ledger.of("reindex") if each.outcome == "ok"]

    def _precedes(self, writer: Operation, reader: Operation) -> bool:
        """Return whether *reader* sees all that *writer* has done."""
        is_same = writer.repository == reader.repository
        return is_same and writer.returned + self._facts.lag(writer, reader) < reader.invoked

    @property
    def _bound(self) -> float:
        return self._facts.knobs.bound


def _described(image: Image) -> Descriptor:
    return Descriptor(OCI_MANIFEST, image.digest, len(image.body), CONFIG_TYPE)
