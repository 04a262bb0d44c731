"""The smallest run that still shows what a larger one has shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any, Final, TypeVar

from regstore.testing.simulation.knobs import Knobs
from regstore.testing.simulation.running import Result, Run
from regstore.testing.simulation.scenario import Plan, Scenario

T = TypeVar("T")

_MOST_RUNS: Final = 1000


def shrink(
    result: Result, simulate: Callable[[Run], Result], is_over: Callable[[], bool] = lambda: False
) -> Result:
    """Return the result of a run with fewer actors, steps, crashes and faults than *result* had.

    It breaks one of the same invariants, which need not be for the same reason. One thing after the
    other is left out, as long as that is so, until nothing can be left out.

    :param is_over: is asked before each run whether what was found until then will do.
    """
    wanted = {violation.invariant for violation in result.violations}
    runs = 0
    candidates = _smaller(result.run)
    while runs < _MOST_RUNS and not is_over() and (candidate := next(candidates, None)) is not None:
        runs += 1
        found = simulate(candidate)
        if wanted & {violation.invariant for violation in found.violations}:
            result, candidates = found, _smaller(candidate)
    return result


def _smaller(run: Run) -> Iterator[Run]:
    """Yield what *run* is without one thing, the largest things first."""
    scenario = run.scenario
    for index in range(len(scenario.actors)):
        yield _with(run, replace(scenario, actors=_without(scenario.actors, index)))
    if scenario.is_founded:
        yield _with(run, replace(scenario, is_founded=False))
    for index in range(len(scenario.crashes)):
        yield _with(run, replace(scenario, crashes=_without(scenario.crashes, index)))
    for plan in scenario.actors:
        for index in range(len(plan.steps)):
            yield _with(run, _replaced(scenario, plan, index))
    for field in fields(Knobs):
        if getattr(run.knobs, field.name) != field.default:
            changes: dict[str, Any] = {field.name: field.default}
            yield replace(run, knobs=replace(run.knobs, **changes))


def _replaced(scenario: Scenario, plan: Plan, index: int) -> Scenario:
    """Return *scenario* without one step of *plan*, and without *plan* where that was all of it."""
    less = replace(plan, steps=_without(plan.steps, index))
    actors = tuple(less if actor is plan else actor for actor in scenario.actors)
    return replace(scenario, actors=tuple(actor for actor in actors if actor.steps))


def _with(run: Run, scenario: Scenario) -> Run:
    return replace(run, scenario=scenario)


def _without(items: tuple[T, ...], index: int) -> tuple[T, ...]:
    return items[:index] + items[index + 1 :]
