"""The local driver among processes: locks, uploads that two go on with, directories that vanish."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.synchronize import Barrier
from pathlib import Path
from random import Random
from typing import TypeVar

import pytest

from regstore._run import BlockingRuntime
from regstore.driver import IF_ABSENT, if_version
from regstore.drivers.local import LocalDriver
from regstore.errors import (
    PathExistsError,
    PathNotFoundError,
    PreconditionFailedError,
)
from regstore.testing.material import content

PROCESSES = 8
UPLOAD = "docker/registry/v2/repositories/a/_uploads/1/data"
PIECE = 10_000

run = BlockingRuntime().run

T = TypeVar("T")

_start: Barrier


def remember(barrier: Barrier) -> None:
    global _start  # noqa: PLW0603 - a process of the pool has no other place for it
    _start = barrier


def together(act: Callable[[LocalDriver, int], T], root: str, number: int) -> T:
    driver = LocalDriver(root)
    _start.wait(60)
    return act(driver, number)


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        PROCESSES, spawn, initializer=remember, initargs=(spawn.Barrier(PROCESSES),)
    ) as pool:
        yield pool


def gather(pool: ProcessPoolExecutor, act: Callable[[LocalDriver, int], T], root: Path) -> list[T]:
    """Return what *act* returned in each of the processes, which began together."""
    calls = [pool.submit(together, act, str(root), number) for number in range(PROCESSES)]
    return [call.result(timeout=120) for call in calls]


def count_up(driver: LocalDriver, _number: int) -> list[int]:
    """Count on from what is there, 25 times; return what was counted."""
    counted: list[int] = []
    while len(counted) < 25:
        seen = run(driver.get_content("counter"))
        count = int(seen.data) + 1
        try:
            run(driver.put_content("counter", b"%d" % count, if_version(seen.version)))
        except PreconditionFailedError:
            continue
        counted.append(count)
    return counted


def claim(driver: LocalDriver, number: int) -> list[int]:
    """Return the places out of 20 that this process was the first to take."""
    won = []
    for place in range(20):
        try:
            run(driver.put_content(f"claims/{place}/link", b"%d" % number, IF_ABSENT))
        except PathExistsError:
            continue
        won.append(place)
    return won


def upload(driver: LocalDriver, number: int) -> bytes | None:
    """Go on with one upload against all others; return what was committed, if that was ours."""
    whole = b"begun " + content(5 * PIECE, number)
    try:
        writer = run(driver.writer(UPLOAD, append=True))
        if writer.size != len(b"begun "):
            return None
        for start in range(writer.size, len(whole), PIECE):
            run(writer.write(whole[start : start + PIECE]))
        run(writer.commit(f"blobs/{number}"))
    except (PathNotFoundError, PreconditionFailedError):
        return None
    return whole


def come_and_go(driver: LocalDriver, number: int) -> list[str]:
    """Write and delete in directories that others empty at the same time."""
    random, kept = Random(number), []
    for turn in range(60):
        path = f"a/{random.randrange(2)}/{random.randrange(2)}/{number}-{turn}"
        run(driver.put_content(path, path.encode()))
        if random.random() < 0.8:
            run(driver.delete_file(path))
        else:
            kept.append(path)
    return kept


def walked(driver: LocalDriver, path: str) -> list[str]:
    try:
        return [info.path for info in driver.runtime.iterate(driver.walk(path))]
    except PathNotFoundError:
        return []


def test_counting_by_compare_and_swap_loses_nothing(
    pool: ProcessPoolExecutor, tmp_path: Path
) -> None:
    run(LocalDriver(tmp_path).put_content("counter", b"0"))
    counted = [each for part in gather(pool, count_up, tmp_path) for each in part]
    assert sorted(counted) == list(range(1, PROCESSES * 25 + 1))


def test_one_of_all_creates(pool: ProcessPoolExecutor, tmp_path: Path) -> None:
    won = Counter(place for part in gather(pool, claim, tmp_path) for place in part)
    assert won == dict.fromkeys(range(20), 1)


def test_uploads_of_several_never_interleave(pool: ProcessPoolExecutor, tmp_path: Path) -> None:
    driver = LocalDriver(tmp_path)
    for turn in range(4):
        writer = run(driver.writer(UPLOAD))
        run(writer.write(b"begun "))
        run(writer.park())
        committed = [each for each in gather(pool, upload, tmp_path) if each is not None]
        stored = [run(driver.get_content(path)).data for path in walked(driver, "blobs")]
        assert stored == committed, turn
        assert len(committed) == 1
        for path in [*walked(driver, "blobs"), *walked(driver, "docker")]:
            run(driver.delete(path))


def test_nothing_is_lost_where_directories_come_and_go(
    pool: ProcessPoolExecutor, tmp_path: Path
) -> None:
    driver = LocalDriver(tmp_path)
    kept = {path for part in gather(pool, come_and_go, tmp_path) for path in part}
    assert {*walked(driver, "a")} == kept
    for path in kept:
        assert run(driver.get_content(path)).data == path.encode()
        run(driver.delete_file(path))
    assert [file.name for file in tmp_path.iterdir()] == [".regstore-tmp"]
