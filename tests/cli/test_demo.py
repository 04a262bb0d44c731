from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

import regstore
from regstore.cli.demo.story import DemoError
from tests.cli.conftest import Regstore
from tests.places import files_below


def regstore_command(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
    argv = [str(Path(sys.executable).with_name("regstore")), *args]
    return subprocess.run(argv, env=os.environ | env, capture_output=True, text=True, check=False)


def test_it_tells_its_story_in_seconds_and_leaves_nothing(tmp_path: Path) -> None:
    begun = time.monotonic()
    done = regstore_command("demo", TMPDIR=str(tmp_path))
    assert time.monotonic() - begun < 10
    assert (done.returncode, done.stderr) == (0, "")
    for word in ("parked", "saved hash", "compare-and-swap", "lost", "referrers", "_manifests"):
        assert word in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_what_it_keeps_is_what_it_says(run: Regstore, tmp_path: Path) -> None:
    root = tmp_path / "kept"
    done = run("demo", "--root", root, "--json")
    assert (done.code, done.err) == (0, "")
    document = done.document
    assert document["root"] == str(root)
    assert document["tree"] == sorted(path for path in files_below(root) if path[-1] != "/")
    repo = regstore.open(str(root)).repository(str(document["repository"]))
    assert list(repo.tags.all()) == ["1", "2", "3", "latest"]
    assert repo.tags.get("latest") == repo.tags.get("2")
    assert [each.artifact_type for each in repo.referrers.all(repo.tags.get("latest"))] == [
        "application/spdx+json"
    ]
    assert list(repo.uploads.all()) == []


def test_two_processes_take_part(run: Regstore) -> None:
    steps = run("demo", "--json").document["steps"]
    assert isinstance(steps, list)
    (line,) = [step for step in steps if "process" in step]
    assert f"(this is {os.getpid()})" in line
    assert f"process {os.getpid()} " not in line


def test_a_directory_with_other_things_is_refused(run: Regstore, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("data")
    failed = run("demo", "--root", tmp_path)
    assert failed.code == 2
    assert "not an empty directory" in failed.err
    assert files_below(tmp_path) == {"precious": b"data"}


def test_the_installed_command_speaks_json(tmp_path: Path) -> None:
    root = str(tmp_path / "kept")
    assert json.loads(regstore_command("demo", "--root", root, "--json").stdout)["seconds"] < 10
    listed = regstore_command("ls", root, "--json")
    assert json.loads(listed.stdout) == {"repositories": ["demo/python"]}


def test_a_second_process_that_fails_is_no_success_and_leaves_nothing(
    run: Regstore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(DemoError, match="the second process ended with 1"):
        run("demo")
    assert list(tmp_path.iterdir()) == []
