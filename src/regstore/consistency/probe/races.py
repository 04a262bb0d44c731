"""Races: writers with the same condition and different content, of whom one may win (W3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from regstore._run import BlockingRuntime
from regstore.consistency.probe.evidence import Evidence
from regstore.consistency.probe.ground import Ground, read
from regstore.driver import IF_ABSENT, Condition, StorageDriver, if_version
from regstore.errors import PathExistsError, PreconditionFailedError, TransientError

_NONCE: Final = 32
"""Bytes after which a body repeats."""
Write = Callable[[StorageDriver, str, bytes, Condition], Awaitable[object]]


@dataclass(slots=True)
class _Tally:
    """What came of all rounds of one kind of race."""

    won: list[int] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    undecided: int = 0


async def race_to_create(ground: Ground) -> Evidence:
    """Let several writers create one key, several times."""
    return await _races(ground, "create", _put, fresh=True)


async def race_to_replace(ground: Ground) -> Evidence:
    """Let several writers replace one version, several times."""
    return await _races(ground, "replace", _put, fresh=False)


async def race_to_commit(ground: Ground) -> Evidence:
    """Let several writers commit to one key, several times; in parts, where that is wanted."""
    return await _races(ground, "commit", _commit, fresh=True, bulky=ground.effort.bulk > 0)


RACES: Final[Mapping[str, Callable[[Ground], Awaitable[Evidence]]]] = {
    "conditional_create": race_to_create,
    "conditional_replace": race_to_replace,
    "conditional_commit": race_to_commit,
}
"""The race that shows whether each capability holds."""


async def _put(driver: StorageDriver, path: str, body: bytes, condition: Condition) -> None:
    await driver.put_content(path, body, condition)


async def _commit(driver: StorageDriver, path: str, body: bytes, condition: Condition) -> None:
    # From a path of its own: of several writers of one path all but one are fenced off (A7).
    writer = await driver.writer(f"{path}.{body[:_NONCE].decode()}")
    try:
        await writer.write(body)
        await writer.commit(path, condition)
    except BaseException:
        await driver.runtime.shield(writer.cancel())
        raise


async def _races(
    ground: Ground, what: str, write: Write, *, fresh: bool, bulky: bool = False
) -> Evidence:
    tally = _Tally()
    drivers = (ground.driver, ground.another())
    for _ in range(ground.effort.rounds):
        path, condition = ground.fresh(), IF_ABSENT
        if not fresh:
            condition = if_version(await ground.put(path))
        body = ground.bulky_body if bulky else ground.body
        await _round(ground, drivers, body, partial(_to, write, path, condition), path, tally)
    most = max(tally.won, default=0)
    kept = most <= 1 and not tally.faults
    seen = f"{_rounds(ground, what)}: {_winners(tally)}"
    return Evidence(kept, "; ".join([seen, *dict.fromkeys(tally.faults)]))


async def _to(
    write: Write, path: str, condition: Condition, driver: StorageDriver, body: bytes
) -> object:
    return await write(driver, path, body, condition)


async def _round(
    ground: Ground,
    drivers: tuple[StorageDriver, StorageDriver],
    new_body: Callable[[], bytes],
    write: Callable[[StorageDriver, bytes], Awaitable[object]],
    path: str,
    tally: _Tally,
) -> None:
    """Let all write at the same time, and look who has won."""
    undecided = 0

    async def attempt(racer: int) -> bytes | None:
        nonlocal undecided
        body = new_body()
        try:
            await write(drivers[racer % 2], body)
        except (PathExistsError, PreconditionFailedError):
            return None
        except TransientError:
            undecided += 1
            return None
        return body

    runtime = ground.driver.runtime
    racers = range(ground.effort.writers)
    bodies = await runtime.map(attempt, racers, limit=len(racers))
    winners = [body for body in bodies if body is not None]
    tally.won.append(len(winners))
    tally.undecided += undecided
    if undecided:
        return

    async def is_won() -> bool:
        return await read(ground.driver, path) in winners

    if not winners:
        tally.faults.append("everybody was told to have lost")
    elif await ground.seen_after(is_won) is None:
        tally.faults.append("what is stored is not what a winner wrote")


def _rounds(ground: Ground, what: str) -> str:
    writers, rounds = ground.effort.writers, ground.effort.rounds
    # Plain code over a blocking driver has no parallelism: said, since it proves less.
    turns = ", one after another" if isinstance(ground.driver.runtime, BlockingRuntime) else ""
    return f"{rounds} {what} races of {writers}{turns}"


def _winners(tally: _Tally) -> str:
    most = max(tally.won, default=0)
    words = "one winner each" if set(tally.won) == {1} else f"{_range(tally.won)} winners"
    if most > 1:
        words = f"up to {most} WINNERS, all but one of whom lost their write unknowingly"
    unsure = f", {tally.undecided} answers undecided" if tally.undecided else ""
    return words + unsure


def _range(counts: list[int]) -> str:
    least, most = min(counts), max(counts)
    return str(most) if least == most else f"{least} to {most}"
