from __future__ import annotations

import sys
from pathlib import Path

import pytest

from regstore import layout
from regstore._protections import without
from regstore.digest import Digest
from regstore.links import write_link
from regstore.tags import ANY, AsyncTags, Expect
from regstore.testing.simulation import Knobs
from regstore.testing.simulation.crashing import CASES, RESCUES, Case, enumerate_crashes
from regstore.testing.simulation.crashing.__main__ import main, report
from regstore.testing.simulation.crashing.trial import NEVER, Point, Trial
from regstore.testing.simulation.exploring import STORES
from regstore.testing.simulation.exploring.contest import Stage


def named(name: str) -> Case:
    (found,) = (case for case in (*CASES, *RESCUES) if case.name == name)
    return found


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("case", [*CASES, *RESCUES], ids=lambda case: case.name)
def test_after_any_crash_all_is_there_and_can_be_done_again(case: Case, store: str) -> None:
    knobs = STORES[store]
    if not case.runs_on(knobs):
        pytest.skip("refused by stores without conditions")
    seen = enumerate_crashes(case, knobs, thoroughly=False)
    assert seen.failures == []
    assert seen.crashes >= 4 * seen.calls


@pytest.mark.parametrize(
    ("protection", "store", "name"),
    [
        *(("tombstone_check", "conditional", case.name) for case in RESCUES),
        *(("saved_claim", "unconditional", case.name) for case in RESCUES),
        ("child_check", "conditional", "push (blob condemned)"),
        ("quarantine_read", "conditional", "mount (blob quarantined)"),
    ],
)
def test_what_is_not_rescued_from_a_collector_is_found_out(
    protection: str, store: str, name: str
) -> None:
    case, knobs = named(name), STORES[store]
    with without(protection):
        whole = Trial(case, Stage(case.prepare, knobs), knobs, Point(NEVER))
    assert {violation.invariant for violation in whole.violations} >= {"I1"}


async def point_first(tags: AsyncTags, tag: str, digest: Digest, expect: Expect = ANY) -> None:
    """Set a tag, and write its history afterwards."""
    del expect
    scope = tags._scope  # noqa: SLF001
    await write_link(scope.driver, layout.TagCurrentLink(scope.name, tag).path, digest)
    await write_link(scope.driver, layout.TagIndexLink(scope.name, tag, digest).path, digest)


def test_a_tag_that_is_set_before_its_history_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AsyncTags, "point", point_first)
    lines: list[str] = []
    assert not report([named("tag")], {"conditional": Knobs()}, lines.append)
    assert "before its history did" in "".join(lines)


def test_the_page_tells_how_many_operations_there_are() -> None:
    page = (Path(__file__).parents[2] / "docs" / "exploring.md").read_text("utf-8")
    told = f" crashes of {len(CASES)} operations and of {len(RESCUES)} rescues"
    assert told in " ".join(page.split())


def test_the_report_has_a_line_for_each() -> None:
    lines: list[str] = []
    assert report([named("put"), named("swap")], STORES, lines.append)
    written = "".join(lines)
    assert written.count("put ") == 2
    assert written.count("swap ") == 1


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (["--operation=swap"], 0, "\nswap "),
        (["--operation=swapp"], 2, "no name has 'swapp' in it; there are: put; create; "),
        (["--operation=swap", "--store=unconditional"], 2, "no name has 'swap' in it"),
    ],
)
def test_the_command_crashes_what_it_is_asked_for(
    options: list[str],
    code: int,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["crashing", *options])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == code
    written = capsys.readouterr()
    assert told in written.out + written.err
    assert "commit" not in written.out
