"""What uploads keep.

- I9: nobody is told of another writer where there is none. Who sends once more what was taken last
  is told that it was taken.
- I17: what was acknowledged of an upload stays until it is over: whoever goes on with it later
  begins after it. No position is acknowledged with two different bytes. Who only ever sends the
  bytes of the blob is never told that the upload has another digest.
- I19: nothing is acknowledged of an upload that was gone when it arrived. What a purge must leave
  alone is in :mod:`.purges`.
- I20: whoever commits again what was committed is told that it is there.

Not promised: where the store has no conditions, two who go on with one upload at the same time, or
within the bound, overwrite each other; what comes of it is verified by whoever commits it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, pairwise
from math import inf

from regstore import layout
from regstore.drivers.objects.naming import ParkedPlace
from regstore.errors import (
    BlobUploadUnknownError,
    DigestInvalidError,
    PreconditionFailedError,
    UploadOffsetError,
)
from regstore.testing.simulation.invariants.facts import APPENDS, ENDINGS, Facts
from regstore.testing.simulation.invariants.purges import Purges
from regstore.testing.simulation.operations import Operation
from regstore.testing.simulation.violations import Violation


class Uploads:
    """Checks what is said of uploads."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._is_strong = not facts.knobs.bound
        self._is_fenced = facts.knobs.conditions == "enforced"

    def violations(self) -> Iterator[Violation]:
        """Yield what is wrong."""
        for (name, upload_id), operations in self._of_uploads().items():
            key = layout.Upload(name, upload_id).path
            purges = Purges(self._facts, name, upload_id, operations)
            yield from purges.violations()
            ends = purges.ends()
            acked = [
                each
                for each in operations
                if each.kind in APPENDS and each.outcome == "ok"
                if each.returned < min(ends, default=inf) and self._is_kept(operations)
            ]
            yield from self._contiguous(key, acked)
            if self._is_strong:
                begun = [each for each in operations if each.invoked < min(ends, default=inf)]
                yield from self._taken_up(key, acked, begun)
            yield from self._refused(key, operations)
            yield from self._late(name, upload_id, operations)
            yield from self._again(key, operations)
            yield from self._alone(key, operations)
            yield from self._repeated(key, operations)

    def torn(self) -> tuple[str, ...]:
        """Return the uploads that nothing holds together.

        A store without conditions keeps no two writers apart: where they meet, one may remove a
        chunk that the other's record names. Whoever commits sees it by the digest.
        """
        return tuple(
            layout.Upload(name, upload_id).path
            for (name, upload_id), operations in self._of_uploads().items()
            if not self._is_kept(operations)
        )

    def _of_uploads(self) -> dict[tuple[str, str], list[Operation]]:
        found: dict[tuple[str, str], list[Operation]] = {}
        for operation in self._facts.ledger.of(*APPENDS, *ENDINGS):
            found.setdefault((operation.repository, operation.subject), []).append(operation)
        return found

    def _contiguous(self, key: str, acked: list[Operation]) -> Iterator[Violation]:
        for one, other in combinations(acked, 2):
            first, second = (one, other) if one.returned <= other.returned else (other, one)
            start, end = second.found[0], first.found[1]
            is_next = first.returned < second.invoked and second.kind == "append"
            if is_next and start < end:
                text = f"{end} bytes were acknowledged, then it stood at {start}"
                yield Violation("I17", text, key)
            low, high = max(one.found[0], other.found[0]), min(one.found[1], other.found[1])
            if low < high and one.data[low:high] != other.data[low:high]:
                yield Violation("I17", f"two contents were acknowledged at {low}", key)

    def _taken_up(
        self, key: str, acked: list[Operation], operations: list[Operation]
    ) -> Iterator[Violation]:
        """Look where commits have begun; on a store that lags they may see too little and fail.

        One that was committed may be begun once more by a request that arrives again.
        """
        for commit in operations:
            if commit.kind != "commit upload" or not isinstance(commit.found, int):
                continue
            for append in acked:
                is_before = append.returned < commit.invoked
                if is_before and commit.found < append.found[1]:
                    text = f"{append.found[1]} bytes were acknowledged, then it had {commit.found}"
                    yield Violation("I17", text, key)

    def _is_kept(self, operations: list[Operation]) -> bool:
        """Return whether no two of them may have torn what was parked, whoever comes later."""
        return all(self._holds(each, operations) for each in operations)

    def _holds(self, append: Operation, operations: list[Operation]) -> bool:
        """Return whether nobody may overwrite what was acknowledged."""
        return self._is_fenced or not self._facts.meets(append, operations)

    def _refused(self, key: str, operations: list[Operation]) -> Iterator[Violation]:
        """Look for commits that were refused although the bytes were right.

        Beside a purge that lets the upload go on its client may find it gone, and then there again:
        it commits what it takes for committed already, without the rest of the bytes.
        """
        sent = {each.data for each in operations if each.kind in APPENDS}
        purges = [each for each in operations if each.kind == "purge upload"]
        for commit in operations:
            is_refused = isinstance(commit.error, DigestInvalidError) and len(sent) <= 1
            if (
                is_refused
                and self._holds(commit, operations)
                and not self._facts.meets(commit, purges)
            ):
                yield Violation("I17", "all bytes were right, and it was refused", key)

    def _late(self, name: str, upload_id: str, operations: list[Operation]) -> Iterator[Violation]:
        started = layout.UploadStartedAt(name, upload_id).path
        head = ParkedPlace.of(layout.UploadData(name, upload_id).path).head
        for append in operations:
            if append.kind not in APPENDS or append.outcome != "ok":
                continue
            for each in self._facts.requests_of(append):
                if each.key != head or each.name != "put":
                    continue
                if each.arrived is None or each.arrived > append.returned:
                    continue
                since = each.arrived - self._facts.knobs.bound
                if not self._facts.is_ever_there(started, since, append.returned):
                    text = "bytes that came after its end were acknowledged"
                    yield Violation("I19", text, started)

    def _again(self, key: str, operations: list[Operation]) -> Iterator[Violation]:
        commits = [each for each in operations if each.kind == "commit upload"]
        for first, second in combinations(commits, 2):
            was_told = first.outcome == "ok" and isinstance(second.error, BlobUploadUnknownError)
            known_at = first.returned + self._facts.lag(first, second)
            is_kept = second.returned < self._facts.kept_until(first)
            if was_told and known_at < second.invoked and is_kept and not self._is_deleted(second):
                yield Violation("I20", "committed, and unknown to who committed again", key)

    def _alone(self, key: str, operations: list[Operation]) -> Iterator[Violation]:
        """Look for writers that met nobody; what was torn before may look like another's.

        So may a chunk that has arrived twice, where no condition keeps the second one out.
        """
        is_twice = self._facts.knobs.repeated > 0 and not self._is_fenced
        if is_twice or not self._is_kept(operations):
            return
        for each in operations:
            is_told = isinstance(each.error, PreconditionFailedError)
            if is_told and not self._facts.meets(each, operations + self._ended_by(each)):
                text = f"{each.process} was told of another writer, and there was none"
                yield Violation("I9", text, key)

    def _ended_by(self, told: Operation) -> list[Operation]:
        """Return how its own process has ended the upload, which may show late, too."""
        ends = self._facts.ledger.of(*ENDINGS)
        return [
            replace(each, process="")
            for each in ends
            if each.process == told.process and each.subject == told.subject and each is not told
        ]

    def _repeated(self, key: str, operations: list[Operation]) -> Iterator[Violation]:
        """Look for bytes that were taken last, came again, and were refused."""
        if not self._is_strong or self._facts.knobs.repeated:
            return
        for before, again in pairwise(sorted(operations, key=lambda each: each.invoked)):
            is_refused = again.kind == "append again" and isinstance(again.error, UploadOffsetError)
            if not is_refused or before.kind != "append" or before.outcome != "ok":
                continue
            is_same = before.data == again.data and before.found[1] > before.found[0]
            is_alone = not (
                self._facts.meets(before, operations) or self._facts.meets(again, operations)
            )
            if is_same and is_alone:
                text = f"{again.process} sent again what was taken, and was refused"
                yield Violation("I9", text, key)

    def _is_deleted(self, commit: Operation) -> bool:
        return any(
            delete.repository == commit.repository
            and delete.subject == commit.value
            and delete.invoked <= commit.returned
            for delete in self._facts.ledger.of("delete blob")
        )
