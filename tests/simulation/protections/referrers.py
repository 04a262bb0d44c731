"""What keeps the index of referrers true."""

from __future__ import annotations

from typing import Final

from regstore import layout, referrers
from regstore.digest import Digest
from regstore.driver import StorageDriver
from regstore.links import link_exists
from regstore.manifests import AsyncManifests, PutResult
from regstore.oci import Descriptor, Document, parse_document
from regstore.referrers import AsyncReferrers
from tests.simulation.protections.planted import Planted, case, contest
from tests.simulation.protections.protection import Protection, nothing, replaced

_ATTACHERS: Final = ("attacher",)

_put = AsyncManifests.put
_delete = AsyncManifests.delete
_forget_subject = AsyncManifests._forget_subject  # noqa: SLF001 - done in another order
_reindex = AsyncReferrers.reindex


async def _list_first(self: AsyncManifests, body: bytes, *, tags: list[str]) -> PutResult:
    document, digest = parse_document("", body), Digest.of(body)
    await self._referrers.add(document, document.describe(digest, len(body)))
    return await _put(self, body, tags=tags)


async def _forget_last(self: AsyncManifests, digest: str) -> None:
    await _delete(self, digest)
    await _forget_subject(self, Digest(digest))


async def _complete_first(self: AsyncReferrers) -> int:
    marker = layout.ReferrersComplete(self._scope.name).path
    await self._driver.put_content(marker, b"")
    return await _reindex(self)


async def _believe_a_miss(driver: StorageDriver, path: str, *, must_exist: bool = False) -> bool:
    del must_exist
    return await link_exists(driver, path)


def _describe_nothing(self: Document, digest: Digest, size: int) -> Descriptor:
    return Descriptor(self.media_type, digest, size)


REFERRERS: Final = {
    "a list tells of what type each is": Protection(
        "referrers",
        "strong",
        _ATTACHERS,
        frozenset({"referrers"}),
        20,
        lambda: replaced(Document, describe=_describe_nothing),
    ),
    "who pushes adds to the index": Protection(
        "referrers",
        "strong",
        _ATTACHERS,
        frozenset({"referrers"}),
        40,
        lambda: replaced(AsyncReferrers, add=nothing),
    ),
    "who deletes takes from the index": Protection(
        "referrers",
        "strong",
        _ATTACHERS,
        frozenset({"referrers"}),
        40,
        lambda: replaced(AsyncReferrers, remove=nothing),
    ),
    "a miss is not believed of what is listed": Protection(
        "referrers",
        "eventual",
        _ATTACHERS,
        frozenset({"referrers"}),
        60,
        lambda: replaced(referrers, link_exists=_believe_a_miss),
        {"stale_get": 3.0, "stale_head": 3.0, "stale_list": 0.0, "front_ends": 1},
    ),
}

REFERRER_BUGS: Final = {
    "entry before the revision": Planted(
        "referrers",
        case("push (with a subject)"),
        "referrers",
        lambda: replaced(AsyncManifests, put=_list_first),
    ),
    "no entry": Planted(
        "referrers",
        contest("push, reindex"),
        "referrers",
        lambda: replaced(AsyncReferrers, add=nothing),
    ),
    "forgotten after the deletion": Planted(
        "referrers",
        contest("push, delete manifest (with a subject)"),
        "referrers",
        lambda: replaced(AsyncManifests, delete=_forget_last, _forget_subject=nothing),
    ),
    "complete before all was read": Planted(
        "referrers",
        case("reindex"),
        "referrers",
        lambda: replaced(AsyncReferrers, reindex=_complete_first),
    ),
}
