"""Beside collectors nothing is lost, and what nobody needs goes.

- I1: of whatever an acknowledged push needs there is the content or a copy, at every moment, until
  somebody asks for its deletion; of a blob that no manifest needs, for as long as links are young.
- I2: where all writers are ours it is the content itself: it never goes. Whoever is told that
  something is not there, while its link and its content or a copy of it were, was told wrong.
- I16: in the end nothing is left of what nobody needs, nor of collecting it.

Beside writers that know nothing of collectors I1 is promised of manifests alone: a collector may
take away the link of a blob that they have just written, and then they are refused the manifest.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from regstore import layout
from regstore.digest import Digest
from regstore.testing.simulation.invariants.facts import (
    Facts,
    Item,
    data_of,
    is_absence,
    item_of,
    link_of,
    needs,
)
from regstore.testing.simulation.invariants.taken import Taken
from regstore.testing.simulation.keyspace import BLOBS, IMAGE_OF, IMAGES, REPOSITORIES, TAGS, Image
from regstore.testing.simulation.operations import Operation
from regstore.testing.simulation.violations import Violation


class Collection:
    """Checks what is said of collectors, and of others beside them."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._taken = Taken(facts)
        self._collectors = frozenset(facts.scenario.collectors)

    def violations(self) -> Iterator[Violation]:
        """Yield what is wrong; nothing where nobody collects."""
        if self._facts.scenario.pace is None:
            return
        for put in self._puts():
            if put.outcome == "ok":
                yield from self._lost(put)
        for got in self._facts.ledger.of("get blob", "get manifest"):
            if is_absence(got):
                yield from self._denied(got)
        yield from self._left()

    def _puts(self) -> list[Operation]:
        ledger = self._facts.ledger
        if self._facts.scenario.has_stock:
            return ledger.of("put manifest")
        return ledger.of("put blob", "mount blob", "commit upload", "put manifest")

    def _lost(self, put: Operation) -> Iterator[Violation]:
        """Look at the content of all that *put* needs, at every moment from its end on."""
        until = min(self._facts.kept_until(put), self._facts.end)
        for item in needs(item_of(put)):
            data, copies = data_of(item), self._copies(item)
            for time in self._facts.moments([data, *copies], put.returned, until):
                if self._facts.is_there(data, time) or self._taken.at(put, time):
                    continue
                if not any(self._facts.is_there(copy, time) for copy in copies):
                    text = f"{put} was acknowledged, and {item} was lost at {time:.3f}"
                    yield Violation("I1", text, data, time)
                    break
                if not self._facts.scenario.has_stock:
                    text = f"{put} was acknowledged, and {item} was gone at {time:.3f}"
                    yield Violation("I2", text, data, time)
                    break

    def _copies(self, item: Item) -> list[str]:
        digest = layout.parse_link(item[2].encode())
        return [layout.Quarantined(digest, name).path for name in self._collectors]

    def _denied(self, got: Operation) -> Iterator[Violation]:
        item = item_of(got)
        link, data, copies = link_of(item), data_of(item), self._copies(item)
        since, until = got.invoked - self._facts.knobs.bound, got.returned
        for time in self._facts.moments([link, data, *copies], since, until):
            if not self._facts.is_there(link, time):
                return
            if not any(self._facts.is_there(key, time) for key in (data, *copies)):
                return
        yield Violation("I2", f"{got} by {got.process} was denied, and it was there", data)

    def _left(self) -> Iterator[Violation]:
        """Look for what should have gone."""
        contents = self._facts.bucket.contents
        used: set[Digest] = set()
        for name, image in product(REPOSITORIES, IMAGES):
            if layout.RevisionLink(name, image.digest).path in contents:
                used.update(_named(image))
        for name, tag in product(REPOSITORIES, TAGS):
            current = contents.get(layout.TagCurrentLink(name, tag).path)
            if current is not None:
                used.update(_named(IMAGE_OF[str(layout.parse_link(current.data))]))
        for key in contents:
            spec = layout.parse(key)
            if isinstance(spec, layout.BlobData) and spec.digest not in used:
                yield Violation("I16", "nobody needs it, and it was not collected", key)
            elif isinstance(spec, layout.Tombstone | layout.Quarantined | layout.SavedDigest):
                yield Violation("I16", "it was left", key)


_DIGESTS = [*(image.digest for image in IMAGES), *(blob.digest for blob in BLOBS)]


def _named(image: Image) -> Iterator[Digest]:
    """Yield the digest of *image*, and all that its content names, as a subject too."""
    yield image.digest
    for child in image.images:
        yield from _named(child)
    for digest in _DIGESTS:
        if str(digest).encode() in image.body:
            yield digest
