"""Nobody is told an error without a reason.

- error: an error is of a kind that such a call may raise, and what has happened explains it. What
  is said not to be there was not, at some moment within the bound; who is told of another writer
  has met one; conditions are refused where the store keeps none; content is corrupt where the
  store tears it, and nowhere else.

Not promised: where nothing fences two who go on with one upload, what one of them has left is shown
now, and now what the other has, until the bound is over; it may stand elsewhere then.

Whether another writer of an upload was there, and whether its bytes were wrong, is judged in
:mod:`.uploads`; what fails for a moment in :mod:`.patience`. Exceptions that are none of the
library's end no call unseen: :mod:`regstore.testing.simulation.mishaps`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from regstore import layout
from regstore.consistency.deadline import MOMENT
from regstore.errors import (
    BlobUnknownError,
    BlobUploadUnknownError,
    CorruptContentError,
    DigestInvalidError,
    IncompleteReadError,
    ManifestBlobUnknownError,
    ManifestUnknownError,
    NameUnknownError,
    NotYetVisibleError,
    PreconditionFailedError,
    RegstoreError,
    TagConflictError,
    ThrottledError,
    TransientError,
    UnsupportedMethodError,
    UploadOffsetError,
)
from regstore.testing.simulation.invariants.facts import (
    APPENDS,
    Facts,
    data_of,
    item_of,
    link_of,
    needs,
    proofs,
)
from regstore.testing.simulation.invariants.patience import Patience
from regstore.testing.simulation.operations import Kind, Operation
from regstore.testing.simulation.violations import Violation

_TAGGING: Final[frozenset[Kind]] = frozenset({"set tag", "delete tag"})
_SENDING: Final[frozenset[Kind]] = frozenset({*APPENDS, "commit upload"})
_TAKING: Final[frozenset[Kind]] = frozenset(
    {"get manifest", "get by tag", "get tag", "set tag", "delete tag", "delete manifest"}
)
_HANDLING: Final[frozenset[Kind]] = frozenset(
    {
        "get blob",
        "get manifest",
        "get by tag",
        "put blob",
        "mount blob",
        "commit upload",
        "put manifest",
    }
)

_OF: Final[Mapping[type[RegstoreError], frozenset[Kind]]] = {
    BlobUnknownError: frozenset({"get blob", "mount blob", "delete blob"}),
    BlobUploadUnknownError: _SENDING | {"cancel upload", "purge upload"},
    ManifestUnknownError: _TAKING,
    NameUnknownError: frozenset({"list tags"}),
    ManifestBlobUnknownError: frozenset({"put manifest"}),
    TagConflictError: _TAGGING,
    UnsupportedMethodError: _TAGGING,
    UploadOffsetError: _SENDING,
    PreconditionFailedError: _SENDING | {"get blob", "put blob"},
    DigestInvalidError: frozenset({"commit upload"}),
    CorruptContentError: _HANDLING,
}
"""Which calls may raise what."""

_PASSING: Final = frozenset(
    {TransientError, ThrottledError, NotYetVisibleError, IncompleteReadError}
)


class Errors:
    """Checks what callers are told that have failed."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._patience = Patience(facts)
        self._reasons: Mapping[type[RegstoreError], Callable[[Operation], bool]] = {
            BlobUnknownError: self._is_missing,
            BlobUploadUnknownError: self._is_missing,
            ManifestUnknownError: self._is_missing,
            ManifestBlobUnknownError: self._is_missing,
            TagConflictError: self._is_other,
            UnsupportedMethodError: self._is_unfenced,
            NameUnknownError: self._is_nameless,
            UploadOffsetError: self._has_rivals,
            PreconditionFailedError: self._is_cut_off,
            CorruptContentError: lambda _: facts.knobs.tears,
        }

    def violations(self) -> Iterator[Violation]:
        """Yield what is wrong; those who are not of this library are not asked."""
        for each in self._facts.ledger.operations:
            if isinstance(each.error, RegstoreError) and not self._facts.is_stock(each):
                yield from self._judged(each, each.error)

    def _judged(self, failed: Operation, error: RegstoreError) -> Iterator[Violation]:
        kind = type(error)
        if kind in _PASSING:
            yield from self._patience.judged(failed, error)
        elif failed.kind not in _OF.get(kind, ()) or not self._is_explained(failed, kind):
            text = f"{failed} by {failed.process} met {kind.__name__}, for no reason: {error}"
            yield Violation("error", text, "", failed.returned)

    def _is_explained(self, failed: Operation, kind: type[RegstoreError]) -> bool:
        reason = self._reasons.get(kind)
        return reason is None or reason(failed)

    def _is_missing(self, failed: Operation) -> bool:
        """Return whether anything that it needs was not there when it was looked for."""
        since = failed.invoked - self._facts.knobs.bound - MOMENT
        return any(
            None in self._facts.contents(key, since, failed.returned)
            for key in self._needed(failed)
        )

    def _needed(self, failed: Operation) -> Iterator[str]:
        name = failed.repository
        match failed.kind:
            case "append" | "append again" | "commit upload" | "cancel upload" | "purge upload":
                yield layout.UploadStartedAt(name, failed.subject).path
            case "get tag" | "delete tag":
                yield layout.TagCurrentLink(name, failed.subject).path
            case "set tag":
                yield link_of(("manifest", name, failed.value))
            case "get by tag":
                yield layout.TagCurrentLink(name, failed.subject).path
                for pair in proofs(failed, self._facts):
                    yield from pair
            case "mount blob":
                yield link_of(("blob", failed.value, failed.subject))
                yield data_of(item_of(failed))
            case "put manifest":
                for item in needs(item_of(failed))[1:]:
                    yield link_of(item)
                    yield data_of(item)
            case "delete blob" | "delete manifest":
                yield link_of(item_of(failed))
            case _:
                yield link_of(item_of(failed))
                yield data_of(item_of(failed))

    def _is_other(self, failed: Operation) -> bool:
        """Return whether the tag was what the caller was told that it is."""
        if failed.expect is None or not isinstance(failed.error, TagConflictError):
            return False
        current = str(failed.error.current or "")
        key = layout.TagCurrentLink(failed.repository, failed.subject).path
        since = failed.invoked - self._facts.knobs.bound
        was = self._facts.values(key, since, failed.returned)
        return current != failed.expect and current in was

    def _is_nameless(self, failed: Operation) -> bool:
        """Return whether nothing was in the repository all the time."""
        root = f"{layout.RepositoryRoot(failed.repository).path}/_"
        since = failed.invoked - self._facts.knobs.bound - MOMENT
        return not any(
            None not in self._facts.contents(key, since, failed.returned)
            for key in self._facts.bucket.history
            if key.startswith(root)
        )

    def _is_unfenced(self, failed: Operation) -> bool:
        return failed.expect is not None and self._facts.knobs.conditions != "enforced"

    def _is_cut_off(self, failed: Operation) -> bool:
        """Return whether it was deleted while it was read, or its session while it was sent."""
        if failed.kind == "put blob":
            return self._patience.is_discarded(failed)
        if failed.kind != "get blob":
            return True
        since = failed.invoked - self._facts.knobs.bound
        return self._facts.is_ever_gone(data_of(item_of(failed)), since, failed.returned)

    def _has_rivals(self, failed: Operation) -> bool:
        """Return whether others go on with it; what is sent again is judged in ``.uploads``.

        Or whether they overwrote each other within the bound, where nothing fences them: of what
        they have left now one may be shown, and now the other.
        """
        others = self._facts.of_upload(failed)
        if failed.kind == "append again" or self._facts.meets(failed, others):
            return True
        since = failed.invoked - self._facts.knobs.bound
        return self._facts.knobs.conditions != "enforced" and any(
            self._facts.meets(each, others)
            for each in others
            if each is not failed and since <= self._facts.quiet(each)
            if each.invoked <= failed.returned
        )
