"""SIGKILL at random moments: what was acknowledged stays, nothing is torn, nothing is left over.

``REGSTORE_CRASH_ROUNDS`` sets how many rounds are run, ``REGSTORE_CRASH_SEED`` repeats one.
"""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path
from random import Random

import pytest

import regstore
from regstore.drivers.local import LocalDriver
from tests.crash.churn import Churner, Promises
from tests.crash.killing import massacre
from tests.crash.pushing import Pushed, Pusher, check_files
from tests.places import SCRATCH
from tests.pushers import NAME

PROCESSES = 4
WAVES = 2
ROUNDS = int(os.environ.get("REGSTORE_CRASH_ROUNDS", "10"))


@pytest.fixture
def random() -> Random:
    seed = os.environ.get("REGSTORE_CRASH_SEED") or secrets.token_hex(8)
    print(f"REGSTORE_CRASH_SEED={seed}")  # noqa: T201 - shown when the test fails
    return Random(seed)


def test_a_killed_process_leaves_what_it_was_promised(room: Path, random: Random) -> None:
    for number in range(ROUNDS):
        root = room / str(number)
        promises = Promises()
        for wave in range(WAVES):
            authors = [f"{wave}.{each}" for each in range(PROCESSES)]
            churners = [Churner(root, author, Random(random.random())) for author in authors]
            promises.take(massacre(churners, random))
            promises.check(root)
            assert_no_leftovers(root)
        assert promises.stored, "they were killed before they had done anything"
        shutil.rmtree(root)


def test_a_killed_push_leaves_what_it_was_promised(room: Path, random: Random) -> None:
    for number in range(ROUNDS):
        root = room / str(number)
        repo = regstore.open(str(root)).repository(NAME)
        pushed = Pushed()
        for wave in range(WAVES):
            authors = [f"{wave}.{each}" for each in range(PROCESSES)]
            pushers = [Pusher(root, author, Random(random.random())) for author in authors]
            pushed.take(massacre(pushers, random))
            pushed.check(repo)
            assert_no_leftovers(root)
            check_files(root)
        assert pushed.blobs, "they were killed before they had done anything"
        shutil.rmtree(root)


def assert_no_leftovers(root: Path) -> None:
    driver = LocalDriver(root)
    driver.runtime.run(driver.put_content("next/write", b""))
    driver.runtime.run(driver.delete("next"))
    assert list((root / SCRATCH).iterdir()) == []
