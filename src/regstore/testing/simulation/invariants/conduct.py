"""What collectors do, and what others do to theirs.

- I11: content is deleted by collectors alone, when they have said so and have a copy.
- I12: nobody touches what is another collector's, but to rescue.
- I13: stages follow one another as they should; what was rescued is condemned again, not deleted.
- I15: no collector removes revisions or tags, nor links of what it does not delete.

Not judged where requests come twice and nothing fences them: the stages.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from regstore import layout
from regstore.layout import Verdict
from regstore.testing.simulation.invariants.facts import Facts
from regstore.testing.simulation.trace import Request
from regstore.testing.simulation.violations import Violation

_MAY_FOLLOW: Final[dict[str, frozenset[str]]] = {
    "": frozenset({"condemned"}),
    "condemned": frozenset({"condemned", "rescued", "deleting"}),
    "rescued": frozenset({"rescued", "condemned", ""}),
    "deleting": frozenset({"deleting", "quarantined", "rescued", "condemned", ""}),
    "quarantined": frozenset({"quarantined", "rescued", "purging"}),
    "purging": frozenset({"purging", "rescued", ""}),
}
"""What may come after what; ``""``: no tombstone."""


class Conduct:
    """Checks what was done to content, links and tombstones."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._collectors = frozenset(facts.scenario.collectors)

    def violations(self) -> Iterator[Violation]:
        """Yield what is wrong; nothing where nobody collects."""
        if not self._collectors:
            return
        for request in self._facts.trace.requests:
            if request.changes and request.arrived is not None:
                spec = layout.parse(request.key)
                if isinstance(spec, layout.Tombstone | layout.Quarantined):
                    yield from self._touched(request, spec)
                elif request.name.startswith("delete"):
                    yield from self._deleted(request, spec)
        is_fenced = self._facts.knobs.conditions == "enforced"
        if is_fenced or not self._facts.knobs.repeated:
            for key in self._facts.bucket.history:
                if isinstance(layout.parse(key), layout.Tombstone):
                    yield from self._stages(key)

    def _touched(
        self, request: Request, spec: layout.Tombstone | layout.Quarantined
    ) -> Iterator[Violation]:
        if spec.collector == _name_of(request):
            return
        if isinstance(spec, layout.Quarantined) or not self._rescues(request):
            yield Violation("I12", f"{request.process} touched it", request.key, request.arrived)

    def _rescues(self, request: Request) -> bool:
        """Return whether a writer's request to a tombstone has done no more than to rescue."""
        changes = [
            each for each in self._facts.versions(request.key) if each.time == request.arrived
        ]
        contents = [each.content for each in changes]
        return all(each and Verdict.parse(each.data).stage == "rescued" for each in contents)

    def _deleted(self, request: Request, spec: layout.PathSpec) -> Iterator[Violation]:
        """Look at a deletion, both times where it came twice."""
        name = _name_of(request)
        for time in (request.arrived, request.repeated):
            if time is None:
                continue
            if isinstance(spec, layout.BlobData):
                copy = name in self._collectors and layout.Quarantined(spec.digest, name).path
                is_copied = copy and self._facts.is_there(copy, time)
                if not is_copied or self._stage(spec, name, time) != "deleting":
                    yield Violation("I11", f"{request.process} deleted it", request.key, time)
            elif name in self._collectors and not self._may_delete(spec, name, time):
                yield Violation("I15", f"{request.process} deleted it", request.key, time)

    def _may_delete(self, spec: layout.PathSpec, name: str, time: float) -> bool:
        if isinstance(spec, layout.LayerLink):
            return self._stage(spec, name, time) == "deleting"
        return not isinstance(spec, layout.RevisionLink | layout.TagCurrentLink)

    def _stage(self, spec: layout.BlobData | layout.LayerLink, name: str, time: float) -> str:
        content = self._facts.at(layout.Tombstone(spec.digest, name).path, time)
        return "" if content is None else Verdict.parse(content.data).stage

    def _stages(self, key: str) -> Iterator[Violation]:
        before = ""
        for version in self._facts.versions(key):
            content = version.content
            stage = "" if content is None else Verdict.parse(content.data).stage
            if stage not in _MAY_FOLLOW[before]:
                yield Violation("I13", f"after {before!r} came {stage!r}", key, version.time)
            before = stage


def _name_of(request: Request) -> str:
    """Return who has sent *request*, however often restarted."""
    return request.process.rstrip("'")
