"""Content that a collector is about to delete, or has deleted but for a copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from regstore import AsyncRegistry, layout
from regstore.digest import Digest
from regstore.layout import Collecting, Stage, Verdict
from regstore.testing.simulation.exploring.contest import LATER
from regstore.testing.simulation.exploring.operation import NAME, Check, Ending, Run
from regstore.testing.simulation.violations import Violation
from regstore.testing.simulation.world import World

Link = layout.LayerLink | layout.RevisionLink

_COLLECTOR: Final = "collector"
_LEASE: Final = 1.0
"""Seconds; short, so that few looks at the tombstone are needed."""
_COPIED: Final = frozenset({"deleting", "quarantined"})


def condemned(prepare: Run, content: bytes, stage: Stage, *, is_linked: bool = False) -> Run:
    """Prepare, and go on as a collector that has come to *stage* with *content*, and stops there.

    What is being deleted has a copy, and no link any more; what is in quarantine is nowhere else.

    :param is_linked: somebody has linked it again, and not looked what is left of it.
    """
    digest = Digest.of(content)

    async def run(registry: AsyncRegistry, told: str) -> object:
        told = str(await prepare(registry, told))
        driver = registry.driver
        await driver.put_content(layout.CollectionState().path, Collecting(active=True).body())
        can_swap = driver.capabilities.conditional_replace
        verdict = Verdict(stage, fenced=can_swap, lease=_LEASE, nonce="1")
        await driver.put_content(layout.Tombstone(digest, _COLLECTOR).path, verdict.body())
        if stage in _COPIED:
            await driver.put_content(layout.Quarantined(digest, _COLLECTOR).path, content)
        if stage in _COPIED and not is_linked:
            await driver.delete_file(layout.LayerLink(NAME, digest).path, missing_ok=True)
        if stage == "quarantined":
            await driver.delete_file(layout.BlobData(digest).path)
        return told

    return run


def deleting(content: bytes) -> Callable[[World], None]:
    """Return what lets the collector delete *content* just before its lease ends."""
    path = layout.BlobData(Digest.of(content)).path

    def plan(world: World) -> None:
        collector = world.process(_COLLECTOR)

        def delete() -> None:
            world.loop.spawn(world.bucket.delete(path), collector, _COLLECTOR)

        world.loop.call_at(LATER + 0.9 * _LEASE, delete)

    return plan


def rescued(content: bytes, link: Link) -> Check:
    """Return a check that *content* is there with *link*, and that its collector knows that."""
    digest = Digest.of(content)

    def check(ending: Ending) -> Iterator[Violation]:
        contents = ending.bucket.contents
        for key in (layout.BlobData(digest).path, link.path):
            if key not in contents:
                yield Violation("I1", "it was acknowledged, and a collector took it", key)
        tombstone = layout.Tombstone(digest, _COLLECTOR).path
        verdict = Verdict.parse(contents[tombstone].data)
        is_saved = layout.SavedDigest(digest).path in contents
        if verdict.stage != "rescued" if verdict.fenced else not is_saved:
            yield Violation("I1", "it was acknowledged, and its collector goes on", tombstone)

    return check
