"""Symbolic links never lead the local driver out of its root (P5)."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from regstore._run import BlockingRuntime
from regstore.driver import StorageDriver
from regstore.drivers.local import LocalDriver
from regstore.errors import DriverError, PathNotFoundError, PermissionDeniedError
from regstore.testing.material import collect, write_object
from tests.drivers.disk import DirectoryDoor

run = BlockingRuntime().run

Call = Callable[[StorageDriver], Coroutine[Any, Any, object]]

BELOW_THE_LINK: dict[str, Call] = {
    "stat": lambda driver: driver.stat("link/secret"),
    "get_content": lambda driver: driver.get_content("link/secret"),
    "reader": lambda driver: driver.reader("link/secret"),
    "put_content": lambda driver: driver.put_content("link/new", b"x"),
    "put_content deeper": lambda driver: driver.put_content("link/new/deeper", b"x"),
    "writer": lambda driver: driver.writer("link/new"),
    "append": lambda driver: driver.writer("link/secret", append=True),
    "move from": lambda driver: driver.move("link/secret", "here"),
    "move to": lambda driver: driver.move("own", "link/new"),
    "copy from": lambda driver: driver.copy("link/secret", "here"),
    "copy to": lambda driver: driver.copy("own", "link/new"),
    "delete": lambda driver: driver.delete("link/secret"),
    "delete_file": lambda driver: driver.delete_file("link/secret"),
    "list": lambda driver: collect(driver.list("link")),
    "walk": lambda driver: collect(driver.walk("link")),
    "walk above": lambda driver: collect(driver.walk("")),
    "local_file": lambda driver: driver.local_file("link/secret"),
}
AT_THE_LINK: dict[str, Call] = {
    "stat": lambda driver: driver.stat("file"),
    "get_content": lambda driver: driver.get_content("file"),
    "reader": lambda driver: driver.reader("file"),
    "append": lambda driver: driver.writer("file", append=True),
    "move": lambda driver: driver.move("file", "here"),
    "copy": lambda driver: driver.copy("file", "here"),
    "walk": lambda driver: collect(driver.walk("")),
    "local_file": lambda driver: driver.local_file("file"),
}


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    directory = tmp_path / "outside"
    directory.mkdir()
    (directory / "secret").write_bytes(b"secret")
    return directory


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    root.mkdir()
    return root


@pytest.fixture
def driver(root: Path) -> LocalDriver:
    driver = LocalDriver(root)
    run(driver.put_content("own", b"own"))
    return driver


@pytest.mark.parametrize("call", BELOW_THE_LINK)
def test_linked_directories_are_refused(
    driver: LocalDriver, root: Path, outside: Path, call: str
) -> None:
    (root / "link").symlink_to(outside)
    before = DirectoryDoor(root).paths()
    with pytest.raises(PermissionDeniedError, match="allowed_roots"):
        run(BELOW_THE_LINK[call](driver))
    assert [file.name for file in outside.iterdir()] == ["secret"]
    assert DirectoryDoor(root).paths() == before


@pytest.mark.parametrize("call", AT_THE_LINK)
def test_linked_files_outside_are_refused(
    driver: LocalDriver, root: Path, outside: Path, call: str
) -> None:
    (root / "file").symlink_to(outside / "secret")
    with pytest.raises(DriverError) as caught:
        run(AT_THE_LINK[call](driver))
    assert isinstance(caught.value, PermissionDeniedError) or call == "append"
    assert (outside / "secret").read_bytes() == b"secret"
    assert (root / "file").is_symlink()


def test_links_between_names_of_the_root_are_followed_to_files_only(
    driver: LocalDriver, root: Path
) -> None:
    run(driver.put_content("d/own", b"below"))
    (root / "file").symlink_to(root / "own")
    (root / "directory").symlink_to(root / "d")
    assert run(driver.get_content("file")).data == b"own"
    with pytest.raises(PermissionDeniedError):
        run(driver.get_content("directory/own"))


def test_replacing_a_link_leaves_what_it_led_to(
    driver: LocalDriver, root: Path, outside: Path
) -> None:
    (root / "file").symlink_to(outside / "secret")
    run(driver.put_content("file", b"mine"))
    (root / "other").symlink_to(outside / "secret")
    run(driver.delete_file("other"))
    (root / "tree").mkdir()
    (root / "tree" / "link").symlink_to(outside)
    run(driver.delete("tree"))
    assert (root / "file").read_bytes() == b"mine"
    assert (outside / "secret").read_bytes() == b"secret"
    assert not (root / "tree").exists()


def test_dangling_links_lead_to_nothing(driver: LocalDriver, root: Path) -> None:
    (root / "link").symlink_to(root / "nothing")
    with pytest.raises(PathNotFoundError):
        run(driver.stat("link"))
    assert {info.path for info in run(collect(driver.walk("")))} == {"own"}


def test_allowed_links_are_followed(root: Path, outside: Path) -> None:
    (root / "link").symlink_to(outside)
    driver = LocalDriver(root, allowed_roots=[outside])
    run(driver.put_content("link/a/b", b"put"))
    run(write_object(driver, "link/a/c", b"written"))
    run(driver.move("link/secret", "link/moved"))
    assert (outside / "a" / "b").read_bytes() == b"put"
    assert {info.path for info in run(collect(driver.walk("")))} == {
        "link/a/b",
        "link/a/c",
        "link/moved",
    }
    run(driver.delete("link/a"))
    run(driver.delete_file("link/moved"))
    assert run(collect(driver.list(""))) == ["link"]
    assert (root / "link").is_symlink()
    assert [file.name for file in outside.iterdir()] == [".regstore-tmp"]


def test_a_link_out_of_an_allowed_root_is_refused(
    root: Path, outside: Path, tmp_path: Path
) -> None:
    (root / "link").symlink_to(outside)
    (outside / "further").symlink_to(tmp_path)
    driver = LocalDriver(root, allowed_roots=[outside])
    with pytest.raises(PermissionDeniedError):
        run(driver.put_content("link/further/new", b"x"))


def test_the_root_may_be_a_link(outside: Path, tmp_path: Path) -> None:
    (tmp_path / "name").symlink_to(outside)
    driver = LocalDriver(tmp_path / "name")
    run(driver.put_content("a/b", b"x"))
    assert (outside / "a" / "b").read_bytes() == b"x"
    assert driver.root == outside


def test_temporary_files_follow_no_link(root: Path, outside: Path) -> None:
    (root / ".regstore-tmp").symlink_to(outside)
    with pytest.raises(DriverError):
        run(LocalDriver(root).put_content("a", b"x"))
    assert [file.name for file in outside.iterdir()] == ["secret"]


def test_a_link_that_is_put_there_meanwhile_leads_nowhere(
    driver: LocalDriver, root: Path, outside: Path
) -> None:
    done = threading.Event()

    def exchange() -> None:
        for number in itertools.count():
            if done.is_set():
                return
            with suppress(OSError):
                (root / "place").rename(root / f"aside{number}")
                (root / "place").symlink_to(outside)
                (root / "place").unlink()

    thread = threading.Thread(target=exchange)
    thread.start()
    read = set()
    try:
        for number in range(300):
            with suppress(DriverError):
                run(driver.put_content("place/secret", b"own"))
                run(driver.put_content(f"place/{number}", b"x"))
            with suppress(DriverError):
                read.add(run(driver.get_content("place/secret")).data)
    finally:
        done.set()
        thread.join()
    assert read <= {b"own"}
    assert [file.name for file in outside.iterdir()] == ["secret"]
    assert (outside / "secret").read_bytes() == b"secret"
    assert len(list(root.iterdir())) > 10, "too little was exchanged to prove anything"
