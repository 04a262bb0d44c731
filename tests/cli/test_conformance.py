from __future__ import annotations

import json
import subprocess
import sys

import pytest

import regstore.testing
from regstore.testing import ClauseResult
from tests.cli.conftest import Regstore


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
