from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import regstore.testing
from regstore.drivers.memory import MemoryDriver, MemoryStore
from regstore.testing import ClauseResult
from tests.cli.conftest import Regstore
from tests.cli.interruption import files, interrupted
from tests.testing.broken import WalksTwice


def test_a_good_store_keeps_the_contract() -> None:
    argv = [sys.executable, "-c", "from regstore.cli import main; main()"]
    argv += ["conformance", "memory://proved", "--json"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    clauses = {each["clause"]: each["outcome"] for each in json.loads(done.stdout)["clauses"]}
    assert clauses["W1"] == clauses["P1"] == "kept"
    assert "broken" not in clauses.values()


def test_a_broken_clause_is_told_and_the_exit_code_is_3(
    run: Regstore, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = [
        ClauseResult("P1", "paths are stored as given", "kept", "", 2, 0, 0),
        ClauseResult("W1", "no reader ever sees a part", "broken", "saw half", 1, 1, 0),
        ClauseResult("U2", "a URL grants no more", "not tested", "no URLs", 0, 0, 1),
    ]
    seen = []

    def prove(store: object, **_: object) -> list[ClauseResult]:
        seen.append(store)
        return results

    monkeypatch.setattr(regstore.testing, "run_conformance", prove)
    done = run("conformance", "memory://x")
    assert done.code == 3
    assert done.out.splitlines() == [
        "P1  kept        paths are stored as given",
        "W1  broken      no reader ever sees a part  saw half",
        "U2  not tested  a URL grants no more        no URLs",
        "1 kept, 1 broken, 1 not tested",
    ]
    as_json = run("conformance", "memory://x", "--json", "--storage-option", "a=b")
    assert as_json.code == 3
    clauses = as_json.document["clauses"]
    assert isinstance(clauses, list)
    assert [each["outcome"] for each in clauses] == ["kept", "broken", "not tested"]
    assert seen[0] == "memory://x"
    assert callable(seen[1])


def test_some_clauses_alone_are_proved_on_request(run: Regstore, tmp_path: Path) -> None:
    done = run("conformance", tmp_path, "--clause", "p4", "--clause", "X3", "--clause", "U1")
    assert done.code == 0
    assert [line.split()[0] for line in done.out.splitlines()] == ["P4", "U1", "X3", "2"]
    assert done.out.splitlines()[-1] == "2 kept, 0 broken, 1 not tested"
    assert files(tmp_path) == []


def test_what_a_kept_clause_could_not_ask_is_told(run: Regstore, tmp_path: Path) -> None:
    done = run("conformance", tmp_path, "--clause", "P1", "--clause", "W6", "--json")
    first, second = json.loads(done.out)["clauses"]
    assert (first["clause"], first["outcome"]) == ("P1", "kept")
    assert first["seen"] == "give a back_door to prove this"
    assert (second["clause"], second["outcome"]) == ("W6", "not tested")
    assert second["seen"] == "give a full_driver to prove this"


def test_junit_has_a_case_for_each_clause(
    run: Regstore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MemoryStore()

    def open_driver(*_: object, **__: object) -> WalksTwice:
        return WalksTwice(MemoryDriver(store))

    monkeypatch.setattr("regstore.cli.conformance.open_driver", open_driver)
    report = tmp_path / "report.xml"
    asked = [each for clause in ("L3", "R2", "X3") for each in ("--clause", clause)]
    options = ("--junit", report, "--storage-option", "secret=hunter2")
    done = run("conformance", "memory://user:password@x", *asked, *options)
    assert done.code == 3
    [suite] = ET.parse(report).getroot()  # noqa: S314 - our own
    counts = [suite.get(name) for name in ("tests", "failures", "errors", "skipped")]
    assert counts == ["3", "1", "0", "1"]
    outcomes = {}
    for case in suite:
        [name] = [str(case.get("name")).split()[0]]
        outcomes[name] = [each.tag for each in case]
        assert float(str(case.get("time"))) >= 0
    assert outcomes == {"R2": [], "L3": ["failure"], "X3": ["skipped"]}
    text = report.read_text()
    assert "test_l3_" in text
    assert "hunter2" not in text
    assert "password" not in text


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--clause", "Z9"], "there is no clause Z9"),
        (["--junit", "no/such/directory/x.xml"], "there is no directory"),
        (["--junit", "."], "cannot be written"),
    ],
)
def test_what_makes_no_sense_is_refused(
    run: Regstore, tmp_path: Path, args: list[str], words: str
) -> None:
    done = run("conformance", tmp_path, "--clause", "X3", *args)
    assert done.code == 2
    assert words in done.err


def test_an_interrupted_run_leaves_nothing(tmp_path: Path) -> None:
    done = interrupted(tmp_path, "conformance", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "regstore: interrupted\n")
    assert files(tmp_path) == []
