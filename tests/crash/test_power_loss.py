"""Power loss: every disk that POSIX allows, at every moment of what the driver does (W1)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from regstore.driver import IF_ABSENT
from tests.crash.inspection import Inspector
from tests.crash.recording import KilledError, RecordingOS
from tests.crash.scenarios import SCENARIOS, create, put_new, upload_beside, upload_in_place
from tests.crash.session import Session, recorded


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.__name__)
def test_nothing_acknowledged_is_lost_and_nothing_is_torn(
    scenario: Callable[[Session], None], room: Path, record_property: Callable[[str, object], None]
) -> None:
    with recorded(room / "live") as session:
        scenario(session)
    inspector = Inspector(room, session.recorder.events, session.steps)
    assert list(inspector.violations()) == []
    assert inspector.distinct > len(session.recorder.events)
    record_property("disks", inspector.disks)
    record_property("distinct disks", inspector.distinct)


def without_file_sync(recorder: RecordingOS, inode: int) -> bool:
    return not recorder.is_directory(inode)


def without_directory_sync(recorder: RecordingOS, inode: int) -> bool:
    return recorder.is_directory(inode) and not recorder.has_new_directory(inode)


def without_parent_sync(recorder: RecordingOS, inode: int) -> bool:
    return recorder.is_directory(inode) and recorder.has_new_directory(inode)


@pytest.mark.parametrize("deaf", [without_file_sync, without_directory_sync, without_parent_sync])
@pytest.mark.parametrize(
    "scenario", [put_new, create, upload_in_place, upload_beside], ids=lambda each: each.__name__
)
def test_a_sync_left_out_is_found(
    scenario: Callable[[Session], None], deaf: Callable[[RecordingOS, int], bool], room: Path
) -> None:
    with recorded(room / "live") as session:
        session.recorder.deaf = deaf
        scenario(session)
    assert any(Inspector(room, session.recorder.events, session.steps).violations())


def beside_a_killed_writer(room: Path, *, marked: bool) -> Iterator[str]:
    """Yield what is wrong if the first of two writers dies after any event, and then the power."""
    with recorded(room / "whole") as session:
        session.do(session.driver.put_content("a/b/one", b"first"))
    for moment in range(len(session.recorder.events)):
        with recorded(room / f"killed{moment}") as session:
            session.recorder.sticky = marked
            session.recorder.stop_after = moment
            with pytest.raises(KilledError):
                session.do(session.driver.put_content("a/b/one", b"first"))
            session.recorder.revive()
            session.driver = session.another()
            session.do(session.driver.put_content("a/b/two", b"second"), {"a/b/two": b"second"})
        inspector = Inspector(room, session.recorder.events, session.steps)
        yield from inspector.violations({"a/b/one": b"first"})


def test_a_writer_never_rests_on_what_a_killed_one_has_made(room: Path) -> None:
    assert not any(beside_a_killed_writer(room, marked=True))


def test_who_is_told_that_it_exists_may_rest_on_it(room: Path) -> None:
    files = {"a/one": b"first"}
    with recorded(room / "whole") as session:
        session.do(session.driver.put_content("a/one", b"first", IF_ABSENT))
    told = 0
    for moment in range(len(session.recorder.events)):
        with recorded(room / f"killed{moment}") as session:
            session.recorder.stop_after = moment
            with pytest.raises(KilledError):
                session.do(session.driver.put_content("a/one", b"first", IF_ABSENT))
            session.recorder.revive()
            session.driver = session.another()
            told += session.create(session.driver.put_content("a/one", b"first", IF_ABSENT), files)
        inspector = Inspector(room, session.recorder.events, session.steps)
        assert list(inspector.violations(files)) == []
    assert told, "no second writer came late"


def test_what_other_software_has_not_synced_is_synced_before_it_is_moved(room: Path) -> None:
    with recorded(room / "live") as session:
        session.do(session.driver.put_content("a/b", b"synced"), {"a/b": b"synced"})
        fd = session.recorder.open(str(session.root / "a" / "c"), os.O_CREAT | os.O_WRONLY)
        session.recorder.write(fd, memoryview(b"foreign"))
        session.recorder.close(fd)
        session.do(session.driver.move("a/c", "c/d"), {"c/d": b"foreign"})
    inspector = Inspector(room, session.recorder.events, session.steps)
    assert list(inspector.violations(since=len(session.recorder.events))) == []


def test_directories_that_bear_no_mark_are_found(room: Path) -> None:
    assert any(beside_a_killed_writer(room, marked=False))
