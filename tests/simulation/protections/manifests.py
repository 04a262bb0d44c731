"""What keeps tags and referrers from naming manifests that are gone."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from regstore.digest import Digest
from regstore.errors import PathNotFoundError
from regstore.manifests import AsyncManifests
from tests.simulation.protections.planted import Planted, case
from tests.simulation.protections.protection import Protection, replaced


async def _revision_first(self: AsyncManifests, digest: str) -> None:
    wanted, tags = Digest(digest), await self._tags.listed()
    with suppress(PathNotFoundError):
        await self._driver.delete_file(self._revision(wanted))
    await self._forget_subject(wanted)
    await self._tags.release(wanted, tags)


async def _release_once(self: AsyncManifests, digest: str) -> None:
    wanted, tags = Digest(digest), await self._tags.listed()
    await self._forget_subject(wanted)
    await self._tags.release(wanted, tags)
    try:
        await self._driver.delete_file(self._revision(wanted))
    except PathNotFoundError as error:
        raise self._unknown(digest) from error


MANIFESTS: Final = {
    "tags are released once more when the manifest is gone": Protection(
        "manifests",
        "conditional",
        ("deleter", "retagger"),
        frozenset({"I3"}),
        20,
        lambda: replaced(AsyncManifests, delete=_release_once),
        {"latency": 0.3},
        is_founded=True,
    ),
}

MANIFEST_BUGS: Final = {
    "the revision before the tags that name it": Planted(
        "manifests",
        case("delete manifest (with a tag)"),
        "I3",
        lambda: replaced(AsyncManifests, delete=_revision_first),
    ),
}
