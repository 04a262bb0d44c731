"""The cheapest honest proofs that a store looks at conditions: one request that it must refuse.

Each works on keys that nobody else has, below one scratch directory, and deletes them again. The
version that is named is one that the store gave to other content, elsewhere. What a store passes
here it may still fail under races: :func:`regstore.consistency.probe.probe` looks closer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from regstore.consistency.probe.ground import new_body, new_scratch
from regstore.consistency.probe.refusals import Verdict, refused
from regstore.driver import ANY, IF_ABSENT, Condition, StorageDriver, if_version


class Spot:
    """A few keys of a scratch directory.

    :param driver: the driver that is asked.
    :param version: what the store gave to other content; ``""`` where that is not needed.
    """

    def __init__(self, driver: StorageDriver, version: str) -> None:
        self.driver = driver
        self.other: Condition = if_version(version)
        self.version = version
        self._directory = new_scratch(driver)
        self._used: list[str] = []

    def key(self) -> str:
        """Return a path at which nothing ever lay, and which is deleted at the end."""
        self._used.append(f"{self._directory}/{len(self._used)}")
        return self._used[-1]

    async def put(self, key: str, condition: Condition = ANY) -> None:
        """Write content of its own to *key*."""
        await self.driver.put_content(key, new_body(self.driver), condition)

    async def commit(self, key: str, condition: Condition) -> None:
        """Write content of its own through a writer elsewhere, and commit it to *key*."""
        writer = await self.driver.writer(self.key())
        try:
            await writer.write(new_body(self.driver))
            await writer.commit(key, condition)
        except BaseException:
            await self.driver.runtime.shield(writer.cancel())
            raise

    async def leave(self) -> None:
        """Delete what may be left."""
        for key in self._used:
            await self.driver.delete_file(key, missing_ok=True)


@asynccontextmanager
async def spot(driver: StorageDriver, version: str) -> AsyncIterator[Spot]:
    """Give a place to prove something in, and leave nothing of it."""
    place = Spot(driver, version)
    try:
        yield place
    finally:
        await driver.runtime.shield(place.leave())


Proof = Callable[[Spot], Coroutine[Any, Any, Verdict]]


async def _create(place: Spot) -> Verdict:
    key = place.key()
    await place.put(key, IF_ABSENT)
    return await refused("create on an existing key", place.put(key, IF_ABSENT))


async def _replace(place: Spot) -> Verdict:
    return await refused("replace of a missing key", place.put(place.key(), place.other))


async def _delete(place: Spot) -> Verdict:
    key = place.key()
    await place.put(key)
    asked = place.driver.delete_file(key, place.other)
    return await refused("delete of another version", asked)


async def _create_by_copy(place: Spot) -> Verdict:
    source, key = place.key(), place.key()
    await place.put(source)
    await place.put(key)
    asked = place.driver.copy(source, key, IF_ABSENT)
    return await refused("copy onto an existing key", asked)


async def _replace_by_copy(place: Spot) -> Verdict:
    source = place.key()
    await place.put(source)
    asked = place.driver.copy(source, place.key(), place.other)
    return await refused("copy over a missing key", asked)


async def _copy_pinned(place: Spot) -> Verdict:
    source = place.key()
    await place.put(source)
    asked = place.driver.copy(source, place.key(), ANY, place.version)
    return await refused("copy of another version", asked)


async def _create_by_commit(place: Spot) -> Verdict:
    key = place.key()
    await place.put(key)
    return await refused("commit onto an existing key", place.commit(key, IF_ABSENT))


async def _replace_by_commit(place: Spot) -> Verdict:
    return await refused("commit over a missing key", place.commit(place.key(), place.other))


PROOFS: Final[Mapping[tuple[str, str], Proof]] = {
    ("conditional_create", "absent"): _create,
    ("conditional_replace", "version"): _replace,
    ("conditional_delete", "version"): _delete,
    ("conditional_copy", "absent"): _create_by_copy,
    ("conditional_copy", "version"): _replace_by_copy,
    ("source_pinned_copy", "version"): _copy_pinned,
    ("conditional_commit", "absent"): _create_by_commit,
    ("conditional_commit", "version"): _replace_by_commit,
}
"""What proves each capability, for each kind of condition."""
