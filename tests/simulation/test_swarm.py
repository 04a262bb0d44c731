"""The swarm finds nothing, is the same each time, and says how to repeat what it finds."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import fields
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest

from regstore.testing.simulation import Knobs
from regstore.testing.simulation.__main__ import main, program
from regstore.testing.simulation.literal import imports, literal
from regstore.testing.simulation.running import draw, draw_with_collectors, simulate
from regstore.testing.simulation.shrinking import shrink
from regstore.testing.simulation.stores import CLASSES
from tests.simulation.protections import PROTECTIONS
from tests.simulation.scripts import ran
from tests.simulation.test_protections import run_of

FRESH_RUNS = 500
REQUESTS = 150


def look(seed: int, runs: int) -> None:
    for each, store in enumerate(islice(cycle(CLASSES), runs), seed):
        result = simulate(draw(each, store, steps=4))
        assert not result.violations, (
            f"python -m regstore.testing.simulation --store {store} --seed {each} --steps 4"
        )


def test_no_run_breaks_a_promise() -> None:
    look(seed=1, runs=200)


@pytest.mark.parametrize("part", range(4))
def test_no_fresh_run_breaks_a_promise(part: int) -> None:
    """Other runs each time, in parts for several cores; the failure says how to repeat one."""
    seed = int.from_bytes(os.urandom(6))
    sys.stdout.write(f"part {part}: the first of {FRESH_RUNS} seeds is {seed}\n")
    look(seed, FRESH_RUNS)


def test_a_run_is_worth_it() -> None:
    sizes = [len(simulate(draw(seed, "conditional")).trace.requests) for seed in range(1, 21)]
    assert sum(sizes) / len(sizes) >= REQUESTS


TRACE = """
from regstore.testing.simulation.running import draw, simulate
from regstore.testing.simulation.stores import CLASSES
for seed, store in enumerate(CLASSES):
    print(simulate(draw(seed, store)).trace.digest())
"""


def test_the_same_seed_is_the_same_run_in_every_process() -> None:
    traces = {
        subprocess.run(
            [sys.executable, "-c", TRACE],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            check=True,
            capture_output=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(traces) == 1
    assert len(set(traces.pop().split())) == len(CLASSES)


def test_what_there_is_not_cannot_be_drawn() -> None:
    for begin in (draw, draw_with_collectors):
        with pytest.raises(ValueError, match=r"'eventually'.*'conditional', .*'eventual'"):
            begin(7, "eventually")
    with pytest.raises(ValueError, match=r"'pushers'.*'pusher'"):
        draw(7, "eventual", kinds=["pushers"])


def test_what_is_found_is_shrunk() -> None:
    protection = PROTECTIONS["history before the tag"]
    with protection.leave_out():
        found = simulate(run_of(protection, 1))
        least = shrink(found, simulate)
    assert {violation.invariant for violation in least.violations} == {"I8"}
    assert sum(len(plan.steps) for plan in least.run.scenario.actors) == 1
    assert not least.run.scenario.crashes


def test_what_was_shrunk_can_be_replayed(capsys: pytest.CaptureFixture[str]) -> None:
    protection = PROTECTIONS["history before the tag"]
    with protection.leave_out():
        least = shrink(simulate(run_of(protection, 1)), simulate)
        exec(program(least.run), {})  # noqa: S102 - it is ours
    assert capsys.readouterr().out == f"{least.violations}\n"
    assert literal(least.run.knobs).count("=") == len(changed(least.run.knobs))


def changed(knobs: Knobs) -> list[str]:
    return [field.name for field in fields(Knobs) if getattr(knobs, field.name) != field.default]


@pytest.mark.parametrize("store", CLASSES)
def test_any_run_can_be_written_down(store: str) -> None:
    for run in (draw(1, store), draw_with_collectors(1, store)):
        names: dict[str, Any] = {}
        exec("\n".join(imports(run)), names)  # noqa: S102 - it is ours
        assert eval(literal(run), names) == run  # noqa: S307 - it is ours


def broken(directory: Path, prepare: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command without a protection that it misses."""
    script = (
        "import sys\n"
        "from tests.simulation.protections import PROTECTIONS\n"
        "from regstore.testing.simulation.__main__ import main\n"
        "sys.argv[1:] = ['--store', 'conditional', '--seed', '1', '--runs', '6']\n"
        f"{prepare}\n"
        "with PROTECTIONS['revision before the tag'].leave_out():\n"
        "    main()\n"
    )
    return ran(script, directory)


def test_a_found_violation_is_printed_and_drawn(tmp_path: Path) -> None:
    """The command fails, and its output has the line that repeats the run."""
    done = broken(tmp_path)
    assert done.returncode == 1, done.stderr
    assert "repeat with: python -m regstore.testing.simulation --store conditional" in done.stdout
    assert list(tmp_path.glob("simulation-conditional-*.svg"))
    assert "6 runs" in done.stdout.splitlines()[-1]


def test_what_cannot_be_drawn_is_printed_all_the_same(tmp_path: Path) -> None:
    """Nobody writes into a directory that is gone, root neither."""
    gone = tmp_path / "gone"
    gone.mkdir()
    done = broken(gone, f"import os; os.rmdir({str(gone)!r})")
    assert done.returncode == 1, done.stderr
    assert done.stderr == ""
    told = done.stdout
    assert told.index("print(simulate(Run(") < told.index("could not be drawn in simulation-")
    assert "No such file or directory" in told
    assert "6 runs" in told.splitlines()[-1]


@pytest.mark.parametrize("option", ["runs", "actors", "steps"])
@pytest.mark.parametrize("value", ["0", "-1", "many"])
def test_a_swarm_of_nothing_is_refused(
    option: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["simulation", f"--{option}={value}"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert f"argument --{option}: '{value}' is no integer above 0" in capsys.readouterr().err


def test_a_clean_swarm_says_so() -> None:
    command = [sys.executable, "-m", "regstore.testing.simulation", "--runs", "5"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("5 runs, 0 violations, ")
