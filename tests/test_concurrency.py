"""Eight processes on one directory: nothing is lost, and nothing is interleaved."""

from __future__ import annotations

import json
import multiprocessing
import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest

import regstore
from regstore import Repository
from regstore.digest import Digest
from regstore.errors import RegistryError
from tests import pushers
from tests.places import files_below
from tests.pushers import NAME, SHARED_TAG, Pushed

PROCESSES = 8
HEAD = random.Random(1).randbytes(10_007)

T = TypeVar("T")


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(PROCESSES)
    with ProcessPoolExecutor(
        PROCESSES, mp_context=spawn, initializer=pushers.remember, initargs=(barrier,)
    ) as pool:
        yield pool


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def repo(root: Path) -> Repository:
    return regstore.open(str(root)).repository(NAME)


def start(
    pool: ProcessPoolExecutor,
    task: Callable[..., T],
    arguments: Callable[[int], tuple[object, ...]],
) -> list[Future[T]]:
    """Begin *task* in all processes at once, each with the arguments for its number."""
    return [pool.submit(pushers.together, task, *arguments(number)) for number in range(PROCESSES)]


def gather(futures: list[Future[T]]) -> list[T]:
    return [future.result(timeout=120) for future in futures]


def assert_no_litter(root: Path) -> None:
    """No upload is left, and no file that only its driver knows."""
    left = [path for path in files_below(root) if "/_uploads/" in path or ".regstore-" in path]
    assert left == []


def test_pushes_of_the_same_and_of_different_content(
    pool: ProcessPoolExecutor, root: Path, repo: Repository
) -> None:
    running = start(pool, pushers.push, lambda number: (str(root), number))
    watched = watch(repo, running)
    pushed = gather(running)

    for each in pushed:
        for blob in each.blobs:
            assert repo.blobs.get(Digest.of(blob)) == blob
        for tag, body in each.manifests.items():
            assert repo.manifests.get(tag).body == body
    assert repo.manifests.get(SHARED_TAG).body in {each.latest for each in pushed}
    assert watched <= {body for each in pushed for body in each.manifests.values()}
    assert_everything_is_accounted_for(repo, pushed)
    assert_no_litter(root)


def watch(repo: Repository, running: list[Future[Pushed]]) -> set[bytes]:
    """Read the tag that all move, for as long as they do; return what it ever was."""
    seen = set()
    while not all(future.done() for future in running):
        try:
            seen.add(repo.manifests.get(SHARED_TAG).body)
        except RegistryError:
            if seen:
                raise
    return seen


def assert_everything_is_accounted_for(repo: Repository, pushed: list[Pushed]) -> None:
    blobs = {Digest.of(blob) for each in pushed for blob in each.blobs}
    tags = {tag for each in pushed for tag in each.manifests} | {SHARED_TAG}
    manifests = {Digest.of(body) for each in pushed for body in each.manifests.values()}
    assert set(repo.blobs.all()) == blobs
    assert list(repo.tags.all()) == sorted(tags)
    assert set(repo.manifests.all()) == manifests
    assert {change.digest for change in repo.tags.history(SHARED_TAG)} == manifests


def test_compare_and_swap_loses_no_update(
    pool: ProcessPoolExecutor, root: Path, repo: Repository
) -> None:
    times = 5
    repo.blobs.put(pushers.CONFIG)
    first = pushers.manifest(step="first")
    repo.manifests.put(first, tags=["chain"])
    lost = gather(start(pool, pushers.count_up, lambda number: (str(root), number, times)))

    chain = []
    body = repo.manifests.get("chain").body
    while body != first:
        annotations = json.loads(body)["annotations"]
        chain.append((annotations["process"], annotations["step"]))
        body = repo.manifests.get(annotations["before"]).body
    expected = [(str(number), str(step)) for number in range(PROCESSES) for step in range(times)]
    assert Counter(chain) == Counter(expected)
    assert sum(lost) > 0, "they never met"
    assert_no_litter(root)


def test_of_eight_who_claim_a_tag_one_gets_it(
    pool: ProcessPoolExecutor, root: Path, repo: Repository
) -> None:
    repo.blobs.put(pushers.CONFIG)
    claimed = gather(start(pool, pushers.claim, lambda number: (str(root), number)))
    assert claimed.count(True) == 1
    winner = json.loads(repo.manifests.get("claimed").body)["annotations"]["claimed_by"]
    assert claimed[int(winner)]


@pytest.mark.parametrize("pieces", [1, 4])
@pytest.mark.parametrize("round_", range(3))
def test_of_eight_who_resume_one_upload_one_gets_it(
    pool: ProcessPoolExecutor, root: Path, repo: Repository, pieces: int, round_: int
) -> None:
    upload_id = park(repo)
    wholes = [
        HEAD + random.Random(f"{round_}-{number}").randbytes(40_000) for number in range(PROCESSES)
    ]
    outcomes = gather(
        start(
            pool,
            pushers.resume,
            lambda number: (str(root), upload_id, len(HEAD), wholes[number], pieces),
        )
    )
    (won,) = (number for number, outcome in enumerate(outcomes) if outcome is not None)
    assert [repo.blobs.get(digest) for digest in repo.blobs.all()] == [wholes[won]]
    assert_no_litter(root)


@pytest.mark.parametrize("pieces", [1, 3])
def test_of_eight_who_send_the_same_rest_nobody_breaks_it(
    pool: ProcessPoolExecutor, root: Path, repo: Repository, pieces: int
) -> None:
    upload_id = park(repo)
    whole = HEAD + random.Random("same").randbytes(40_000)
    outcomes = gather(
        start(pool, pushers.resume, lambda _: (str(root), upload_id, len(HEAD), whole, pieces))
    )
    assert set(outcomes) - {None} == {Digest.of(whole)}
    assert repo.blobs.get(Digest.of(whole)) == whole
    assert_no_litter(root)


def park(repo: Repository) -> str:
    with repo.uploads.create() as upload:
        upload.write(HEAD)
    return upload.id
