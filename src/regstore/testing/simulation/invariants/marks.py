"""What the steps of collectors rest on.

- I14: nothing is condemned whose content, link or claim is younger than the grace by the store's
  clock; and where the mark has failed or could not read every manifest, nothing is condemned or
  deleted.

A mark may show what was within the bound before it. What came after it has begun is not held
against it, nor young content that anybody has condemned before: to give it back makes it young.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from regstore import layout
from regstore.digest import Digest
from regstore.layout import Verdict
from regstore.testing.simulation.invariants.facts import Facts
from regstore.testing.simulation.keyspace import REPOSITORIES
from regstore.testing.simulation.trace import Request
from regstore.testing.simulation.violations import Violation

_MARKED: Final = layout.TagCurrentLink | layout.BlobData | layout.Quarantined
"""What a mark reads; all else it lists."""
_CHANGED: Final = (
    layout.LayerLink | layout.BlobData | layout.Quarantined | layout.Tombstone | layout.SavedDigest
)
"""What it looks at, and changes, after that."""
_SEEN: Final = frozenset({"ok", "PathNotFoundError"})


@dataclass(slots=True)
class _Run:
    """What a collector has sent between two looks at the clock.

    :ivar clock: where it has looked.
    :ivar begun: when.
    :ivar reads: how that ended, the last time, which its mark has asked for, by name and key.
    :ivar unread: manifests that it has looked for and not found.
    :ivar has_acted: whether the mark is over.
    """

    clock: str
    begun: float
    reads: dict[tuple[str, str], str] = field(default_factory=dict)
    unread: set[Digest] = field(default_factory=set)
    has_acted: bool = False

    def note(self, request: Request, spec: layout.PathSpec) -> None:
        """Take notice of what the mark has read."""
        is_step = request.changes or request.name == "head"
        self.has_acted |= is_step and isinstance(spec, _CHANGED)
        if self.has_acted:
            return
        if request.name == "list" and not request.key.startswith(self.clock):
            self.reads[request.name, request.key] = request.outcome
        if request.name != "get" or not isinstance(spec, _MARKED):
            return
        self.reads[request.name, request.key] = request.outcome
        if isinstance(spec, layout.BlobData | layout.Quarantined):
            if request.outcome == "ok":
                self.unread.discard(spec.digest)
            elif isinstance(spec, layout.BlobData):
                self.unread.add(spec.digest)

    @property
    def is_marked(self) -> bool:
        """Whether all was seen that must be before anything is taken away."""
        return not self.unread and _SEEN.issuperset(self.reads.values())


class Marks:
    """Checks whom collectors condemn, and when."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._collectors = facts.scenario.collectors

    def violations(self) -> Iterator[Violation]:
        """Yield what is wrong; nothing where nobody collects."""
        runs: dict[str, _Run] = {}
        for request in self._facts.trace.requests:
            name = request.process.rstrip("'")
            if name not in self._collectors:
                continue
            if _is_clock(request) and request.key not in {run.clock for run in runs.values()}:
                runs[name] = _Run(request.key, request.sent)
            elif name in runs:
                spec = layout.parse(request.key)
                runs[name].note(request, spec)
                yield from self._judged(runs[name], request, spec)

    def _judged(self, run: _Run, request: Request, spec: layout.PathSpec) -> Iterator[Violation]:
        if not request.changes or request.arrived is None:
            return
        condemned = self._condemned(request, spec)
        if not run.is_marked and (condemned or self._takes(request, spec)):
            text = f"{request.process} did this without a complete mark"
            yield Violation("I14", text, request.key, request.arrived)
        for key in self._young(run, condemned, request.arrived) if condemned else ():
            text = f"{request.process} condemned what was young: {key}"
            yield Violation("I14", text, request.key, request.arrived)

    def _condemned(self, request: Request, spec: layout.PathSpec) -> Digest | None:
        """Return what *request* condemns, that was not on its way already."""
        if isinstance(spec, layout.Tombstone) and self._step(request) in {
            ("", "condemned"),
            ("rescued", "condemned"),
        }:
            return spec.digest
        return None

    def _takes(self, request: Request, spec: layout.PathSpec) -> bool:
        """Return whether *request* takes something away, or says that this is about to happen."""
        if isinstance(spec, layout.Tombstone):
            return self._step(request)[1] in {"deleting", "purging"}
        is_content = isinstance(spec, layout.BlobData | layout.LayerLink)
        return is_content and request.name.startswith("delete")

    def _step(self, request: Request) -> tuple[str, str]:
        """Return the stages of a tombstone before and after *request*."""
        before = ""
        for version in self._facts.versions(request.key):
            content = version.content
            stage = "" if content is None else Verdict.parse(content.data).stage
            if version.time == request.arrived:
                return before, stage
            before = stage
        return before, before

    def _young(self, run: _Run, digest: Digest, until: float) -> Iterator[str]:
        """Yield what the mark must have seen of *digest*, and was younger than the grace."""
        since = run.begun - self._facts.knobs.bound
        keys = [layout.LayerLink(name, digest).path for name in REPOSITORIES]
        keys.append(layout.SavedDigest(digest).path)
        tombstones = [layout.Tombstone(digest, name).path for name in self._collectors]
        if not any(self._facts.is_ever_there(key, since, until - 1e-9) for key in tombstones):
            keys.append(layout.BlobData(digest).path)
        oldest = self._oldest(run)
        for key in keys:
            found = self._facts.contents(key, since, until)
            if all(content is not None and content.modified > oldest for content in found):
                yield key

    def _oldest(self, run: _Run) -> datetime:
        """Return what is no longer young, by the clock that *run* has looked at."""
        pace = self._facts.scenario.pace
        grace = timedelta(seconds=pace.grace if pace else 0.0)
        contents = (version.content for version in self._facts.versions(run.clock))
        return max(content.modified for content in contents if content is not None) - grace


def _is_clock(request: Request) -> bool:
    """Return whether *request* is one of a collector that is about to look at the clock."""
    directory, _, name = request.key.rpartition("/")
    is_probe = name == "clock" and isinstance(layout.parse(directory), layout.ProbeScratch)
    return request.name == "put" and is_probe
