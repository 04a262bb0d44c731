from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from regstore._protections import without
from regstore.testing.simulation import Knobs, Request, Task
from regstore.testing.simulation.exploring import (
    PAIRS,
    STORES,
    TRIOS,
    Contest,
    Ending,
    explore,
    replay,
)
from regstore.testing.simulation.exploring.__main__ import main, report
from regstore.testing.simulation.exploring.contest import Stage
from regstore.testing.simulation.exploring.footprints import footprint
from regstore.testing.simulation.exploring.schedule import (
    Director,
    Execution,
    Lineage,
    Step,
)
from regstore.testing.simulation.violations import Violation

QUICK = [contest for contest in TRIOS if "patch" not in contest.name]
"""The others take ``make explore`` half a minute."""
PAGE = Path(__file__).parents[2] / "docs" / "exploring.md"
ROWS: list[tuple[str, str, str, str]] = re.findall(
    r"^(\S.*?) {2,}(\w+) +(\d) ((?: +\d+){4}) +[\d.]+$", PAGE.read_text("utf-8"), re.MULTILINE
)
"""Of the table: contest, store, lost answers; calls, schedules, cut and wrong."""
IGNORED = Knobs(conditions="ignored")

End = tuple[object, ...]


@dataclass
class Everything(Director):
    """Every schedule, none left out."""

    begin: tuple[Step, ...] = ()
    todo: list[tuple[Step, ...]] = field(default_factory=lambda: [()])

    @override
    def loses(self, execution: Execution, lineage: Lineage, request: Request) -> bool:
        return False

    @override
    def choose(self, execution: Execution, waiting: Sequence[Task[Any]]) -> Task[Any]:
        step = len(execution.done)
        if step < len(self.begin):
            return next(task for task in waiting if task.lineage == self.begin[step].lineage)
        self.todo += [(*execution.done, Step(task.lineage)) for task in waiting[1:]]
        return waiting[0]


def named(name: str) -> Contest:
    (found,) = (contest for contest in (*PAIRS, *TRIOS) if contest.name == name)
    return found


def small(contest: Contest) -> bool:
    """Return whether ``pytest`` has the time to lose answers, too; ``make explore`` has it."""
    names = {operation.name for operation in contest.operations}
    is_large = len(contest.operations) == 3 and "commit" in names
    return not (contest.about or is_large) and names.isdisjoint({"purge", "finish"})


def end(ending: Ending) -> End:
    """Return what distinguishes endings; which names were drawn does not."""
    contents = {key: content.data for key, content in ending.bucket.contents.items()}
    seen = frozenset(item for item in contents.items() if "/.regstore-" not in item[0])
    return len(contents), seen, tuple(map(repr, ending.results))


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("contest", PAIRS, ids=lambda contest: contest.name)
def test_two_at_a_time_do_no_harm_in_any_order(contest: Contest, store: str) -> None:
    seen = explore(contest, STORES[store])
    assert seen.schedules
    assert seen.simplest is None


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("contest", QUICK, ids=lambda contest: contest.name)
def test_three_at_a_time_do_no_harm_in_any_order(contest: Contest, store: str) -> None:
    seen = explore(contest, STORES[store])
    assert seen.schedules
    assert seen.simplest is None


@pytest.mark.parametrize(
    "name",
    ["patch, patch", "swap, swap", "tag, untag", "untag, untag", "push, push", "put, put"],
)
def test_what_is_left_out_ends_like_what_is_not(name: str) -> None:
    contest = named(name)
    stage, knobs, everything = Stage(contest.prepare, Knobs()), Knobs(), Everything()
    all_ends: set[End] = set()
    while everything.todo:
        everything.begin = everything.todo.pop()
        ending = Execution(contest, stage, knobs, everything).ending
        assert ending is not None
        all_ends.add(end(ending))
    ends: set[End] = set()

    def check(ending: Ending) -> Iterator[Violation]:
        ends.add(end(ending))
        yield from ()

    explore(replace(contest, check=check))
    assert ends == all_ends


@pytest.mark.parametrize(
    "contest",
    [each for each in (*PAIRS, *QUICK) if small(each)],
    ids=lambda contest: contest.name,
)
def test_an_answer_that_is_lost_at_any_moment_does_no_harm(contest: Contest) -> None:
    seen = explore(contest, lost=1)
    assert seen.schedules > explore(contest).schedules
    assert seen.simplest is None


def test_a_lost_answer_is_part_of_the_schedule() -> None:
    contest = named("tag, tag")
    schedule = ["a", "a!", "a", "a", "b", "b", "b"]
    again = replay(contest, schedule)
    assert list(map(str, again.done)) == schedule
    assert again.ending is not None
    assert again.ending.has_lost


@pytest.mark.parametrize(
    ("name", "invariant"),
    [
        ("patch, patch", "I17"),
        ("patch, patch (the first ones)", "I17"),
        ("swap, swap", "I9"),
        ("swap, tag", "I7"),
        ("swap, untag", "I9"),
    ],
)
def test_damage_by_a_store_that_ignores_conditions_is_found_and_can_be_replayed(
    name: str, invariant: str
) -> None:
    contest = named(name)
    failure = explore(contest, IGNORED).simplest
    assert failure is not None
    assert invariant in {violation.invariant for violation in failure.violations}
    again = replay(contest, failure.schedule, IGNORED)
    assert again.ending is not None
    assert tuple(contest.violations(again.ending, IGNORED)) == failure.violations


@pytest.mark.parametrize("protection", ["startedat_first", "start_recheck"])
def test_without_what_keeps_uploads_from_a_purge_acknowledged_bytes_are_lost(
    protection: str,
) -> None:
    with without(protection):
        failure = explore(named("patch, purge")).simplest
    assert failure is not None
    assert {violation.invariant for violation in failure.violations} == {"I19"}


def test_the_report_has_a_line_for_each_and_prints_what_went_wrong() -> None:
    lines: list[str] = []
    contests = [named("put, put"), named("swap, swap")]
    assert not report(contests, {"conditional": Knobs(), "ignored": IGNORED}, lines.append)
    written = "".join(lines)
    assert "put, put " in written
    assert "I9: 2 have changed it from the same value v1" in written
    assert "replay(contest, 'a b " in written
    assert (
        "b put docker/registry/v2/repositories/app/_manifests/tags/v1/current/link: ok" in written
    )
    assert report(contests, {"conditional": Knobs()}, lines.append)


@pytest.mark.parametrize("row", ROWS, ids=" ".join)
def test_the_page_tells_what_is_counted(row: tuple[str, str, str, str]) -> None:
    name, store, lost, counted = row
    seen = explore(named(name), STORES[store], lost=int(lost))
    counts = (seen.calls, seen.schedules, seen.cut, seen.failing)
    assert counted.split() == list(map(str, counts))


def test_the_page_has_rows() -> None:
    assert {lost for _, _, lost, _ in ROWS} == {"0", "1"}


def run(monkeypatch: pytest.MonkeyPatch, *options: str) -> object:
    """Return what the command ends with."""
    monkeypatch.setattr(sys, "argv", ["exploring", *options])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        ("--store=conditional", [("conditional", "0"), ("conditional", "1")]),
        ("--store=unconditional", [("unconditional", "0"), ("unconditional", "1")]),
        ("--lost=0", [("conditional", "0"), ("unconditional", "0")]),
        ("--lost=1", [("conditional", "1"), ("unconditional", "1")]),
    ],
)
def test_the_command_explores_what_it_is_asked_for(
    options: str,
    lines: list[tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(monkeypatch, options, "--contest=put, put") == 0
    told = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [(line[2], line[3]) for line in told if line[0] == "put,"] == lines


def test_the_command_refuses_what_would_explore_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--contest=putt") == 2
    assert "no name has 'putt' in it; there are: commit, commit; " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        (("get", "a/b"), ("head", "a/b"), False),
        (("get", "a/b"), ("put", "a/b"), True),
        (("delete", "a/b"), ("put", "a/b"), True),
        (("put", "a/c"), ("put", "a/b"), False),
        (("list", "a/"), ("put", "a/b"), True),
        (("list", "a/"), ("get", "a/b"), False),
        (("list", "b/"), ("put", "a/b"), False),
        (("delete_many", "a/b", "a/c"), ("get", "a/c"), True),
        (("delete_many", "a/b", "a/c"), ("list", "a/c"), True),
        (("copy", "a/b", "a/c"), ("put", "a/c"), True),
        (("copy", "a/b", "a/c"), ("get", "a/c"), False),
        (("copy", "a/b", "a/c"), ("get", "a/b"), True),
        (("begin", "a/b"), ("begin", "a/c"), True),
        (("begin", "a/b"), ("put", "a/b"), False),
        (("sessions", "a/"), ("begin", "a/b"), True),
        (("sessions", "a/"), ("put", "a/b"), False),
        (("complete", "a/b"), ("abort", "a/b"), True),
        (("complete", "a/b"), ("get", "a/b"), True),
        (("copy_part", "a/b", "a/c"), ("delete", "a/c"), True),
    ],
)
def test_requests_meet_where_their_order_may_matter(
    one: tuple[str, ...], other: tuple[str, ...], meet: bool
) -> None:
    first, second = (
        footprint(Request(0, "", name, key, 0.0, tuple(others)))
        for name, key, *others in (one, other)
    )
    assert first.meets(second) is meet
    assert second.meets(first) is meet
