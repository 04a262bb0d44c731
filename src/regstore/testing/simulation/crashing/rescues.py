"""Pushes of what a collector has condemned, or deleted but for a copy: cut short as they rescue it.

The collector stops where it is, or deletes the content as late as it may. What was acknowledged
must be there, and the collector must know that it was rescued: by its tombstone, or by a claim.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from regstore import AsyncRegistry, layout
from regstore.digest import Digest
from regstore.testing.simulation.audit import has_no_data
from regstore.testing.simulation.crashing.case import Case, at_rest
from regstore.testing.simulation.exploring import on_blobs as blobs
from regstore.testing.simulation.exploring import on_tags as tags
from regstore.testing.simulation.exploring import on_uploads as uploads
from regstore.testing.simulation.exploring.on_condemned import Link, condemned, deleting, rescued
from regstore.testing.simulation.exploring.on_uploads import FIRST
from regstore.testing.simulation.exploring.operation import NAME, Operation, Run

_IMAGE: Final = tags.image(FIRST)
_STAGES: Final[tuple[layout.Stage, ...]] = ("condemned", "deleting", "quarantined")
_LAYER: Final = layout.LayerLink(NAME, Digest.of(FIRST))
_COPY: Final = layout.LayerLink(blobs.COPY, Digest.of(FIRST))
_REVISION: Final = layout.RevisionLink(NAME, Digest.of(_IMAGE))


async def _parked(registry: AsyncRegistry, told: str) -> object:
    """Put FIRST, park it in an upload, too, and tell the id of that."""
    return await uploads.parked(FIRST)(registry, await blobs.stored(registry, told))


async def _unreferred(registry: AsyncRegistry, told: str) -> object:
    """Push the image, and delete its manifest: nobody refers to the body any more."""
    await blobs.stored(registry, told)
    manifests = registry.repository(NAME).manifests
    await manifests.delete((await manifests.put(_IMAGE)).descriptor.digest)
    return told


def _case(
    stage: layout.Stage,
    prepare: Run,
    operation: Operation,
    link: Link,
    *,
    content: bytes = FIRST,
    is_linked: bool = False,
) -> Case:
    of = "body" if content == _IMAGE else "blob"
    return Case(
        condemned(prepare, content, stage, is_linked=is_linked),
        operation,
        ends=rescued(content, link),
        about=f"{of} {stage}",
        allows=has_no_data,
        meanwhile=deleting(content) if stage == "deleting" else at_rest,
    )


def _cases(stage: layout.Stage) -> Iterator[Case]:
    push = tags.push(_IMAGE, tags.TAG)
    yield _case(stage, blobs.stored, blobs.put(FIRST), _LAYER)
    yield _case(stage, _parked, uploads.commit(FIRST), _LAYER)
    yield _case(stage, blobs.stored, blobs.mount(), _COPY, is_linked=True)
    yield _case(stage, _unreferred, push, _REVISION, content=_IMAGE)
    yield _case(stage, blobs.stored, push, _LAYER, is_linked=True)


RESCUES: Final = tuple(case for stage in _STAGES for case in _cases(stage))
"""With the stage at which the collector was."""
