"""Errors say what to do, and the exit code says of what kind they are."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

import regstore
from regstore import Repository
from tests.cli.conftest import Regstore
from tests.images import make_image

COMMAND = str(Path(sys.executable).with_name("regstore"))


@pytest.mark.parametrize(
    ("args", "code", "advice"),
    [
        (["ls", "{root}", "nothing/here"], 1, "there is no repository"),
        (["ls", "{root}", "a:1"], 1, "no tag '1'"),
        (["ls", "{root}", "UPPER"], 2, "lower-case"),
        (["ls", "nosuch://x"], 2, "nosuch"),
        (["import", "{root}", "a", "{root}/nothing"], 1, "not found"),
        (["export", "{root}", "a:1", "{root}/x.tar.gz"], 1, "no tag '1'"),
        (["export", "{root}", "a@sha256:12", "{root}/x"], 1, "sha256"),
        (["conformance", "memory://"], 2, "memory://name"),
    ],
)
def test_an_error_is_one_line_without_traceback(
    args: list[str], code: int, advice: str, run: Regstore, root: Path
) -> None:
    root.mkdir()
    failed = run(*(arg.format(root=root) for arg in args))
    assert failed.code == code
    assert failed.out == ""
    assert failed.err.startswith("regstore: ")
    assert failed.err.count("\n") == 1
    assert advice in failed.err


@pytest.mark.parametrize("args", [["ls"], ["ls", "x", "--only", "nothing"], ["import", "x"], ["?"]])
def test_a_command_that_makes_no_sense_ends_with_2(args: list[str], run: Regstore) -> None:
    failed = run(*args)
    assert failed.code == 2
    assert failed.err != ""
    assert failed.out == ""
    as_json = run(*args, "--json")
    assert (as_json.code, as_json.err) == (2, failed.err)
    error = as_json.document["error"]
    assert isinstance(error, dict)
    assert error["type"] == "UsageError"
    assert error["message"] in as_json.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="nothing here is always full")
@pytest.mark.parametrize("args", [["--help"], ["--version"], ["ls", "{}"], ["ls", "{}", "--json"]])
def test_an_answer_that_cannot_be_written_is_one_line(
    args: list[str], repo: Repository, root: Path
) -> None:
    make_image("one").push(repo, "1")
    argv = [COMMAND, *(arg.format(root) for arg in args)]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(argv, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "standard output: No space left on device" in done.stderr


@pytest.mark.parametrize("args", [["--help"], ["ls", "{}"], ["ls", "{}", "--json"]])
def test_a_reader_that_goes_away_hears_nothing(
    args: list[str], repo: Repository, root: Path
) -> None:
    make_image("one").push(repo, "1")
    argv = [COMMAND, *(arg.format(root) for arg in args)]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(argv, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def test_the_version_is_told(run: Regstore) -> None:
    assert run("--version").out == f"regstore {importlib.metadata.version('regstore')}\n"


def test_storage_options_reach_the_store(run: Regstore, root: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    image = make_image("one")
    image.push(regstore.open(str(elsewhere)).repository("library/app"), "1")
    root.mkdir()
    (root / "docker").symlink_to(elsewhere / "docker")
    assert run("ls", root).code == 1
    allowed = run("ls", root, "--storage-option", f'allowed_roots:=["{elsewhere}"]')
    assert (allowed.code, allowed.out) == (0, "library/app\n")


@pytest.mark.parametrize("option", ["hunter2", "=hunter2", ":=hunter2", "key:=hunter2{"])
def test_credentials_are_never_shown(option: str, run: Regstore, root: Path) -> None:
    failed = run("ls", root, "--storage-option", "secret=fine", "--storage-option", option)
    assert failed.code == 2
    assert "--storage-option" in failed.err
    assert "hunter2" not in failed.err + failed.out


def test_a_password_in_the_url_is_never_shown(run: Regstore) -> None:
    failed = run("ls", "nosuch://user:hunter2@host/path", "--json")
    assert failed.code == 2
    assert "hunter2" not in failed.err + failed.out


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_the_extra_one_line_names_it(missing: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; from regstore.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert "pip install 'regstore[cli]'" in done.stderr
    assert "pip install -e '.[cli]'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_package_runs_the_command_line() -> None:
    script = str(Path(sys.executable).with_name("regstore"))
    told = [
        subprocess.run([*begin, "--help"], capture_output=True, text=True, check=True).stdout
        for begin in ([sys.executable, "-m", "regstore"], [script])
    ]
    assert told[0] == told[1]
    assert "conformance" in told[0]


def test_without_pytest_conformance_names_its_extra(
    run: Regstore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "regstore.testing", None)
    failed = run("conformance", "memory://x")
    assert failed.code == 2
    assert "regstore[testing]" in failed.err


def test_help_tells_every_command_and_exit_code(run: Regstore) -> None:
    text = " ".join(run("--help").out.split())
    for word in ("demo", "import", "export", "ls", "conformance", "3 a clause"):
        assert word in text
