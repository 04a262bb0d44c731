"""What crashes and other software leave behind does not stand in the local driver's way."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from regstore._run import BlockingRuntime
from regstore.driver import CHUNK_SIZE, IF_ABSENT
from regstore.drivers.local import LocalDriver, reader
from regstore.errors import (
    IncompleteReadError,
    PathExistsError,
    PathNotFoundError,
    PreconditionFailedError,
    TransientError,
)
from regstore.testing.material import content, park_object, write_object

UPLOAD = "docker/registry/v2/repositories/a/_uploads/1/data"

run = BlockingRuntime().run


@pytest.fixture
def driver(tmp_path: Path) -> LocalDriver:
    return LocalDriver(tmp_path / "root")


@pytest.fixture
def leftover(driver: LocalDriver) -> Path:
    """A temporary file whose process has died."""
    run(driver.put_content("first", b"x"))
    file = driver.root / ".regstore-tmp" / "0123456789abcdef"
    file.write_bytes(b"left")
    return file


def test_the_next_write_removes_what_a_dead_process_has_left(
    driver: LocalDriver, leftover: Path
) -> None:
    run(driver.put_content("anywhere", b"x"))
    assert not leftover.exists()


def test_no_write_removes_what_a_living_process_needs(driver: LocalDriver, leftover: Path) -> None:
    fd = os.open(leftover, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    run(driver.put_content("anywhere", b"x"))
    assert leftover.exists()
    os.close(fd)
    run(driver.put_content("anywhere", b"y"))
    assert not leftover.exists()


def test_what_cannot_be_tidied_up_holds_nobody_up(driver: LocalDriver, leftover: Path) -> None:
    (leftover.parent / "directory").mkdir()
    (leftover.parent / "link").symlink_to(driver.root / "first")
    run(driver.put_content("anywhere", b"x"))
    assert run(driver.get_content("first")).data == b"x"
    assert not leftover.exists()


@pytest.mark.parametrize("condition", ["any", "absent", "writer", "move", "copy"])
def test_empty_directories_give_way_to_objects(driver: LocalDriver, condition: str) -> None:
    run(driver.put_content("source", b"new"))
    (driver.root / "ghost").mkdir()
    if condition == "any":
        run(driver.put_content("ghost", b"new"))
    elif condition == "absent":
        run(driver.put_content("ghost", b"new", IF_ABSENT))
    elif condition == "writer":
        run(write_object(driver, "ghost", b"new"))
    elif condition == "move":
        run(driver.move("source", "ghost"))
    else:
        run(driver.copy("source", "ghost"))
    assert run(driver.get_content("ghost")).data == b"new"


def test_ghosts_are_not_there_however_deep(driver: LocalDriver) -> None:
    (driver.root / "ghost" / "of" / "ghosts").mkdir(parents=True)
    for call in (driver.stat, driver.delete):
        with pytest.raises(PathNotFoundError):
            run(call("ghost"))
    assert not (driver.root / "ghost").exists()


def test_a_commit_that_died_half_way_is_not_written_into(driver: LocalDriver) -> None:
    """It was linked to its blob and not yet unlinked: both names are of one file."""
    run(park_object(driver, UPLOAD, b"committed"))
    (driver.root / "blob").hardlink_to(driver.root / UPLOAD)
    writer = run(driver.writer(UPLOAD, append=True))
    assert writer.size == len(b"committed")
    run(writer.write(b", and more"))
    run(writer.commit("second"))
    assert run(driver.get_content("blob")).data == b"committed"
    assert run(driver.get_content("second")).data == b"committed, and more"


def test_a_writer_stops_when_its_file_gets_a_second_name(driver: LocalDriver) -> None:
    writer = run(driver.writer(UPLOAD))
    run(writer.write(b"one"))
    (driver.root / "blob").hardlink_to(driver.root / UPLOAD)
    with pytest.raises(PreconditionFailedError):
        run(writer.write(b"two"))
    assert run(driver.get_content("blob")).data == b"one"


def test_a_late_writer_never_writes_into_a_committed_blob(driver: LocalDriver) -> None:
    late = run(driver.writer(UPLOAD))
    run(late.write(b"all"))
    winner = run(driver.writer(UPLOAD, append=True))
    run(winner.commit("blob"))
    for step in (late.write(b"more"), late.park(), late.commit("other")):
        with pytest.raises(PreconditionFailedError):
            run(step)
    run(late.cancel())
    assert run(driver.get_content("blob")).data == b"all"


def test_who_only_looks_is_in_no_writers_way(driver: LocalDriver) -> None:
    run(park_object(driver, UPLOAD, b"one"))
    writer = run(driver.writer(UPLOAD, append=True))
    looking = run(driver.writer(UPLOAD, append=True))
    run(writer.write(b", two"))
    run(looking.park())
    assert looking.size == len(b"one")
    run(writer.write(b", three"))
    run(writer.park())
    run(run(driver.writer(UPLOAD, append=True)).commit("blob"))
    assert run(driver.get_content("blob")).data == b"one, two, three"


def test_who_only_looks_tells_of_no_bytes_that_are_gone(driver: LocalDriver) -> None:
    run(park_object(driver, UPLOAD, b"one"))
    looking = run(driver.writer(UPLOAD, append=True))
    os.truncate(driver.root / UPLOAD, 2)
    with pytest.raises(PreconditionFailedError):
        run(looking.park())


def test_moving_onto_another_name_of_the_same_file(driver: LocalDriver) -> None:
    run(driver.put_content("a", b"x"))
    (driver.root / "b").hardlink_to(driver.root / "a")
    run(driver.move("a", "b"))
    assert [info.path for info in driver.runtime.iterate(driver.walk(""))] == ["b"]


def test_uploads_are_gone_on_with_where_other_software_left_them(driver: LocalDriver) -> None:
    (driver.root / UPLOAD).parent.mkdir(parents=True)
    (driver.root / UPLOAD).write_bytes(b"theirs, ")
    writer = run(driver.writer(UPLOAD, append=True))
    run(writer.write(b"ours"))
    run(writer.park())
    assert (driver.root / UPLOAD).read_bytes() == b"theirs, ours"
    with (driver.root / UPLOAD).open("ab") as file:
        file.write(b", theirs")
    run(run(driver.writer(UPLOAD, append=True)).commit("blob"))
    assert run(driver.get_content("blob")).data == b"theirs, ours, theirs"


def test_a_driver_never_removes_its_root(driver: LocalDriver) -> None:
    run(driver.put_content("a/b", b"x"))
    run(driver.delete("a"))
    assert driver.root.is_dir()


def test_foreign_names_are_not_shown_and_go_with_their_directory(driver: LocalDriver) -> None:
    run(driver.put_content("d/f", b"x"))
    for name in ("with space", "lost+found", "é"):
        (driver.root / "d" / name).write_bytes(b"x")
    assert list(driver.runtime.iterate(driver.list("d"))) == ["f"]
    assert [info.path for info in driver.runtime.iterate(driver.walk("d"))] == ["d/f"]
    run(driver.delete("d"))
    assert not (driver.root / "d").exists()


def test_who_is_told_that_it_exists_keeps_no_temporary_file(driver: LocalDriver) -> None:
    run(driver.put_content("d/f", b"x"))
    with pytest.raises(PathExistsError):
        run(driver.put_content("d/f", b"y", IF_ABSENT))
    assert list((driver.root / ".regstore-tmp").iterdir()) == []


def test_a_file_that_shrinks_while_it_is_read_is_never_taken_for_whole(
    driver: LocalDriver,
) -> None:
    run(driver.put_content("f", content(2 * CHUNK_SIZE)))
    opened = run(driver.reader("f"))
    run(opened.read())
    os.truncate(driver.root / "f", 10)
    with pytest.raises(IncompleteReadError):
        run(opened.read())
    run(opened.aclose())


class WrittenInPlace:
    """The module ``os`` while other software writes into the file that is read."""

    def __init__(self, file: Path, times: int) -> None:
        self._file = file
        self._times = times

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        data = os.pread(fd, size, offset)
        if self._times:
            self._times -= 1
            self._file.write_bytes(b"%d" % self._times * 10)
        return data


@pytest.mark.parametrize("times", [2, 1000])
def test_content_written_in_place_meanwhile_is_read_again(
    driver: LocalDriver, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    run(driver.put_content("f", b"old"))
    monkeypatch.setattr(reader, "os", WrittenInPlace(driver.root / "f", times))
    if times == 2:
        assert run(driver.get_content("f")).data == b"0" * 10
    else:
        with pytest.raises(TransientError):
            run(driver.get_content("f"))
