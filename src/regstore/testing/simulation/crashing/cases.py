"""The operations that are cut short: all that change a store."""

from __future__ import annotations

from typing import Final

from regstore import AsyncRegistry
from regstore.testing.simulation.audit import is_unending, is_unlisted
from regstore.testing.simulation.crashing.case import Case
from regstore.testing.simulation.exploring import on_blobs as blobs
from regstore.testing.simulation.exploring import on_repositories as repositories
from regstore.testing.simulation.exploring import on_tags as tags
from regstore.testing.simulation.exploring import on_uploads as uploads
from regstore.testing.simulation.exploring.on_uploads import FIRST, MORE, OTHER, SECOND
from regstore.testing.simulation.exploring.operation import NAME

_IMAGE: Final = tags.image(MORE, FIRST, SECOND)
_SMALL: Final = tags.image(FIRST)
_MOVED: Final = tags.ends_as(tags.NEW)
_GONE: Final = tags.ends_as(None)
_AT: Final = len(FIRST)


async def _blobs(registry: AsyncRegistry, told: str) -> str:
    for data in (FIRST, SECOND, MORE):
        await registry.repository(NAME).blobs.put(data)
    return told


CASES: Final = (
    Case(uploads.parked(), blobs.put(FIRST)),
    Case(uploads.parked(), uploads.create()),
    Case(uploads.parked(), blobs.stream(FIRST, SECOND, is_known=True), about="of a known digest"),
    Case(uploads.parked(), blobs.stream(FIRST, SECOND, is_known=False)),
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
    Case(uploads.parked(FIRST), uploads.write(MORE, _AT), uploads.commit(FIRST + MORE)),
    Case(uploads.parked(FIRST), uploads.resend(FIRST + MORE), uploads.commit(FIRST + MORE)),
    Case(uploads.parked(FIRST), uploads.commit(FIRST)),
    Case(uploads.parked(FIRST), uploads.commit_hashed()),
    Case(uploads.parked(FIRST, SECOND), uploads.commit(FIRST + SECOND), about="of two chunks"),
    Case(
        uploads.parked(FIRST), uploads.commit(FIRST, algorithm="sha512"), about="another algorithm"
    ),
    Case(uploads.parked(), uploads.finish(FIRST)),
    Case(
        uploads.parked(FIRST),
        uploads.finish(FIRST + MORE, _AT),
        uploads.commit(FIRST + MORE),
        about="after a part",
        allows=is_unending,
    ),
    Case(uploads.parked(FIRST), uploads.cancel()),
    Case(uploads.parked(FIRST), uploads.purge()),
    Case(blobs.stored, blobs.mount()),
    Case(blobs.stored, blobs.mount(is_anywhere=True), about="from anywhere"),
    Case(blobs.stored, blobs.delete()),
    Case(
        _blobs, tags.push(_IMAGE, tags.TAG), ends=tags.ends_as(_IMAGE), about="an image with a tag"
    ),
    Case(
        tags.tagged(tags.OLD),
        tags.push(tags.REFERRER),
        ends=tags.referrers_are_true,
        about="with a subject",
    ),
    Case(
        tags.tagged(tags.OLD),
        tags.push_over(tags.NEW, tags.OLD),
        ends=_MOVED,
        needs_conditions=True,
    ),
    Case(
        tags.tagged(),
        tags.push_over(tags.NEW, None),
        ends=_MOVED,
        needs_conditions=True,
        about="no tag",
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
    Case(
        tags.tagged(tags.NEW, tag=None),
        tags.swap(tags.NEW, None),
        ends=_MOVED,
        needs_conditions=True,
        about="where there is none",
    ),
    Case(tags.tagged(tags.OLD), tags.untag(), ends=_GONE),
    Case(
        tags.tagged(tags.OLD),
        tags.untag(tags.OLD),
        ends=_GONE,
        needs_conditions=True,
        about="if it is what is expected",
    ),
    Case(tags.unlisted, tags.reindex(), ends=tags.referrers_are_true),
    Case(tags.unlisted, tags.list_referrers(), ends=tags.referrers_are_true),
    Case(
        repositories.filled(FIRST, _SMALL, tags.REFERRER),
        repositories.delete_repository(),
    ),
    Case(
        uploads.parked(),
        repositories.import_layout(_SMALL, FIRST),
        ends=tags.ends_as(_SMALL),
    ),
)
