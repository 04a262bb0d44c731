"""What does not hang on time: versions that tell contents apart, and the order of listings."""

from __future__ import annotations

from typing import Final

from regstore.consistency.probe.evidence import Evidence
from regstore.consistency.probe.ground import Ground, names, walked
from regstore.driver import StorageDriver
from regstore.errors import PathNotFoundError

_NAMES: Final = ("B", "a", "a-b", "a.b", "ab", "b")
"""In byte order; keys that continue ``a`` with a slash sort between ``a.b`` and ``ab``."""


async def versions(ground: Ground) -> Evidence:
    """Look whether other content has another version, and all doors tell the same one (R1)."""
    path, given, faults = ground.fresh(), [], []
    for _ in range(ground.effort.rounds + 1):
        doors = _Doors(ground.driver, path)
        told = await ground.driver.put_content(path, ground.body())
        # A store that shows writes late may tell of an older write at one of its doors.
        await ground.seen_after(doors.agree)
        version = told if told is not None else doors.told.get("stat")
        wrong = [door for door, other in doors.told.items() if other != version]
        faults += [f"{door} tells ANOTHER version" for door in wrong]
        given.append(version)
    if len(set(given)) < len(given):
        faults.append(f"{len(given)} contents had {len(set(given))} VERSIONS")
    if not all(given):
        faults.append("a version is empty")
    seen = f"{len(given)} contents had as many versions, the same by every door"
    return Evidence(not faults, "; ".join(dict.fromkeys(faults)) or seen)


class _Doors:
    """What each method tells of one object.

    :ivar told: the version, by the method that told it.
    """

    def __init__(self, driver: StorageDriver, path: str) -> None:
        self.told: dict[str, str] = {}
        self._driver = driver
        self._path = path

    async def agree(self) -> bool:
        """Ask them all; return whether all tell the same."""
        driver, path = self._driver, self._path
        try:
            info = await driver.stat(path)
            content = await driver.get_content(path)
            async with await driver.reader(path) as reader:
                opened = reader.info.version
        except PathNotFoundError:
            return False
        below = await walked(driver, path.rpartition("/")[0])
        self.told = {"stat": info.version, "get_content": content.version, "reader": opened}
        if path in below:
            self.told["walk"] = below[path].version
        return len(set(self.told.values())) == 1


async def unique_versions(ground: Ground) -> Evidence:
    """Write the same bytes again and again."""
    path, body, given = ground.fresh(), ground.body(), []
    for _ in range(ground.effort.rounds + 1):
        version = await ground.driver.put_content(path, body)
        given.append(version if version is not None else (await ground.stat(path)).version)
    distinct = len(set(given))
    return Evidence(
        distinct == len(given),
        f"versions of the same bytes, written {len(given)} times: {distinct}",
    )


async def listing_order(ground: Ground) -> Evidence:
    """List names whose order as keys is another one (L1)."""
    directory = ground.fresh()
    for name in _NAMES:
        await ground.put(f"{directory}/{name}/x" if name == "a" else f"{directory}/{name}")
    found = await names(ground.driver, directory)
    faults = []
    if found != sorted(set(found), key=str.encode):
        faults.append(f"listed as {' '.join(found)}")
    for after in ("a", "a-", "a.c", "0"):
        expected = [name for name in found if name > after]
        if await names(ground.driver, directory, after) != expected:
            faults.append(f"start_after {after!r} begins elsewhere")
    if await names(ground.driver, directory, None, 2) != found[:2]:
        faults.append("limit 2 gives others than the first two")
    seen = f"{len(found)} names came in byte order, from any name on"
    return Evidence(not faults, "; ".join(faults) or seen)
