"""Locks and versions of the local driver: how names change hands."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from regstore._run import BlockingRuntime
from regstore.driver import IF_ABSENT, StorageDriver, if_version
from regstore.drivers.local import LocalDriver, locks, stamps
from regstore.errors import (
    DriverError,
    PathExistsError,
    PreconditionFailedError,
    UnsupportedMethodError,
)
from regstore.testing.material import write_object

UPLOAD = "docker/registry/v2/repositories/a/_uploads/1/data"

run = BlockingRuntime().run

Call = Callable[[StorageDriver], Coroutine[Any, Any, object]]

CHANGES_OF_NAMES: dict[str, Call] = {
    "put_content": lambda driver: driver.put_content("d/f", b"new"),
    "put_content version": lambda driver: driver.put_content("d/f", b"x", if_version("old")),
    "writer": lambda driver: write_object(driver, "d/f", b"new"),
    "copy": lambda driver: driver.copy("other", "d/f"),
    "move to": lambda driver: driver.move("other", "d/f"),
    "move from": lambda driver: driver.move("d/f", "elsewhere"),
    "delete": lambda driver: driver.delete("d/f"),
    "delete of the directory": lambda driver: driver.delete("d"),
    "delete_file": lambda driver: driver.delete_file("d/f"),
}


@pytest.fixture
def driver(tmp_path: Path) -> LocalDriver:
    driver = LocalDriver(tmp_path)
    run(driver.put_content("d/f", b"old"))
    run(driver.put_content("other", b"other"))
    return driver


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock of the file or directory at *path*, as another process would."""
    fd = os.open(path, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(fd)


@pytest.mark.parametrize("call", CHANGES_OF_NAMES)
def test_whoever_changes_a_name_waits_for_the_lock(driver: LocalDriver, call: str) -> None:
    ended = threading.Event()

    def act() -> None:
        try:
            run(CHANGES_OF_NAMES[call](driver))
        except PreconditionFailedError:
            assert "version" in call
        ended.set()

    thread = threading.Thread(target=act)
    with held(driver.root / "d"):
        thread.start()
        assert not ended.wait(0.1)
        assert (driver.root / "d" / "f").read_bytes() == b"old"
    thread.join(10)
    assert ended.is_set()


def test_readers_and_creators_wait_for_nobody(driver: LocalDriver) -> None:
    with held(driver.root / "d" / "f"):
        assert run(driver.get_content("d/f")).data == b"old"
        assert run(driver.stat("d/f")).size == 3


WRITES: dict[str, Call] = {
    "put_content": lambda driver: driver.put_content("d/f", b"other"),
    "copy": lambda driver: driver.copy("other", "d/f"),
    "move": lambda driver: driver.move("other", "d/f"),
    "writer": lambda driver: write_object(driver, "d/f", b"other"),
    "upload": lambda driver: upload(driver, "d/f", b"other"),
}


async def upload(driver: StorageDriver, target: str, data: bytes) -> None:
    writer = await driver.writer(UPLOAD)
    await writer.write(data)
    await writer.commit(target)


@pytest.mark.parametrize("call", WRITES)
def test_where_a_directory_was_replaced_meanwhile_the_new_one_is_written(
    driver: LocalDriver, call: str
) -> None:
    with held(driver.root / "d"):
        thread = threading.Thread(target=lambda: run(WRITES[call](driver)))
        thread.start()
        thread.join(0.1)
        (driver.root / "d").rename(driver.root / "aside")
        (driver.root / "d").mkdir()
    thread.join(10)
    assert (driver.root / "d" / "f").read_bytes() == b"other"
    assert (driver.root / "aside" / "f").read_bytes() == b"old"


@pytest.mark.parametrize("path", [UPLOAD, "d/large"])
def test_a_commit_takes_no_name_that_has_become_anothers(driver: LocalDriver, path: str) -> None:
    """The newer writer gets there while the older one, looked through, waits for the lock."""
    writer = run(driver.writer(path))
    run(writer.write(b"older"))
    caught: list[DriverError] = []

    def commit() -> None:
        try:
            run(writer.commit("d/f"))
        except DriverError as error:
            caught.append(error)

    with held(driver.root / "d"):
        thread = threading.Thread(target=commit)
        thread.start()
        thread.join(0.1)
        name = next(file for file in (driver.root / path).parent.iterdir() if _is_open(file))
        (driver.root / "newer").write_bytes(b"newer")
        (driver.root / "newer").rename(name)
    thread.join(10)
    assert [type(error) for error in caught] == [PreconditionFailedError]
    assert run(driver.get_content("d/f")).data == b"old"
    assert name.read_bytes() == b"newer"


def _is_open(file: Path) -> bool:
    return file.read_bytes() == b"older"


class NoLocks:
    """The module ``fcntl`` on a file system that has no locks."""

    LOCK_EX = LOCK_NB = LOCK_UN = 0

    def flock(self, _fd: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, "no locks")


def test_without_locks_only_what_needs_none_is_done(
    driver: LocalDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "fcntl", NoLocks())
    version = if_version(run(driver.stat("d/f")).version)
    with pytest.raises(UnsupportedMethodError, match="no locks"):
        run(driver.put_content("d/f", b"new", version))
    with pytest.raises(UnsupportedMethodError, match="no locks"):
        run(driver.delete_file("d/f", version))
    with pytest.raises(PathExistsError):
        run(driver.put_content("d/f", b"new", IF_ABSENT))
    assert run(driver.get_content("d/f")).data == b"old"
    run(driver.put_content("d/g", b"new", IF_ABSENT))
    run(write_object(driver, "d/h", b"new"))
    run(driver.delete_file("d/h"))
    run(driver.put_content("d/f", b"new"))


class WholeSeconds:
    """The module ``os`` on a file system that keeps times to the second."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the module has
        return getattr(os, name)

    def utime(self, fd: int, ns: tuple[int, int]) -> None:
        accessed, changed = (each // 10**9 * 10**9 for each in ns)
        os.utime(fd, ns=(accessed, changed))


def test_where_times_are_coarse_no_version_is_matched(
    driver: LocalDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = if_version(run(driver.stat("d/f")).version)
    monkeypatch.setattr(stamps, "os", WholeSeconds())
    with pytest.raises(UnsupportedMethodError, match="rounds times"):
        run(driver.put_content("d/f", b"new", version))
    assert run(driver.get_content("d/f")).data == b"old"


class ForeignFile(WholeSeconds):
    """The module ``os`` for files of another user: only the kernel's clock may stamp them."""

    def utime(self, fd: int, ns: tuple[int, int] | None = None) -> None:
        if ns is not None:
            raise PermissionError(errno.EPERM, "not yours")
        os.utime(fd)


def test_files_of_others_are_moved_all_the_same(
    driver: LocalDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stamps, "os", ForeignFile())
    run(driver.move("d/f", "moved"))
    assert run(driver.get_content("moved")).data == b"old"


@pytest.mark.parametrize("how", ["overwrite", "delete between", "two in turn"])
def test_no_version_is_ever_given_twice(driver: LocalDriver, how: str) -> None:
    inodes, versions = set(), []
    for turn in range(400):
        path = "tight" if how != "two in turn" else f"tight{turn % 2}"
        versions.append(run(driver.put_content(path, b"same")))
        inodes.add((driver.root / path).stat().st_ino)
        if how == "delete between":
            run(driver.delete_file(path))
    assert len(set(versions)) == len(versions)
    assert len(inodes) < len(versions), "no inode was used again: this proves nothing"


def test_the_version_told_is_the_version_found(driver: LocalDriver) -> None:
    for told, path in (
        (run(driver.put_content("a", b"x")), "a"),
        (run(driver.put_content("b", b"x", IF_ABSENT)), "b"),
        (run(driver.copy("a", "c")), "c"),
        (run(write_object(driver, "e", b"x")), "e"),
    ):
        assert told == run(driver.stat(path)).version
