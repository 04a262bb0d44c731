"""What keeps the index of referrers true."""

from __future__ import annotations

from typing import Final

from regstore import layout
from regstore.digest import Digest
from regstore.manifests import AsyncManifests, PutResult
from regstore.oci import parse_document
from regstore.referrers import AsyncReferrers
from tests.simulation.protections.planted import Planted, case, contest
from tests.simulation.protections.protection import nothing, replaced

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
