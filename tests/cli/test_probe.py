from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from regstore.consistency.capabilities import Saved
from regstore.driver import StorageDriver
from regstore.drivers.memory import MemoryDriver, MemoryStore
from tests.cli.conftest import Regstore
from tests.cli.interruption import files, interrupted
from tests.consistency import liars

Serve = Callable[[Callable[[StorageDriver], StorageDriver]], MemoryStore]
CAPS = "docker/registry/regstore/v1/caps.json"
QUICK = ("--rounds", "1", "--writers", "2", "--no-parts")


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Serve:
    """Put a lie before the store that every URL names."""

    def before(wrap: Callable[[StorageDriver], StorageDriver]) -> MemoryStore:
        store = MemoryStore()

        def open_driver(url: str, *, storage_options: object) -> StorageDriver:
            assert url == "memory://lie"
            assert storage_options == {"a": "b"}
            return wrap(MemoryDriver(store))

        monkeypatch.setattr("regstore.cli.probe.open_driver", open_driver)
        return store

    return before


def test_a_directory_is_told_to_keep_its_claims(run: Regstore, tmp_path: Path) -> None:
    done = run("probe", tmp_path, *QUICK)
    assert done.code == 0, done.out
    assert "local: everything that is claimed was seen to hold" in done.out
    assert "conditional_create" in done.out
    assert "BROKEN" not in done.out
    assert files(tmp_path) == []


def test_what_is_broken_is_named_and_the_exit_code_is_1(run: Regstore, serve: Serve) -> None:
    serve(liars.IgnoresConditions)
    done = run("probe", "memory://lie", "--storage-option", "a=b", *QUICK)
    assert done.code == 1
    rows = [line.split() for line in done.out.splitlines()]
    assert ["conditional_create", "yes", "BROKEN"] in [row[:3] for row in rows]
    assert "memory: BROKEN: conditional_create, conditional_replace, conditional_delete" in done.out


def test_json_tells_all_of_it(run: Regstore, serve: Serve) -> None:
    store = serve(liars.IgnoresCommitConditions)
    done = run("probe", "memory://lie", "--storage-option", "a=b", "--json", *QUICK)
    assert done.code == 1
    document = json.loads(done.out)
    assert document["driver"] == "memory"
    assert document["holds"] is False
    assert document["saved"] is None
    assert document["claimed"]["conditional_commit"] is True
    assert document["capabilities"]["conditional_commit"] is False
    [commit] = [each for each in document["findings"] if each["outcome"] == "broken"]
    assert commit["capability"] == "conditional_commit"
    assert "DONE, without a word" in commit["seen"]
    assert commit["calls"] > 0
    driver = MemoryDriver(store)
    assert list(driver.runtime.iterate(driver.walk(""))) == []


def test_what_was_measured_is_saved_on_request(run: Regstore, serve: Serve) -> None:
    store = serve(liars.IgnoresCommitConditions)
    done = run("probe", "memory://lie", "--storage-option", "a=b", "--json", "--save", *QUICK)
    assert done.code == 1
    document = done.document
    assert document["saved"] == CAPS
    driver = MemoryDriver(store)
    content = driver.runtime.run(driver.get_content(CAPS))
    saved = Saved.decode(content.data)
    assert saved.driver == "memory"
    assert not saved.capabilities.conditional_commit
    assert saved.capabilities.conditional_create
    assert abs((content.modified - saved.time).total_seconds()) < 60


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["memory://"], "name it, as in memory://name"),
        (["nonsense://x"], "fsspec knows no protocol"),
        (["memory://x", "--writers", "1"], "--writers"),
        (["memory://x", "--rounds", "0"], "--rounds"),
    ],
)
def test_what_makes_no_sense_is_refused(run: Regstore, args: list[str], words: str) -> None:
    done = run("probe", *args)
    assert done.code == 2
    assert words in done.err


def test_an_interrupted_probe_leaves_nothing(tmp_path: Path) -> None:
    done = interrupted(tmp_path, "probe", tmp_path, "--rounds", "1000")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "regstore: interrupted\n")
    assert files(tmp_path) == []
