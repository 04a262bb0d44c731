"""What keeps the content of blobs where links lead to it."""

from __future__ import annotations

from typing import Final

from regstore import content, layout
from regstore.blobs import AsyncBlobs
from regstore.digest import Digest
from regstore.oci import Descriptor
from tests.simulation.protections.planted import Planted, case, contest
from tests.simulation.protections.protection import Protection, replaced

_put_whole = AsyncBlobs._put_whole  # noqa: SLF001 - done in another order
_delete = AsyncBlobs.delete


async def _link_first(self: AsyncBlobs, data: bytes, wanted: Digest | None) -> Descriptor:
    begun = self._scope.runtime.monotonic()
    await content.link_layer(self._scope, Digest.of(data), begun)
    return await _put_whole(self, data, wanted)


async def _believe(self: AsyncBlobs, digest: Digest, source: object) -> tuple[Digest, int]:
    del self, source
    return digest, 0


async def _delete_content(self: AsyncBlobs, digest: str) -> None:
    await _delete(self, digest)
    path = layout.BlobData(Digest(digest)).path
    await self._scope.driver.delete_file(path, missing_ok=True)


BLOBS: Final = {
    "a mount looks whether the source has it": Protection(
        "blobs",
        "strong",
        ("mounter",),
        frozenset({"I1"}),
        10,
        lambda: replaced(AsyncBlobs, _locate=_believe),
    ),
}

BLOB_BUGS: Final = {
    "link before content": Planted(
        "blobs", case("put"), "I3", lambda: replaced(AsyncBlobs, _put_whole=_link_first)
    ),
    "a deletion takes the content of all": Planted(
        "blobs",
        contest("mount, delete blob"),
        "I1",
        lambda: replaced(AsyncBlobs, delete=_delete_content),
    ),
}
