"""The operations that are cut short, and what is done with what is left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from regstore import AsyncRegistry
from regstore.testing.simulation.audit import is_unlisted
from regstore.testing.simulation.exploring import on_tags as tags
from regstore.testing.simulation.exploring import on_uploads as uploads
from regstore.testing.simulation.exploring.contest import none_of_it
from regstore.testing.simulation.exploring.on_uploads import FIRST, MORE, OTHER, SECOND
from regstore.testing.simulation.exploring.operation import NAME, Check, Operation, Run, nothing
from regstore.testing.simulation.knobs import Knobs
from regstore.testing.simulation.violations import Violation

_IMAGE: Final = tags.image(MORE, FIRST, SECOND)
_MOVED: Final = tags.ends_as(tags.NEW)
_GONE: Final = tags.ends_as(None)
_AT: Final = len(FIRST)


@dataclass(frozen=True)
class Case:
    """An operation that a crash cuts short.

    :ivar prepare: what happens before, acknowledged.
    :ivar then: what must still succeed after the operation has been repeated.
    :ivar ends: what must hold in the end, besides what the operations say.
    :ivar needs_conditions: it is refused by stores without.
    :ivar about: what distinguishes it from others of the same operation.
    :ivar allows: which violations that the audit finds are known and documented.
    """

    prepare: Run
    operation: Operation
    then: Operation | None = None
    ends: Check = nothing
    needs_conditions: bool = False
    about: str = ""
    allows: Callable[[Violation], bool] = none_of_it

    @property
    def name(self) -> str:
        """Which operation it is."""
        name = self.operation.name
        return f"{name} ({self.about})" if self.about else name

    def runs_on(self, knobs: Knobs) -> bool:
        """Whether such a store does not refuse it."""
        return knobs.conditions != "absent" or not self.needs_conditions


async def _blobs(registry: AsyncRegistry, told: str) -> str:
    for data in (FIRST, SECOND, MORE):
        await registry.repository(NAME).blobs.put(data)
    return told


CASES: Final = (
    Case(uploads.parked(), uploads.put(FIRST)),
    Case(uploads.parked(), uploads.create()),
    Case(uploads.parked(), uploads.patch(FIRST, 0), uploads.commit(FIRST), about="the first"),
    Case(
        uploads.parked(FIRST),
        uploads.patch(MORE, _AT),
        uploads.commit(FIRST + MORE),
        about="the second",
    ),
    Case(
        uploads.parked(FIRST, MORE),
        uploads.patch(OTHER, _AT + len(MORE)),
        uploads.commit(FIRST + MORE + OTHER),
        about="after a short one",
    ),
    Case(uploads.parked(FIRST), uploads.commit(FIRST)),
    Case(uploads.parked(FIRST, SECOND), uploads.commit(FIRST + SECOND), about="of two chunks"),
    Case(
        uploads.parked(FIRST), uploads.commit(FIRST, algorithm="sha512"), about="another algorithm"
    ),
    Case(uploads.parked(), uploads.finish(FIRST)),
    Case(uploads.parked(FIRST), uploads.cancel()),
    Case(uploads.parked(FIRST), uploads.purge()),
    Case(uploads.stored, uploads.mount()),
    Case(uploads.stored, uploads.delete()),
    Case(
        _blobs, tags.push(_IMAGE, tags.TAG), ends=tags.ends_as(_IMAGE), about="an image with a tag"
    ),
    Case(
        tags.tagged(tags.OLD),
        tags.push(tags.REFERRER),
        ends=tags.referrers_are_true,
        about="with a subject",
    ),
    Case(tags.tagged(tags.OLD), tags.delete(tags.OLD), ends=_GONE, about="with a tag"),
    Case(
        tags.indexed,
        tags.delete(tags.REFERRER),
        ends=tags.referrers_are_true,
        about="with a subject",
        allows=is_unlisted,
    ),
    Case(tags.tagged(tags.OLD, tags.NEW), tags.set_tag(tags.NEW), ends=_MOVED),
    Case(
        tags.tagged(tags.OLD, tags.NEW),
        tags.swap(tags.NEW, tags.OLD),
        ends=_MOVED,
        needs_conditions=True,
    ),
    Case(tags.tagged(tags.OLD), tags.untag(), ends=_GONE),
    Case(tags.unlisted, tags.reindex(), ends=tags.referrers_are_true),
)
