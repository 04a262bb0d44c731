"""M1 to M4: moving, copying, deleting."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from regstore.driver import IF_ABSENT, StorageDriver, if_version
from regstore.errors import (
    PathExistsError,
    PathNotFoundError,
    PreconditionFailedError,
    UnsupportedMethodError,
)
from regstore.testing.material import content, one_of, park_object
from regstore.testing.race import beside, race
from regstore.testing.suite.base import DriverSuite

LARGE = 9_000_001


class MovingTests(DriverSuite):
    """M1 to M4."""

    @pytest.mark.parametrize("size", [0, 32, LARGE])
    @pytest.mark.parametrize("old", [None, b"old content, longer than a few bytes"])
    def test_m1_move_replaces(self, driver: StorageDriver, size: int, old: bytes | None) -> None:
        data = content(size)
        self.run(driver.put_content(self.at("a/source"), data))
        if old is not None:
            self.run(driver.put_content(self.at("b/c/target"), old))
        self.run(driver.move(self.at("a/source"), self.at("b/c/target")))
        self.expect(self.at("b/c/target"), data)
        assert self.walked(self.base) == {self.at("b/c/target")}

    def test_m1_a_missing_source_leaves_the_destination(self, driver: StorageDriver) -> None:
        self.put("target", "directory/x")
        for source in ("missing", "missing/deeper", "directory"):
            with pytest.raises(PathNotFoundError):
                self.run(driver.move(self.at(source), self.at("target")))
        self.expect(self.at("target"), b"target")
        assert self.walked(self.base) == {self.at("target"), self.at("directory/x")}

    def test_m1_moving_onto_itself_changes_nothing(self, driver: StorageDriver) -> None:
        self.put("f")
        self.run(driver.move(self.at("f"), self.at("f")))
        self.expect(self.at("f"), b"f")
        with pytest.raises(PathNotFoundError):
            self.run(driver.move(self.at("missing"), self.at("missing")))

    def test_m1_a_rename_leaves_no_gap(self, driver: StorageDriver) -> None:
        if not driver.capabilities.atomic_move:
            self.not_claimed("atomic_move")
        whole = [content(size, size) for size in (50_000, 100)]
        self.run(driver.put_content(self.at("target"), whole[0]))

        def read() -> None:
            one_of(self.run(driver.get_content(self.at("target"))).data, whole)

        def move() -> None:
            for turn in range(30):
                self.run(driver.put_content(self.at("source"), whole[turn % 2]))
                self.run(driver.move(self.at("source"), self.at("target")))

        beside(read, move)

    @pytest.mark.parametrize("size", [0, 32, LARGE])
    @pytest.mark.parametrize("old", [None, b"old content, longer than a few bytes"])
    def test_m2_copy_replaces(self, driver: StorageDriver, size: int, old: bytes | None) -> None:
        data = content(size)
        self.run(driver.put_content(self.at("a/source"), data))
        source = self.run(driver.stat(self.at("a/source")))
        if old is not None:
            self.run(driver.put_content(self.at("b/c/target"), old))
        version = self.run(driver.copy(self.at("a/source"), self.at("b/c/target")))
        assert version in {None, self.run(driver.stat(self.at("b/c/target"))).version}
        self.expect(self.at("b/c/target"), data)
        self.expect(self.at("a/source"), data)
        assert self.run(driver.stat(self.at("a/source"))) == source

    def test_m2_copies_are_independent(self, driver: StorageDriver) -> None:
        self.put("f")
        self.run(driver.copy(self.at("f"), self.at("g")))
        self.run(driver.put_content(self.at("f"), b"changed"))
        self.expect(self.at("g"), b"f")
        self.run(driver.delete_file(self.at("f")))
        self.expect(self.at("g"), b"f")

    def test_m2_a_missing_source_leaves_the_destination(self, driver: StorageDriver) -> None:
        self.put("target", "directory/x")
        for source in ("missing", "missing/deeper", "directory"):
            with pytest.raises(PathNotFoundError):
                self.run(driver.copy(self.at(source), self.at("target")))
        self.expect(self.at("target"), b"target")

    def test_m2_conditions_on_the_destination(self, driver: StorageDriver) -> None:
        self.put("f", "g")
        source, target = self.at("f"), self.at("g")
        current = if_version(self.run(driver.stat(target)).version)
        if not driver.capabilities.conditional_copy:
            for condition in (IF_ABSENT, current):
                with self.refused("conditional_copy"):
                    self.run(driver.copy(source, target, condition))
            self.expect(self.at("g"), b"g")
            return
        with pytest.raises(PathExistsError):
            self.run(driver.copy(source, target, IF_ABSENT))
        with pytest.raises(PreconditionFailedError):
            self.run(driver.copy(source, target, if_version("never given")))
        self.expect(self.at("g"), b"g")
        self.run(driver.copy(source, target, current))
        self.run(driver.copy(source, self.at("h"), IF_ABSENT))
        self.expect(self.at("g"), b"f")
        self.expect(self.at("h"), b"f")

    def test_m2_one_winner_of_conditional_copies(self, driver: StorageDriver) -> None:
        if not driver.capabilities.conditional_copy:
            self.not_claimed("conditional_copy")
        names = [f"source{racer}" for racer in range(6)]
        self.put(*names)
        for turn in range(3):
            to = self.at(f"to{turn}")
            outcomes = race([partial(self._copy_new, driver, self.at(name), to) for name in names])
            losers = [each for each in outcomes if isinstance(each, Exception)]
            assert [type(each) for each in losers] == [PathExistsError] * 5

    def _copy_new(self, driver: StorageDriver, source: str, destination: str) -> str | None:
        return self.run(driver.copy(source, destination, IF_ABSENT))

    def test_m2_the_source_is_pinned(self, driver: StorageDriver) -> None:
        self.put("f")
        source = self.at("f")
        pinned = self.run(driver.stat(source)).version
        if not driver.capabilities.source_pinned_copy:
            with self.refused("source_pinned_copy"):
                self.run(driver.copy(source, self.at("g"), source_version=pinned))
            assert self.walked(self.base) == {source}
            return
        self.run(driver.copy(source, self.at("g"), source_version=pinned))
        self.run(driver.put_content(source, b"changed"))
        with pytest.raises(PreconditionFailedError):
            self.run(driver.copy(source, self.at("g"), source_version=pinned))
        self.expect(self.at("g"), b"f")

    def test_m3_delete_is_recursive(self, driver: StorageDriver) -> None:
        self.put("a/x", "a/y/z", "a/y-z", "b")
        self.run(driver.delete(self.at("a/y")))
        assert self.walked(self.base) == {self.at(name) for name in ("a/x", "a/y-z", "b")}
        self.run(driver.delete(self.at("a/x")))
        self.run(driver.delete(self.at("a")))
        assert self.walked(self.base) == {self.at("b")}

    def test_m3_delete_of_what_is_missing_raises(self, driver: StorageDriver) -> None:
        self.put("a", "d/ab")
        for name in ("missing", "d/a", "a/below", "missing/deeper"):
            with pytest.raises(PathNotFoundError):
                self.run(driver.delete(self.at(name)))
        self.run(driver.delete(self.at("a")))
        with pytest.raises(PathNotFoundError):
            self.run(driver.delete(self.at("a")))
        assert self.walked(self.base) == {self.at("d/ab")}

    @pytest.mark.parametrize("committed", [False, True])
    def test_m3_delete_takes_what_is_parked_at_the_path(
        self, driver: StorageDriver, committed: bool
    ) -> None:
        if committed:
            self.put("f")
        self.run(park_object(driver, self.at("f"), b"parked"))
        self.run(driver.delete(self.at("f")))
        with pytest.raises(PathNotFoundError):
            self.run(driver.writer(self.at("f"), append=True))
        assert self.walked(self.base) == set()

    def test_m4_delete_file_deletes_one_object(self, driver: StorageDriver) -> None:
        self.put("a/x", "a/xy", "b/x")
        self.run(driver.delete_file(self.at("a/x")))
        assert self.walked(self.base) == {self.at("a/xy"), self.at("b/x")}
        for name in ("a/x", "a", "b", "missing/deeper"):
            with pytest.raises(PathNotFoundError):
                self.run(driver.delete_file(self.at(name)))
        assert self.walked(self.base) == {self.at("a/xy"), self.at("b/x")}

    def test_m4_what_is_missing_may_be(self, driver: StorageDriver) -> None:
        self.put("a/x", "a/xy")
        for name in ("a/x", "a/x", "a", "missing/deeper"):
            self.run(driver.delete_file(self.at(name), missing_ok=True))
        assert self.walked(self.base) == {self.at("a/xy")}

    def test_m4_delete_file_of_one_version(self, driver: StorageDriver) -> None:
        self.put("f")
        old = if_version(self.run(driver.stat(self.at("f"))).version)
        if not driver.capabilities.conditional_delete:
            with self.refused("conditional_delete"):
                self.run(driver.delete_file(self.at("f"), old))
            self.expect(self.at("f"), b"f")
            return
        self.run(driver.put_content(self.at("f"), b"new"))
        with pytest.raises(PreconditionFailedError):
            self.run(driver.delete_file(self.at("f"), old))
        self.expect(self.at("f"), b"new")
        new = if_version(self.run(driver.stat(self.at("f"))).version)
        self.run(driver.delete_file(self.at("f"), new))
        with pytest.raises(PathNotFoundError):
            self.run(driver.delete_file(self.at("f"), new))

    def test_m4_one_winner_of_conditional_deletes(self, driver: StorageDriver) -> None:
        if not driver.capabilities.conditional_delete:
            self.not_claimed("conditional_delete")
        for turn in range(5):
            path = self.at(f"f{turn}")
            self.run(driver.put_content(path, b"x"))
            version = self.run(driver.stat(path)).version
            outcomes = race([partial(self._delete_version, driver, path, version)] * 6)
            losers = [each for each in outcomes if isinstance(each, Exception)]
            assert len(losers) == 5
            assert all(
                isinstance(each, PathNotFoundError | PreconditionFailedError) for each in losers
            ), losers

    def _delete_version(self, driver: StorageDriver, path: str, version: str) -> None:
        self.run(driver.delete_file(path, if_version(version)))

    def _replace(self, driver: StorageDriver, path: str) -> None:
        self.run(driver.put_content(path, b"new"))

    def test_m4_a_replaced_object_outlives_a_conditional_delete(
        self, driver: StorageDriver
    ) -> None:
        if not driver.capabilities.conditional_delete:
            self.not_claimed("conditional_delete")
        for turn in range(10):
            path = self.at(f"f{turn}")
            self.run(driver.put_content(path, b"old"))
            version = self.run(driver.stat(path)).version
            calls: list[Callable[[], object]] = [
                partial(self._replace, driver, path),
                partial(self._delete_version, driver, path, version),
            ]
            replaced, _ = race(calls)
            assert not isinstance(replaced, Exception), replaced
            self.expect(path, b"new")

    def test_m4_what_is_absent_cannot_be_deleted(self, driver: StorageDriver) -> None:
        self.put("f")
        with pytest.raises(UnsupportedMethodError):
            self.run(driver.delete_file(self.at("f"), IF_ABSENT))
        self.expect(self.at("f"), b"f")
