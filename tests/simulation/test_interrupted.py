"""Ctrl-C ends the commands between two runs, with what was found until then."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import count

import pytest

from regstore.testing.simulation import Knobs
from regstore.testing.simulation.crashing import CASES, enumerate_crashes
from regstore.testing.simulation.exploring import PAIRS, explore
from regstore.testing.simulation.running import simulate
from regstore.testing.simulation.shrinking import shrink
from tests.simulation.protections import PROTECTIONS
from tests.simulation.test_protections import run_of

PATIENCE = 60.0
PRESSED = """
import signal, sys
from regstore.testing.simulation import __main__ as command

simulated, simulate = 0, command.simulate

def pressed(run):
    global simulated
    simulated += 1
    if simulated == 3:
        for _ in range({times}):
            signal.raise_signal(signal.SIGINT)
    return simulate(run)

command.simulate = pressed
sys.argv[1:] = ["--runs", "300"]
command.main()
"""


@pytest.mark.parametrize(("times", "runs"), [(1, 3), (2, 2)])
def test_an_interrupted_swarm_tells_what_it_has_run(times: int, runs: int) -> None:
    """Once lets the run come to its end, twice does not."""
    script = PRESSED.format(times=times)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 130, done.stderr
    assert done.stdout.splitlines()[-1].startswith(f"{runs} runs, 0 violations, ")
    assert done.stderr == ""


@pytest.mark.parametrize("command", ["exploring", "crashing"])
def test_an_interrupted_search_tells_what_it_has_seen(command: str) -> None:
    argv = [sys.executable, "-m", f"regstore.testing.simulation.{command}"]
    running = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert running.stdout is not None
    heading = running.stdout.readline()
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=PATIENCE)
    assert running.returncode == 130, err
    assert "seconds" in heading
    assert out.splitlines()[-1] == "interrupted: that is what was done until now"
    assert err == ""


def after(calls: int) -> Callable[[], bool]:
    """Return what is asked whether to end, and says yes after so many *calls*."""
    asked = count(1)
    return lambda: next(asked) > calls


def test_a_search_ends_between_two_of_many() -> None:
    (swaps,) = (contest for contest in PAIRS if contest.name == "swap, swap")
    asked = count()
    whole = explore(swaps, is_over=lambda: next(asked) < 0)
    part = explore(swaps, is_over=after(next(asked) - 1))
    assert part.schedules + part.cut == whole.schedules + whole.cut - 1
    assert enumerate_crashes(CASES[0], Knobs(), is_over=after(2)).crashes == 1


def test_shrinking_ends_between_two_runs() -> None:
    protection = PROTECTIONS["history before the tag"]
    with protection.leave_out():
        found = simulate(run_of(protection, 1))
        assert shrink(found, simulate, after(0)) is found
