"""What does not hang on time: versions that tell contents apart, and the order of listings."""

from __future__ import annotations

from typing import Final

from regstore.consistency.probe.evidence import Evidence
from regstore.consistency.probe.ground import Ground, names, walked

_NAMES: Final = ("B", "a", "a-b", "a.b", "ab", "b")
"""In byte order; keys that continue ``a`` with a slash sort between ``a.b`` and ``ab``."""


async def versions(ground: Ground) -> Evidence:
    """Look whether other content has another version, and all doors tell the same one (R1)."""
    path, given, faults = ground.fresh(), [], []
    driver = ground.driver
    for _ in range(ground.effort.rounds + 1):
        told = await driver.put_content(path, ground.body())
        info = await driver.stat(path)
        async with await driver.reader(path) as reader:
            opened = reader.info.version
        content = await driver.get_content(path)
        below = await walked(driver, path.rpartition("/")[0])
        doors = {
            "put_content": told if told is not None else info.version,
            "get_content": content.version,
            "reader": opened,
            "walk": below[path].version if path in below else info.version,
        }
        wrong = [door for door, version in doors.items() if version != info.version]
        faults += [f"{door} tells ANOTHER version than stat" for door in wrong]
        given.append(info.version)
    if len(set(given)) < len(given):
        faults.append(f"{len(given)} contents had {len(set(given))} VERSIONS")
    if not all(given):
        faults.append("a version is empty")
    seen = f"{len(given)} contents had as many versions, the same by every door"
    return Evidence(not faults, "; ".join(dict.fromkeys(faults)) or seen)


async def unique_versions(ground: Ground) -> Evidence:
    """Write the same bytes again and again."""
    path, body, given = ground.fresh(), ground.body(), []
    for _ in range(ground.effort.rounds + 1):
        await ground.driver.put_content(path, body)
        given.append((await ground.driver.stat(path)).version)
    distinct = len(set(given))
    return Evidence(
        distinct == len(given), f"the same bytes, written {len(given)} times: {distinct} versions"
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
