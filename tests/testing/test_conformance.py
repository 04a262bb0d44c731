"""The suite as a command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from regstore.driver import FileInfo, StorageDriver
from regstore.drivers.memory import MemoryDriver, MemoryStore
from regstore.errors import ConfigurationError, PathNotFoundError
from regstore.testing import run_conformance
from regstore.testing.contract import TITLES, UNTESTED
from tests.testing.broken import WalksTwice


def test_a_sound_store_keeps_everything_and_is_left_as_it_was() -> None:
    store = MemoryStore()
    driver = MemoryDriver(store)
    driver.runtime.run(driver.put_content("mine", b"untouched"))
    seen: list[tuple[int, int]] = []
    results = run_conformance(
        lambda: MemoryDriver(store), progress=lambda done, total: seen.append((done, total))
    )
    assert [each.clause for each in results] == list(TITLES)
    outcomes = {each.clause: each.outcome for each in results}
    not_tested = {clause for clause, outcome in outcomes.items() if outcome == "not tested"}
    assert not_tested == {"W4", "W6", "U2", *UNTESTED}
    assert set(outcomes.values()) == {"kept", "not tested"}
    assert all(each.seen for each in results if each.outcome == "not tested")
    assert seen == [(done, len(seen)) for done in range(1, len(seen) + 1)]
    assert [info.path for info in _walk(driver)] == ["mine"]


def _walk(driver: StorageDriver) -> list[FileInfo]:
    return list(driver.runtime.iterate(driver.walk("")))


def test_a_broken_store_is_left_as_it_was() -> None:
    store = MemoryStore()
    [result] = run_conformance(lambda: WalksTwice(MemoryDriver(store)), only=["L3"])
    assert (result.outcome, result.passed, result.failed) == ("broken", 1, 1)
    assert _walk(MemoryDriver(store)) == []


def test_a_url_names_the_store(tmp_path: Path) -> None:
    [first, second] = run_conformance(f"file://{tmp_path}", only=["R2", "X3"])
    assert (first.clause, first.outcome, first.passed) == ("R2", "kept", 7)
    assert (second.clause, second.outcome, second.seen) == ("X3", "not tested", UNTESTED["X3"])
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("url", "only", "advice"),
    [
        ("memory://", [], "memory://name"),
        ("memory://x", ["W1", "Z9"], "Z9"),
        ("nonsense://x", [], "nonsense"),
    ],
)
def test_what_cannot_be_proved_is_refused(url: str, only: list[str], advice: str) -> None:
    with pytest.raises(ConfigurationError, match=advice):
        run_conformance(url, only=only)


def test_a_store_that_takes_nothing_is_no_result() -> None:
    class Absent(MemoryDriver):
        async def put_content(self, path: str, *_: object) -> str:
            raise PathNotFoundError(path, self.name, "no such bucket")

    with pytest.raises(PathNotFoundError, match="no such bucket"):
        run_conformance(Absent)


def test_using_regstore_needs_no_test_packages() -> None:
    check = "import regstore, sys; sys.exit(bool({'pytest', 'hypothesis'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", check], check=True)


def test_failures_tell_what_was_seen_outside_pytest() -> None:
    script = """
from regstore.drivers.memory import MemoryDriver, MemoryStore
from regstore.testing import run_conformance
from tests.testing.broken import SizeLies

store = MemoryStore()
print(run_conformance(lambda: SizeLies(MemoryDriver(store)), only=["R2"])[0].seen)
"""
    run = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert "assert 512 == 1" in run.stdout
    assert run.stderr == ""
