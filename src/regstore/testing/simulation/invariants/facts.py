"""A run, as those who judge it look at it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import inf
from typing import Final

from regstore import layout
from regstore.driver import Content
from regstore.errors import BlobUnknownError, ManifestUnknownError
from regstore.testing.simulation.bucket import Bucket, Version
from regstore.testing.simulation.keyspace import IMAGE_OF
from regstore.testing.simulation.knobs import Knobs
from regstore.testing.simulation.operations import Kind, Ledger, Operation
from regstore.testing.simulation.process import Crashed
from regstore.testing.simulation.scenario import Scenario
from regstore.testing.simulation.trace import Request, Trace

Item = tuple[str, str, str]
"""What a repository may have: ``"blob"`` or ``"manifest"``, the repository, the digest."""

_ITEM_OF: dict[Kind, str] = {
    "put blob": "blob",
    "mount blob": "blob",
    "commit upload": "blob",
    "get blob": "blob",
    "delete blob": "blob",
    "put manifest": "manifest",
    "get manifest": "manifest",
    "delete manifest": "manifest",
}

APPENDS: Final[tuple[Kind, ...]] = ("append", "append again")
ENDINGS: Final[tuple[Kind, ...]] = ("commit upload", "cancel upload", "purge upload")
"""What sends bytes to an upload."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a run once it is over.

    :ivar end: when that was.
    """

    knobs: Knobs
    bucket: Bucket
    ledger: Ledger
    trace: Trace
    end: float
    scenario: Scenario = field(default_factory=lambda: Scenario(()))

    def quiet(self, operation: Operation) -> float:
        """Return the time from which on nothing that *operation* has sent takes effect."""
        sent = (each for each in self.requests_of(operation) if each.changes)
        return max([operation.returned, *(each.repeated or each.arrived or 0.0 for each in sent)])

    def lands_late(self, operation: Operation, key: str) -> bool:
        """Return whether a change of *key* that *operation* has sent came once it was over.

        Not where another of its changes was answered: then there was no need for that one.
        """
        sent = [each for each in self.requests_of(operation) if each.changes and each.key == key]
        is_told = any(each.outcome == "ok" for each in sent)
        return not is_told and any((each.arrived or 0.0) > operation.returned for each in sent)

    @property
    def is_any_late(self) -> bool:
        """Whether a change came that its client had given up."""
        timeout = self.knobs.timeout
        sent = [each for each in self.trace.requests if each.changes]
        return any((each.arrived or 0.0) > each.sent + timeout for each in sent)

    def lag(self, writer: Operation, reader: Operation) -> float:
        """Return how long *reader* may miss what *writer* has done, and may not have heard of.

        Nobody hears how far a call has come that has failed.
        """
        is_own = writer.process == reader.process and writer.outcome == "ok"
        return 0.0 if is_own else self.knobs.bound

    def meets(self, operation: Operation, others: Iterable[Operation]) -> bool:
        """Return whether one of *others* may have seen the store as *operation* did."""
        return any(
            other is not operation
            and other.invoked <= self.quiet(operation) + self.lag(operation, other)
            and operation.invoked <= self.quiet(other) + self.lag(other, operation)
            for other in others
        )

    def of_upload(self, operation: Operation) -> list[Operation]:
        """Return all that was done with the upload of *operation*."""
        named = operation.repository, operation.subject
        return [
            each
            for each in self.ledger.of(*APPENDS, *ENDINGS)
            if (each.repository, each.subject) == named
        ]

    def is_stock(self, operation: Operation) -> bool:
        """Return whether somebody asked for it who knows nothing of this library."""
        return operation.process.rstrip("'") in self.scenario.stock

    def requests_of(self, operation: Operation) -> list[Request]:
        """Return what its process has sent in the course of *operation*.

        Where it has crashed, that is all until its end: what its tasks were about to send is under
        way though the call has ended.
        """
        until = None if isinstance(operation.error, Crashed) else operation.last
        sent = self.trace.requests[operation.first - 1 : until]
        return [request for request in sent if request.process == operation.process]

    def versions(self, key: str) -> list[Version]:
        """Return what *key* truly was, the oldest version first."""
        return self.bucket.history.get(key, [])

    def last(self, key: str, time: float) -> tuple[float, Content | None]:
        """Return since when *key* was what it truly was at *time*, and what that was."""
        count = self.bucket.count_at(key, time)
        version = self.versions(key)[count - 1] if count else None
        return (version.time, version.content) if version else (0.0, None)

    def kept_until(self, put: Operation) -> float:
        """Return until when what *put* has pushed is kept if nothing else needs it.

        Who commits again what was committed gets as much of it as an old link has left.
        """
        pace = self.scenario.pace
        if pace is None or put.kind == "put manifest":
            return inf
        if put.kind != "commit upload":
            return put.invoked + pace.grace - pace.error
        same = [each.invoked for each in self.ledger.of(put.kind) if each.subject == put.subject]
        renewed = put.invoked + pace.grace / 2 - 2 * self.knobs.process_skew
        return max(min(same) + pace.grace, renewed) - pace.error

    def moments(self, keys: Iterable[str], since: float, until: float) -> list[float]:
        """Return *since*, and when any of *keys* changed from then on; all before *until*."""
        times = (version.time for key in keys for version in self.versions(key))
        return sorted({time for time in (since, *times) if since <= time < until})

    def at(self, key: str, time: float) -> Content | None:
        """Return what *key* truly was, all that happened at that very time included."""
        return self.bucket.version(key, self.bucket.count_at(key, time))

    def is_there(self, key: str, time: float) -> bool:
        """Return whether *key* truly was there, at that very time."""
        return self.at(key, time) is not None

    def gaps(self, key: str, since: float) -> Iterator[float]:
        """Yield the times, from *since* on, at which *key* begins to be absent."""
        count = self.bucket.count_at(key, since)
        if self.bucket.version(key, count) is None:
            yield since
        for version in self.versions(key)[count:]:
            if version.content is None:
                yield version.time

    def shown(self, key: str, since: float, until: float) -> list[Version]:
        """Return the versions that *key* truly had between two times, the oldest first."""
        before = max(self.bucket.count_at(key, since) - 1, 0)
        return [each for each in self.versions(key)[before:] if each.time <= until]

    def contents(self, key: str, since: float, until: float) -> list[Content | None]:
        """Return what *key* truly was between two times."""
        first = self.bucket.count_at(key, since)
        later = [each.content for each in self.versions(key)[first:] if each.time <= until]
        return [self.bucket.version(key, first), *later]

    def is_ever_there(self, key: str, since: float, until: float) -> bool:
        """Return whether *key* was truly there at any moment between two times."""
        return any(content is not None for content in self.contents(key, since, until))

    def is_ever_gone(self, key: str, since: float, until: float) -> bool:
        """Return whether *key* was there before, and not at some moment between two times."""
        return any(each.content is None for each in self.shown(key, since, until))

    def values(self, key: str, since: float, until: float) -> list[str]:
        """Return the digests that the link *key* truly held between two times; ``""``: none."""
        return [
            "" if content is None else str(layout.parse_link(content.data))
            for content in self.contents(key, since, until)
        ]


def item_of(operation: Operation) -> Item:
    """Return what *operation* gives, takes or reads."""
    digest = operation.value if operation.kind == "commit upload" else operation.subject
    return _ITEM_OF[operation.kind], operation.repository, digest


def link_of(item: Item) -> str:
    """Return the key of the link that gives *item* to its repository."""
    kind, name, digest = item
    spec = layout.LayerLink if kind == "blob" else layout.RevisionLink
    return spec(name, layout.parse_link(digest.encode())).path


def data_of(item: Item) -> str:
    """Return the key of its content."""
    return layout.BlobData(layout.parse_link(item[2].encode())).path


def needs(item: Item) -> list[Item]:
    """Return *item* and what it refers to, but not what that refers to."""
    kind, name, digest = item
    if kind == "blob":
        return [item]
    image = IMAGE_OF[digest]
    children: list[Item] = [("blob", name, str(blob.digest)) for blob in image.blobs]
    children += [("manifest", name, str(child.digest)) for child in image.images]
    return [item, *children]


def proofs(got: Operation, facts: Facts) -> Iterator[tuple[str, str]]:
    """Yield pairs of keys: who sees the first in the course of *got* knows that the second is."""
    if got.kind != "get by tag":
        yield link_of(item_of(got)), data_of(item_of(got))
        return
    current = layout.TagCurrentLink(got.repository, got.subject).path
    for digest in facts.values(current, got.invoked - facts.knobs.bound, got.returned):
        if digest:
            item: Item = "manifest", got.repository, digest
            yield current, link_of(item)
            yield link_of(item), data_of(item)


def is_absence(operation: Operation) -> bool:
    """Whether the caller was told that what it asked for is not there."""
    return isinstance(operation.error, BlobUnknownError | ManifestUnknownError)
