"""What tags are.

- I7: each tag is a register: all that was done to it happened one after the other, between its call
  and its answer. On a store that lags that is so of changes; a read shows what the tag was at some
  moment within the bound, and never less than its own process has written; of that the bound counts
  from the answer, or from the look that stands for it. Who deletes a tag and is told that there is
  none has read it, too.
- I8: when a tag takes a value, its history has that value, and its repository the revision. When
  it is deleted, its history goes after it.
- I9: of two that swap the same value, one wins; nobody is refused because of its own write.
- I10: what was refused has no effect, and what nobody knows of has it once.

Not promised: where requests arrive twice (:attr:`Knobs.repeated`) a change that nothing fences may
take effect again. One whose client gave up, looked, and found the value that it was to bring, may
come after its answer: a plain one over what others wrote meanwhile, a swap where the tag is once
more what it expects. Where deletions have no conditions, the deletion of a manifest may take a tag
that was moved meanwhile. The history may lack the value of a tag that was set while it was deleted,
if it was set last of all.
"""

from __future__ import annotations

from collections.abc import Iterator

from regstore import layout
from regstore.digest import Digest
from regstore.errors import ManifestUnknownError, TagConflictError
from regstore.testing.simulation.invariants.facts import Facts
from regstore.testing.simulation.linearizable import (
    Effect,
    Event,
    Read,
    Swap,
    Write,
    is_linearizable,
)
from regstore.testing.simulation.operations import Operation
from regstore.testing.simulation.trace import Request
from regstore.testing.simulation.violations import Violation


class Tags:
    """Checks what is said of tags."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._is_strong = not facts.knobs.bound
        self._is_fenced = facts.knobs.conditions == "enforced"

    def violations(self) -> Iterator[Violation]:
        """Yield what is wrong."""
        of_tags: dict[tuple[str, str], list[Operation]] = {}
        for operation in self._facts.ledger.of("set tag", "delete tag", "get tag", "get by tag"):
            of_tags.setdefault((operation.repository, operation.subject), []).append(operation)
        for operation in self._facts.ledger.of("put manifest"):
            for tag in operation.tags:
                of_tags.setdefault((operation.repository, tag), []).append(operation)
        for (name, tag), operations in of_tags.items():
            key = layout.TagCurrentLink(name, tag).path
            yield from self._register(key, name, operations)
            for operation in operations:
                if operation.kind != "set tag":
                    yield from self._read(key, operation)
            yield from self._recorded(key, name, tag, operations)
            yield from self._remembered(key, name, tag)
            yield from self._outlived(key, name, tag)

    def _register(self, key: str, name: str, operations: list[Operation]) -> Iterator[Violation]:
        events = [event for each in operations for event in self._events(key, each)]
        for delete in self._facts.ledger.of("delete manifest"):
            if delete.repository == name:
                effect = Swap(delete.subject, "") if self._is_fenced else Write("")
                until = self._facts.quiet(delete)
                events.append(Event(effect, delete.invoked, until, must=False, repeats=True))
        for version in self._facts.versions(key):
            content = version.content
            found = "" if content is None else str(layout.parse_link(content.data))
            events.append(Event(Read(found), version.time, version.time))
        if not is_linearizable(events):
            yield Violation("I7", "no order explains what it was and what was seen of it", key)

    def _events(self, key: str, operation: Operation) -> Iterator[Event]:
        begin, end = operation.invoked, operation.returned
        quiet = self._facts.quiet(operation)
        effect = self._effect(operation)
        if operation.outcome == "ok":
            if effect is not None:
                yield Event(effect, begin, end)
            is_late = self._facts.lands_late(operation, key)
            if is_late and effect is not None and not isinstance(effect, Read):
                yield Event(effect, begin, quiet, must=False)
        elif isinstance(operation.error, TagConflictError):
            if self._is_strong:
                yield Event(Read(str(operation.error.current or "")), begin, end)
        elif isinstance(operation.error, ManifestUnknownError):
            if self._is_strong and operation.kind in {"get tag", "delete tag"}:
                yield Event(Read(""), begin, end)
            return
        elif effect is not None and self._may_have_landed(operation):
            yield Event(effect, begin, quiet, must=False)
        if self._facts.knobs.repeated and effect is not None and not isinstance(effect, Read):
            yield Event(effect, begin, quiet, must=False, repeats=True)

    def _effect(self, operation: Operation) -> Effect | None:
        """Return what *operation* does if it does anything."""
        expect, new = operation.expect, operation.value
        if operation.kind in {"get tag", "get by tag"}:
            return Read(str(operation.found)) if self._is_strong and operation.found else None
        if operation.kind == "put manifest":
            return Write(operation.subject)
        if expect is None:
            return Write(new)
        return Swap(expect, new)

    def _may_have_landed(self, operation: Operation) -> bool:
        """Return whether it may have an effect although it raised an error.

        The deletion of a tag has several requests, and its error tells of the last one alone.
        """
        return operation.outcome == "unknown" or operation.kind == "delete tag"

    def _read(self, key: str, got: Operation) -> Iterator[Violation]:
        if got.outcome == "ok" and got.kind in {"get tag", "get by tag"}:
            found = str(got.found)
        elif isinstance(got.error, ManifestUnknownError) and got.kind in {"get tag", "delete tag"}:
            found = ""
        else:
            return
        since = self._since(key, got)
        was = self._facts.values(key, since, got.returned)
        if found not in was:
            text = f"{got.process} saw {found or 'nothing'} at {got.returned:.3f}: it was {was}"
            yield Violation("I7", text, key)

    def _since(self, key: str, got: Operation) -> float:
        """Return since when what the tag was may be seen.

        That is a bound ago. Where the reader has heard of a change of its own since then it is that
        change, though it may have taken effect before: the bound counts from the answer.
        """
        bound_ago = got.invoked - self._facts.knobs.bound
        heard = [
            told
            for own in self._facts.ledger.operations
            if own.process == got.process and own.returned <= got.invoked
            for request in self._facts.requests_of(own)
            if request.key == key and request.changes
            if (told := _told_of(request, own)) is not None
        ]
        arrived, answered = max(heard, default=(0.0, 0.0))
        return arrived if answered >= bound_ago else bound_ago

    def _recorded(
        self, key: str, name: str, tag: str, operations: list[Operation]
    ) -> Iterator[Violation]:
        """Look whether history and revision were there whenever the tag got a value."""
        for version in self._facts.versions(key):
            if version.content is None:
                continue
            digest = layout.parse_link(version.content.data)
            begun = self._begun(operations, digest, version.time)
            for path in (
                layout.TagIndexLink(name, tag, digest).path,
                layout.RevisionLink(name, digest).path,
            ):
                if not self._facts.is_ever_there(path, begun, version.time):
                    yield Violation("I8", f"it became {digest} without {path}", key)

    def _remembered(self, key: str, name: str, tag: str) -> Iterator[Violation]:
        """Look whether the history was written again where a tag was set while it was deleted.

        Whoever deletes it sees afterwards whether the tag was set meanwhile, if the store shows it.
        """
        if not self._is_strong or self._facts.knobs.repeated:
            return
        deletes = self._deletes(name)
        for time in sorted({each.returned for each in deletes if each.outcome == "ok"}):
            set_at, value = self._facts.last(key, time)
            if value is None:
                continue
            digest = layout.parse_link(value.data)
            gone, entry = self._facts.last(layout.TagIndexLink(name, tag, digest).path, time)
            if entry is not None or gone <= set_at:
                continue
            doing = self._doing(deletes, gone)
            if all(each.outcome == "ok" and self._facts.quiet(each) <= time for each in doing):
                yield Violation("I8", f"its history lacks {digest}, its value", key)

    def _deletes(self, name: str) -> list[Operation]:
        """Return what may have deleted tags of the repository *name*."""
        deletes = self._facts.ledger.of("delete tag", "delete manifest")
        return [each for each in deletes if each.repository == name]

    def _doing(self, operations: list[Operation], time: float) -> list[Operation]:
        """Return those of *operations* that may have had their effect at *time*."""
        return [each for each in operations if each.invoked <= time <= self._facts.quiet(each)]

    def _outlived(self, key: str, name: str, tag: str) -> Iterator[Violation]:
        """Look whether a tag was ever there without its history: who deletes it takes it first.

        Unless it was set while it was deleted.
        """
        if not self._is_strong or self._facts.knobs.repeated:
            return
        deletes = self._deletes(name)
        for digest in set(self._facts.values(key, 0.0, self._facts.end)) - {""}:
            index = layout.TagIndexLink(name, tag, Digest(digest)).path
            for time in (each.time for each in self._facts.versions(index) if not each.content):
                set_at, value = self._facts.last(key, time)
                doing = self._doing(deletes, time)
                is_old = bool(doing) and all(set_at < each.invoked for each in doing)
                if is_old and value and value.data == layout.link_body(Digest(digest)):
                    yield Violation("I8", f"its history went before it, at {time:.3f}", key)

    def _begun(self, operations: list[Operation], digest: Digest, time: float) -> float:
        """Return since when somebody may have been about to make the tag *digest* at *time*.

        Somebody else may have deleted meanwhile what was there then, or was still to be seen.
        """
        new = (each for each in operations if digest in {each.value, each.subject})
        times = [each.invoked for each in new if each.invoked <= time <= self._facts.quiet(each)]
        return min(times, default=time) - self._facts.knobs.bound


def _told_of(request: Request, own: Operation) -> tuple[float, float] | None:
    """Return since when *request* may have taken effect, and when *own* has heard that it did.

    Where the answer was lost, a look has told it, if anything has.
    """
    if request.answered is None:
        return (own.invoked, own.returned) if own.outcome == "ok" else None
    is_done = request.outcome == "ok" and request.answered <= own.returned
    return (request.arrived or 0.0, request.answered) if is_done else None
