"""The contests that are explored."""

from __future__ import annotations

from typing import Final

from regstore.testing.simulation.audit import dangles
from regstore.testing.simulation.exploring import on_blobs as blobs
from regstore.testing.simulation.exploring import on_tags as tags
from regstore.testing.simulation.exploring import on_uploads as uploads
from regstore.testing.simulation.exploring.contest import Contest
from regstore.testing.simulation.exploring.on_uploads import FIRST, MORE, OTHER, SECOND
from regstore.testing.simulation.knobs import Knobs

STORES: Final = {"conditional": Knobs(), "unconditional": Knobs(conditions="absent")}
"""On which stores they are explored."""

_WHOLE: Final = FIRST + SECOND
_AT: Final = len(FIRST)


PAIRS: Final = (
    Contest(
        uploads.parked(FIRST), (uploads.commit(FIRST), uploads.commit(FIRST)), uploads.one_commit
    ),
    Contest(
        uploads.parked(FIRST, SECOND),
        (uploads.commit(_WHOLE), uploads.commit(_WHOLE)),
        uploads.one_commit,
        about="of two chunks",
    ),
    Contest(
        uploads.parked(FIRST, SECOND, uploads=2),
        (uploads.commit(_WHOLE), uploads.commit(_WHOLE, 1)),
        uploads.one_commit,
        about="two uploads of one content",
    ),
    Contest(
        uploads.parked(FIRST),
        (uploads.commit(FIRST, algorithm="sha512"), uploads.commit(FIRST, algorithm="sha512")),
        uploads.one_commit,
        about="another algorithm",
    ),
    Contest(
        uploads.parked(FIRST),
        (uploads.commit(FIRST), uploads.commit(OTHER)),
        about="as something else",
    ),
    Contest(uploads.parked(FIRST), (uploads.commit(FIRST), uploads.cancel())),
    Contest(
        uploads.parked(FIRST, SECOND),
        (uploads.commit(_WHOLE), uploads.cancel()),
        about="of two chunks",
    ),
    Contest(uploads.parked(), (uploads.finish(FIRST), uploads.cancel())),
    Contest(uploads.parked(), (uploads.finish(FIRST), uploads.finish(FIRST)), uploads.one_commit),
    Contest(
        uploads.parked(FIRST),
        (uploads.patch(MORE, _AT), uploads.patch(OTHER, _AT)),
        fenced=uploads.one_patch,
    ),
    Contest(
        uploads.parked(),
        (uploads.patch(MORE, 0), uploads.patch(OTHER, 0)),
        fenced=uploads.one_patch,
        about="the first ones",
    ),
    Contest(uploads.parked(FIRST), (uploads.patch(MORE, _AT), uploads.commit(FIRST + MORE))),
    Contest(uploads.parked(FIRST), (uploads.patch(MORE, _AT), uploads.cancel())),
    Contest(uploads.parked(FIRST), (uploads.cancel(), uploads.cancel())),
    Contest(uploads.parked(FIRST), (uploads.commit(FIRST), uploads.purge())),
    Contest(
        uploads.parked(FIRST, SECOND),
        (uploads.commit(_WHOLE), uploads.purge()),
        about="of two chunks",
    ),
    Contest(
        uploads.parked(FIRST), (uploads.patch(MORE, _AT), uploads.purge()), uploads.none_purged
    ),
    Contest(
        uploads.parked(),
        (uploads.patch(MORE, 0), uploads.purge()),
        uploads.none_purged,
        about="the first one",
    ),
    Contest(uploads.parked(), (uploads.finish(FIRST), uploads.purge())),
    Contest(uploads.parked(FIRST), (uploads.cancel(), uploads.purge())),
    Contest(uploads.parked(FIRST), (uploads.purge(), uploads.purge())),
    Contest(uploads.parked(), (blobs.put(FIRST), blobs.put(FIRST))),
    Contest(blobs.stored, (blobs.mount(), blobs.delete())),
    Contest(
        tags.tagged(tags.OLD, tags.NEW, tags.OTHER),
        (tags.set_tag(tags.NEW), tags.set_tag(tags.OTHER)),
        tags.ends_as(tags.NEW, tags.OTHER),
    ),
    Contest(
        tags.tagged(tags.OLD, tags.NEW, tags.OTHER),
        (tags.swap(tags.NEW, tags.OLD), tags.swap(tags.OTHER, tags.OLD)),
        fenced=tags.one_winner,
    ),
    Contest(
        tags.tagged(tags.NEW, tags.OTHER, tag=None),
        (tags.swap(tags.NEW, None), tags.swap(tags.OTHER, None)),
        fenced=tags.one_winner,
        about="where there is none",
    ),
    Contest(
        tags.tagged(tags.OLD, tags.NEW, tags.OTHER),
        (tags.swap(tags.NEW, tags.OLD), tags.set_tag(tags.OTHER)),
        tags.ends_as(tags.OTHER),
    ),
    Contest(
        tags.tagged(tags.OLD, tags.NEW),
        (tags.set_tag(tags.NEW), tags.untag()),
        tags.ends_as(tags.NEW, None),
    ),
    Contest(
        tags.tagged(tags.OLD, tags.NEW),
        (tags.swap(tags.NEW, tags.OLD), tags.untag(tags.OLD)),
        tags.ends_as(tags.OLD, tags.NEW, None),
        tags.one_winner,
    ),
    Contest(tags.tagged(tags.OLD), (tags.untag(), tags.untag()), tags.ends_as(None)),
    Contest(
        tags.tagged(tags.OLD, tags.NEW),
        (tags.set_tag(tags.NEW), tags.delete(tags.OLD)),
        tags.ends_as(tags.NEW, None),
        tags.ends_as(tags.NEW),
    ),
    Contest(
        tags.tagged(tags.OLD, tags.NEW, tag=tags.NEW),
        (tags.set_tag(tags.OLD), tags.delete(tags.OLD)),
        allows=dangles,
        about="the same one",
    ),
    Contest(tags.tagged(), (tags.push(tags.OLD, tags.TAG), tags.push(tags.OLD, tags.TAG))),
    Contest(
        tags.tagged(tags.OLD),
        (tags.push(tags.OLD, tags.TAG), tags.delete(tags.OLD)),
        allows=dangles,
    ),
    Contest(
        tags.tagged(tags.OLD),
        (tags.push(tags.REFERRER), tags.reindex()),
        tags.referrers_are_true,
    ),
    Contest(
        tags.listed_though_gone,
        (tags.push(tags.REFERRER), tags.reindex()),
        tags.referrers_are_true,
        about="of what is listed, and gone",
    ),
    Contest(tags.indexed, (tags.delete(tags.REFERRER), tags.reindex()), tags.referrers_are_listed),
    Contest(
        tags.indexed,
        (tags.push(tags.REFERRER), tags.delete(tags.REFERRER)),
        tags.referrers_are_listed,
        about="with a subject",
    ),
)
"""Two at a time: every interleaving."""

TRIOS: Final = (
    Contest(
        uploads.parked(FIRST), (uploads.commit(FIRST), uploads.commit(FIRST), uploads.cancel())
    ),
    Contest(
        uploads.parked(FIRST),
        (uploads.patch(MORE, _AT), uploads.patch(OTHER, _AT), uploads.commit(FIRST)),
    ),
    Contest(
        tags.tagged(tags.OLD, tags.NEW, tags.OTHER),
        (tags.swap(tags.NEW, tags.OLD), tags.swap(tags.OTHER, tags.OLD), tags.untag(tags.OLD)),
        fenced=tags.one_winner,
    ),
    Contest(
        tags.tagged(tags.OLD, tags.NEW, tags.OTHER),
        (tags.set_tag(tags.NEW), tags.set_tag(tags.OTHER), tags.untag()),
        tags.ends_as(tags.NEW, tags.OTHER, None),
    ),
)
"""Three at a time."""
