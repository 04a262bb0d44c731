"""P1 to P5: paths."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from regstore.driver import EPOCH, StorageDriver
from regstore.errors import DriverError, InvalidPathError, PathNotFoundError
from regstore.testing.material import collect, park_object
from regstore.testing.suite.base import BackDoor, DriverSuite

VALID = (
    "a",
    "2",
    "a.a",
    "A/B/c",
    "0-9/abcdefg",
    "_x/-y/.z",
    "a--b..c__d",
    ".../..a/b..",
    ".regstore/regstore-x/x.regstore-y",
    "docker/registry/v2/repositories/library/alpine/_manifests/tags/3.20/current/link",
    "x" * 200,
)
INVALID = (
    "/",
    "/a",
    "a/",
    "a//b",
    ".",
    "..",
    "a/.",
    "a/..",
    "a/./b",
    "../a",
    "a/../b",
    "a/../../../../etc/passwd",
    "a b",
    "a\n",
    "a\x00b",
    "a\\b",
    "a:b",
    "a*",
    "a?",
    "[a]",
    "{a}",
    "~",
    "%2e%2e",
    "é",
    ".regstore-",
    ".regstore-x/a",
    "a/.regstore-x",
    "a/.regstore-x/b",
    "a" * 1025,
    "a/" * 512 + "a",
)

Call = Callable[[StorageDriver, str], Coroutine[Any, Any, object]]

ROOT_ALLOWED: dict[str, Call] = {
    "stat": lambda driver, path: driver.stat(path),
    "list": lambda driver, path: collect(driver.list(path)),
    "walk": lambda driver, path: collect(driver.walk(path)),
}
ROOT_REFUSED: dict[str, Call] = {
    "get_content": lambda driver, path: driver.get_content(path),
    "reader": lambda driver, path: driver.reader(path),
    "put_content": lambda driver, path: driver.put_content(path, b"x"),
    "writer": lambda driver, path: driver.writer(path),
    "append": lambda driver, path: driver.writer(path, append=True),
    "move_from": lambda driver, path: driver.move(path, "never/written"),
    "copy_from": lambda driver, path: driver.copy(path, "never/written"),
    "delete": lambda driver, path: driver.delete(path),
    "delete_file": lambda driver, path: driver.delete_file(path),
    "redirect_url": lambda driver, path: driver.redirect_url(path),
    "local_file": lambda driver, path: driver.local_file(path),
}
NEEDS_OBJECT = sorted(
    {*ROOT_ALLOWED, *ROOT_REFUSED} - {"put_content", "writer", "redirect_url", "local_file"}
)


class PathTests(DriverSuite):
    """P1 to P5."""

    @pytest.mark.parametrize("name", VALID)
    def test_p1_valid_paths_are_stored_as_given(
        self, driver: StorageDriver, back_door: BackDoor | None, name: str
    ) -> None:
        self.run(driver.put_content(self.at(name), name.encode()))
        self.expect(self.at(name), name.encode())
        assert self.walked(self.base) == {self.at(name)}
        if back_door is not None:
            assert back_door.read(self.at(name)) == name.encode()

    def test_p1_long_paths_are_stored(self, driver: StorageDriver) -> None:
        path = self.at("/".join(["x" * 99] * 7))
        self.run(driver.put_content(path, b"deep"))
        self.expect(path, b"deep")
        assert self.walked(self.base) == {path}

    def test_p1_root_is_the_empty_path(self, driver: StorageDriver) -> None:
        self.put("a")
        assert self.base in self.all(driver.list(""))
        assert self.at("a") in self.walked("")
        info = self.run(driver.stat(""))
        assert (info.path, info.size, info.version, info.is_dir) == ("", 0, "", True)

    def test_p1_reserved_segments_are_never_shown(
        self, driver: StorageDriver, back_door: BackDoor | None
    ) -> None:
        if back_door is None:
            pytest.skip("give a back_door to prove this")
        self.put("d/shown")
        before = back_door.paths()
        back_door.write(self.at("d/.regstore-file"), b"own")
        back_door.write(self.at("d/.regstore-directory/part"), b"own")
        assert self.all(driver.list(self.at("d"))) == ["shown"]
        assert self.walked(self.base) == {self.at("d/shown")}
        self.run(driver.delete(self.at("d")))
        assert back_door.paths() == before - {self.at("d/shown")}

    def test_p1_delete_of_an_ancestor_removes_what_is_parked(
        self, driver: StorageDriver, back_door: BackDoor | None
    ) -> None:
        self.put("d/startedat")
        self.run(park_object(driver, self.at("d/data"), b"parked"))
        self.run(driver.delete(self.at("d")))
        with pytest.raises(PathNotFoundError):
            self.run(driver.writer(self.at("d/data"), append=True))
        if back_door is not None:
            assert not {path for path in back_door.paths() if path.startswith(self.base)}

    @pytest.mark.parametrize("path", INVALID)
    def test_p2_bad_paths_are_refused(
        self, driver: StorageDriver, back_door: BackDoor | None, path: str
    ) -> None:
        before = self._stored(back_door)
        calls = ROOT_ALLOWED | ROOT_REFUSED
        taken = [name for name in calls if not self._refuses(driver, calls[name], path)]
        assert not taken, f"these took {path!r} and must raise InvalidPathError: {taken}"
        assert self._stored(back_door) == before

    def _refuses(self, driver: StorageDriver, call: Call, path: str) -> bool:
        try:
            self.run(call(driver, path))
        except InvalidPathError:
            return True
        except DriverError:
            return False
        return False

    @pytest.mark.parametrize("path", ["..", "a//b", "/a", "a/.regstore-x", ""])
    def test_p2_bad_destinations_are_refused(self, driver: StorageDriver, path: str) -> None:
        self.put("a")
        with pytest.raises(InvalidPathError):
            self.run(driver.move(self.at("a"), path))
        with pytest.raises(InvalidPathError):
            self.run(driver.copy(self.at("a"), path))
        writer = self.run(driver.writer(self.at("b")))
        with pytest.raises(InvalidPathError):
            self.run(writer.commit(path))
        self.run(writer.cancel())
        assert self.walked(self.base) == {self.at("a")}

    @pytest.mark.parametrize("method", ROOT_REFUSED)
    def test_p2_the_root_is_no_object(self, driver: StorageDriver, method: str) -> None:
        self.put("a")
        with pytest.raises(InvalidPathError):
            self.run(ROOT_REFUSED[method](driver, ""))
        assert self.walked(self.base) == {self.at("a")}

    def test_p3_directories_appear_with_what_lies_below(self, driver: StorageDriver) -> None:
        self.put("a/b/c")
        for directory in (self.base, self.at("a"), self.at("a/b")):
            info = self.run(driver.stat(directory))
            assert (info.path, info.size, info.version, info.is_dir) == (directory, 0, "", True)
            assert info.modified == EPOCH
        assert self.all(driver.list(self.at("a"))) == ["b"]

    @pytest.mark.parametrize("how", ["delete_file", "delete", "move", "cancel", "commit"])
    def test_p3_emptied_directories_are_gone(self, driver: StorageDriver, how: str) -> None:
        self.put("kept")
        self._empty(driver, how)
        for directory in (self.at("a"), self.at("a/b")):
            with pytest.raises(PathNotFoundError):
                self.run(driver.stat(directory))
            with pytest.raises(PathNotFoundError):
                self._list_of_ghosts(driver, directory)
            with pytest.raises(PathNotFoundError):
                self.all(driver.walk(directory))
        if not driver.capabilities.ghost_directories:
            assert "a" not in self.all(driver.list(self.base))

    def _list_of_ghosts(self, driver: StorageDriver, directory: str) -> None:
        """List an emptied directory; where empty ones linger, others may linger in it."""
        names = self.all(driver.list(directory))
        assert driver.capabilities.ghost_directories, names
        for name in names:
            self.run(driver.stat(f"{directory}/{name}"))

    def _empty(self, driver: StorageDriver, how: str) -> None:
        path = self.at("a/b/c")
        if how in {"cancel", "commit"}:
            writer = self.run(driver.writer(path))
            self.run(writer.write(b"x"))
            self.run(writer.cancel() if how == "cancel" else writer.commit(self.at("moved")))
            return
        self.put("a/b/c")
        if how == "move":
            self.run(driver.move(path, self.at("moved")))
        else:
            self.run(driver.delete(path) if how == "delete" else driver.delete_file(path))

    def test_p3_directories_have_no_content(self, driver: StorageDriver) -> None:
        self.put("a/b")
        with pytest.raises(PathNotFoundError):
            self.run(driver.get_content(self.at("a")))
        with pytest.raises(PathNotFoundError):
            self.run(driver.reader(self.at("a")))
        with pytest.raises(PathNotFoundError):
            self.run(driver.delete_file(self.at("a")))
        assert self.walked(self.base) == {self.at("a/b")}

    @pytest.mark.parametrize("method", NEEDS_OBJECT)
    def test_p4_a_prefix_of_a_name_is_not_a_path(self, driver: StorageDriver, method: str) -> None:
        self.put("ab", "a-b/x", "a.b/x", "abc/x")
        before = self.walked(self.base)
        with pytest.raises(PathNotFoundError):
            self.run((ROOT_ALLOWED | ROOT_REFUSED)[method](driver, self.at("a")))
        assert self.walked(self.base) == before

    def test_p4_delete_leaves_siblings_with_the_same_beginning(self, driver: StorageDriver) -> None:
        self.put("a/x", "a/y/z", "ab", "a-b/x", "a.b", "aa/a/x")
        self.run(driver.delete(self.at("a")))
        assert self.walked(self.base) == {
            self.at(each) for each in ("ab", "a-b/x", "a.b", "aa/a/x")
        }

    def test_p5_nothing_is_stored_outside_the_root(
        self, driver: StorageDriver, back_door: BackDoor | None
    ) -> None:
        before = self._stored(back_door)
        names = ("...", "..a", "a..", "....", "-rf", ".hidden", "_", "-")
        self.put(*names)
        assert self._stored(back_door) - before == {self.at(name) for name in names}
        assert set(self.all(driver.list(self.base))) == set(names)
