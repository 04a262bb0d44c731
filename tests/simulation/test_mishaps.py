"""What nobody is prepared for is found as any violation is, and says how to repeat it."""

from __future__ import annotations

import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from regstore.manifests import AsyncManifests, Manifest
from regstore.tags import AsyncTags
from regstore.testing.simulation import Knobs
from regstore.testing.simulation.crashing import CASES
from regstore.testing.simulation.crashing.__main__ import report as crashed
from regstore.testing.simulation.exploring import PAIRS
from regstore.testing.simulation.exploring.__main__ import report as explored
from regstore.testing.simulation.loop import Promise
from regstore.testing.simulation.running import Result, Run, simulate
from regstore.testing.simulation.runtime import SimulatedRuntime
from regstore.testing.simulation.scenario import Plan, Scenario, Step
from regstore.testing.simulation.shrinking import shrink
from tests.simulation.protections import replaced
from tests.simulation.scripts import ran

PULLS = Run(1, Knobs(), Scenario((Plan("puller-1", (Step("pull"), Step("pull", 1.0))),)))

Untag = Callable[..., Awaitable[None]]
Get = Callable[[AsyncManifests, str], Awaitable[Manifest]]


async def careless(self: AsyncManifests, reference: str) -> Manifest:
    del self
    raise KeyError(reference[:6])


async def restless(self: AsyncManifests, reference: str) -> Manifest:
    while reference:
        await self._driver.runtime.sleep(0.05)
    raise AssertionError


async def forgotten(self: AsyncManifests, reference: str) -> Manifest:
    del reference
    runtime = self._driver.runtime
    assert isinstance(runtime, SimulatedRuntime)
    nobody_settles: Promise[Manifest] = Promise(runtime.loop)
    return await nobody_settles


def pulled(get: Get, run: Run = PULLS) -> Result:
    with replaced(AsyncManifests, get=get):
        return shrink(simulate(run), simulate)


def test_an_error_of_no_kind_that_callers_know_is_told_with_its_place() -> None:
    result = pulled(careless)
    (violation,) = result.violations
    assert violation.invariant == "error"
    assert "puller-1 met KeyError: 'sha256'" in violation.text
    assert "raised in careless (simulation/test_mishaps.py:" in violation.text
    (error,) = result.errors
    assert isinstance(error, KeyError)
    assert error.__traceback__ is not None


def test_whoever_meets_it_goes_on() -> None:
    with replaced(AsyncManifests, get=careless):
        assert len(simulate(PULLS).violations) == 2


@pytest.mark.parametrize("get", [restless, forgotten])
def test_what_never_ends_is_ended_and_told(get: Get) -> None:
    result = pulled(get)
    (violation,) = result.violations
    assert violation.invariant == "endless"
    assert f"puller-1 in {get.__name__} (simulation/test_mishaps.py:" in violation.text
    assert sum(len(plan.steps) for plan in result.run.scenario.actors) == 1


def command(tmp_path: Path, planted: str) -> subprocess.CompletedProcess[str]:
    script = (
        "import sys\n"
        "from regstore.manifests import AsyncManifests\n"
        "from regstore.testing.simulation import running\n"
        "from regstore.testing.simulation.__main__ import main\n"
        "from tests.simulation import test_mishaps\n"
        "from tests.simulation.protections import replaced\n"
        f"sys.argv[1:] = ['--store', 'strong', '--seed', '22', '--steps', '4']\n"
        f"with {planted}:\n"
        "    main()\n"
    )
    return ran(script, tmp_path)


AGAIN = "repeat with: python -m regstore.testing.simulation --store strong --seed 22 --actors 4"


@pytest.mark.parametrize(("name", "invariant"), [("careless", "error"), ("restless", "endless")])
def test_the_command_says_how_to_repeat_it(name: str, invariant: str, tmp_path: Path) -> None:
    done = command(tmp_path, f"replaced(AsyncManifests, get=test_mishaps.{name})")
    assert done.returncode == 1, done.stderr
    assert AGAIN in done.stdout
    assert f"  {invariant}: " in done.stdout
    assert f"in {name}" in done.stdout
    assert "Traceback" in done.stdout
    assert list(tmp_path.glob("simulation-strong-*.svg"))


def test_the_command_says_what_a_checker_has_failed_at(tmp_path: Path) -> None:
    done = command(tmp_path, "replaced(running, check=None)")
    assert done.stdout.startswith(AGAIN)
    assert "TypeError" in done.stderr


async def careless_untag(self: AsyncTags, tag: str, expect: object = None) -> None:
    del self, expect
    raise KeyError(tag)


async def restless_untag(self: AsyncTags, tag: str, expect: object = None) -> None:
    del expect
    while tag:
        await self._scope.runtime.sleep(0.05)


TOLD = pytest.mark.parametrize(
    ("untag", "told"),
    [
        (careless_untag, "has raised KeyError: 'v1', in careless_untag (simulation/test_mishaps"),
        (restless_untag, " in restless_untag (simulation/test_mishaps.py:"),
    ],
)


@TOLD
def test_explorers_say_in_which_schedule_it_happens(untag: Untag, told: str) -> None:
    contest = next(each for each in PAIRS if each.name.startswith("untag,"))
    lines: list[str] = []
    with replaced(AsyncTags, delete=untag):
        assert not explored([contest], {"conditional": Knobs()}, lines.append)
    written = "".join(lines)
    assert told in written
    assert "replay(contest, " in written


@TOLD
def test_a_crash_with_such_a_recovery_is_told(untag: Untag, told: str) -> None:
    case = next(each for each in CASES if each.name == "untag")
    lines: list[str] = []
    with replaced(AsyncTags, delete=untag):
        assert not crashed([case], {"conditional": Knobs()}, lines.append)
    written = "".join(lines)
    assert told in written
    assert "Point(call=" in written
