"""L1 to L5: listings."""

from __future__ import annotations

import pytest

from regstore.driver import StorageDriver
from regstore.errors import PathNotFoundError
from regstore.testing.suite.base import DriverSuite

# Directories and objects whose names begin alike: stores that list keys give `a-b` before `a/x`,
# or the other way round.
TREE = (
    "A/x",
    "B",
    "_",
    "a/x",
    "a/y/z",
    "a-",
    "a-b",
    "a-b.c/x",
    "a.b/x",
    "a.b.c",
    "a0",
    "aa/x",
    "ab",
    "ab-/x",
    "b",
    ".a/x",
    "-a",
    "0/1/2/3",
    "1.0",
    "1.0.1",
    "1.0-rc1",
    "1",
)
NAMES = sorted({path.split("/")[0] for path in TREE})
MARKS = (
    "",
    " ",
    "!",
    "-",
    ".a",
    "0",
    "1.0",
    "1.0-",
    "A",
    "a",
    "a-",
    "a--",
    "a-a",
    "a-b",
    "a-b.",
    "a.",
    "a/",
    "a/x",
    "a/zzz",
    "a~",
    "aa",
    "ab",
    "ab-",
    "b",
    "c",
    "~",
    "é",
    "missing",
    "..",
    ".regstore-",
)
MANY = 1_100


class ListingTests(DriverSuite):
    """L1 to L5."""

    def test_l1_names_in_byte_order(self, driver: StorageDriver) -> None:
        self.put(*reversed(TREE))
        assert self.all(driver.list(self.base)) == NAMES
        assert self.all(driver.list(self.at("a"))) == ["x", "y"]
        root = self.all(driver.list(""))
        assert root == sorted(set(root))
        assert self.base in root

    def test_l1_start_after_any_name(self, driver: StorageDriver) -> None:
        self.put(*TREE)
        for mark in MARKS:
            expected = [name for name in NAMES if name > mark]
            assert (mark, self.all(driver.list(self.base, mark))) == (mark, expected)
            assert (mark, self.all(driver.list(self.base, mark, 2))) == (mark, expected[:2])

    def test_l1_pages_make_the_whole(self, driver: StorageDriver) -> None:
        self.put(*TREE)
        assert self.all(driver.list(self.base, None, 0)) == []
        for limit in (1, 2, 3, 7, len(NAMES) - 1, len(NAMES), 1000):
            assert self.all(driver.list(self.base, None, limit)) == NAMES[:limit]
            assert self._pages(driver, limit) == NAMES, f"in pages of {limit}"

    def _pages(self, driver: StorageDriver, limit: int) -> list[str]:
        names = self.all(driver.list(self.base, None, limit))
        page = names
        while page and len(names) <= len(NAMES):
            page = self.all(driver.list(self.base, page[-1], limit))
            assert len(page) <= limit
            names = names + page
        return names

    def test_l1_a_directory_is_listed_once(self, driver: StorageDriver) -> None:
        self.put(*(f"d/{number}/x" for number in range(30)), "e")
        assert self.all(driver.list(self.base)) == ["d", "e"]
        assert self.all(driver.list(self.base, None, 2)) == ["d", "e"]
        assert self.all(driver.list(self.base, "d")) == ["e"]

    def test_l2_a_missing_directory_raises(self, driver: StorageDriver) -> None:
        self.put("f", "ab/x")
        for name in ("missing", "a", "f", "f/below"):
            for mark, limit in ((None, None), ("m", None), (None, 1)):
                with pytest.raises(PathNotFoundError):
                    self.all(driver.list(self.at(name), mark, limit))

    def test_l2_the_root_never_raises(self, driver: StorageDriver) -> None:
        assert self.base not in self.all(driver.list(""))
        assert self.base not in {info.path.split("/")[0] for info in self.all(driver.walk(""))}

    def test_l2_after_the_last_name_comes_nothing(self, driver: StorageDriver) -> None:
        self.put("f")
        assert self.all(driver.list(self.base, "f")) == []
        assert self.all(driver.list(self.base, "zzz", 5)) == []

    def test_l3_walk_gives_every_object_once(self, driver: StorageDriver) -> None:
        self.put(*TREE)
        for start in ("", "a", "a-b.c", "0"):
            below = [each for each in TREE if not start or each.startswith(f"{start}/")]
            found = self.all(driver.walk(self.at(start) if start else self.base))
            assert sorted(info.path for info in found) == sorted(self.at(each) for each in below)
            for info in found:
                assert info == self.run(driver.stat(info.path))

    def test_l3_walk_of_nothing_raises(self, driver: StorageDriver) -> None:
        self.put("f", "ab/x")
        for name in ("missing", "a", "f", "f/below"):
            with pytest.raises(PathNotFoundError):
                self.all(driver.walk(self.at(name)))

    def test_l4_more_than_a_thousand_children(self, driver: StorageDriver) -> None:
        names = [f"n{number:04d}" for number in range(MANY)]
        paths = [
            self.at(f"d/{name}" if turn % 7 else f"d/{name}/x") for turn, name in enumerate(names)
        ]
        self._fill(driver, [*paths, self.at("e")])
        directory = self.at("d")
        assert self.all(driver.list(directory)) == names
        assert self.all(driver.list(directory, "n0049", 1005)) == names[50:1055]
        assert self.all(driver.list(directory, "n1089x")) == names[1090:]
        walked = [info.path for info in self.all(driver.walk(directory))]
        assert sorted(walked) == sorted(paths)
        assert self.all(driver.list(self.base)) == ["d", "e"]
        self.run(driver.delete(directory))
        assert self.walked(self.base) == {self.at("e")}

    def _fill(self, driver: StorageDriver, paths: list[str]) -> None:
        self.run(driver.runtime.map(lambda path: driver.put_content(path, b"x"), paths))

    def test_l5_listings_follow_every_change(self, driver: StorageDriver) -> None:
        if not driver.capabilities.list_after_write:
            self.not_claimed("list_after_write")
        self.put("d/a", "d/b")
        assert self.all(driver.list(self.at("d"))) == ["a", "b"]
        self.put("d/c")
        self.run(driver.delete_file(self.at("d/a")))
        assert self.all(driver.list(self.at("d"))) == ["b", "c"]
        self.run(driver.move(self.at("d/b"), self.at("d/e")))
        assert self.all(driver.list(self.at("d"))) == ["c", "e"]
        assert self.walked(self.at("d")) == {self.at("d/c"), self.at("d/e")}
        self.run(driver.delete(self.at("d")))
        with pytest.raises(PathNotFoundError):
            self.all(driver.list(self.at("d")))

    def test_l5_objects_follow_every_change(self, driver: StorageDriver) -> None:
        if not driver.capabilities.read_after_overwrite:
            self.not_claimed("read_after_overwrite")
        readers = self.observers(driver)
        for turn in range(5):
            self.run(driver.put_content(self.at("f"), b"%d" % turn))
            for reader in readers:
                assert self.run(reader.get_content(self.at("f"))).data == b"%d" % turn
        self.run(driver.delete_file(self.at("f")))
        for reader in readers:
            with pytest.raises(PathNotFoundError):
                self.run(reader.get_content(self.at("f")))
