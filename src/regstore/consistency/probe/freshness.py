"""Who sees a write, and when: looks through connections that have not taken part in it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from regstore.consistency.probe.evidence import Evidence
from regstore.consistency.probe.ground import Ground, names, read, walked
from regstore.driver import StorageDriver

Look = Callable[[], Awaitable[bool]]


async def read_after_write(ground: Ground) -> Evidence:
    """Read what was just created, also where its absence had been seen before."""
    other = ground.another()
    lags: list[float | None] = []
    for turn in range(ground.effort.rounds):
        path, body = ground.fresh(), ground.body()
        if turn % 2 == 0:
            # A store that remembers what it did not find goes on to say so.
            for driver in (ground.driver, other):
                await read(driver, path)
        await ground.driver.put_content(path, body)
        lags += await _lags(ground, _reading(ground, other, path, body))
    return _told("reads of a new object, half of them after its absence had been seen", lags)


async def read_after_overwrite(ground: Ground) -> Evidence:
    """Read what was just replaced, and what was just deleted."""
    other = ground.another()
    replaced: list[float | None] = []
    deleted: list[float | None] = []
    for _ in range(ground.effort.rounds):
        path, body = ground.fresh(), ground.body()
        await ground.put(path)
        for driver in (other, ground.driver):
            await read(driver, path)
        await ground.driver.put_content(path, body)
        replaced += await _lags(ground, _reading(ground, other, path, body))
        await ground.driver.delete_file(path)
        deleted += await _lags(ground, _reading(ground, other, path, None))
    return _both(_told("reads after a replacement", replaced), _told("after a delete", deleted))


async def list_after_write(ground: Ground) -> Evidence:
    """List what was just created, and what was just deleted."""
    other = ground.another()
    created: list[float | None] = []
    deleted: list[float | None] = []
    directory = ground.fresh()
    await ground.put(f"{directory}/stays")
    for turn in range(ground.effort.rounds):
        name = f"{turn}"
        await ground.put(f"{directory}/{name}")
        created += await _lags(ground, _listings(other, directory, name, is_there=True))
        await ground.driver.delete_file(f"{directory}/{name}")
        deleted += await _lags(ground, _listings(other, directory, name, is_there=False))
    return _both(_told("listings after a write", created), _told("after a delete", deleted))


async def ghost_directories(ground: Ground) -> Evidence:
    """Look whether a directory goes with the last object in it."""
    parent = ground.fresh()
    await ground.put(f"{parent}/stays")
    await ground.put(f"{parent}/leaves/file")
    await ground.driver.delete_file(f"{parent}/leaves/file")
    lingers = "leaves" in await names(ground.another(), parent)
    seen = "is still listed" if lingers else "is gone"
    return Evidence(kept=lingers, seen=f"a directory whose only object was deleted {seen}")


async def _lags(ground: Ground, looks: list[Look]) -> list[float | None]:
    return [await ground.seen_after(look) for look in looks]


def _reading(ground: Ground, other: StorageDriver, path: str, body: bytes | None) -> list[Look]:
    return [partial(_reads, driver, path, body) for driver in (other, ground.driver)]


def _listings(driver: StorageDriver, directory: str, name: str, *, is_there: bool) -> list[Look]:
    return [
        partial(_lists, driver, directory, name, is_there=is_there),
        partial(_walks, driver, directory, name, is_there=is_there),
    ]


async def _reads(driver: StorageDriver, path: str, body: bytes | None) -> bool:
    return await read(driver, path) == body


async def _lists(driver: StorageDriver, directory: str, name: str, *, is_there: bool) -> bool:
    return (name in await names(driver, directory)) == is_there


async def _walks(driver: StorageDriver, directory: str, name: str, *, is_there: bool) -> bool:
    return (f"{directory}/{name}" in await walked(driver, directory)) == is_there


def _told(what: str, lags: list[float | None]) -> Evidence:
    late = [lag for lag in lags if lag != 0]
    if not late:
        return Evidence(kept=True, seen=f"{len(lags)} {what}: all current")
    known = [lag for lag in late if lag is not None]
    never = len(late) - len(known)
    words = [f"{len(late)} of {len(lags)} {what} were STALE"]
    if known:
        words.append(f"the last was current after {max(known):.2f} s")
    if never:
        words.append(f"{never} stayed so as long as was waited")
    return Evidence(kept=False, seen=", ".join(words), lag=None if never else max(known))


def _both(one: Evidence, other: Evidence) -> Evidence:
    lags = (one.lag, other.lag)
    lag = None if None in lags else max(each for each in lags if each is not None)
    return Evidence(one.kept and other.kept, f"{one.seen}; {other.seen}", lag=lag)
