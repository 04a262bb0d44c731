"""W1 to W6: objects written whole."""

from __future__ import annotations

from functools import partial

import pytest

from regstore.driver import ANY, IF_ABSENT, Condition, FileWriter, StorageDriver, if_version
from regstore.errors import (
    NoSpaceError,
    PathExistsError,
    PathNotFoundError,
    PreconditionFailedError,
)
from regstore.testing.material import content, one_of, read_range, same
from regstore.testing.race import beside, race
from regstore.testing.suite.base import DriverSuite

RACERS = 8
TOO_LARGE = 16 << 20


class SmallWriteTests(DriverSuite):
    """W1 to W6."""

    def test_w1_put_replaces_whole(self, driver: StorageDriver) -> None:
        for size in (1 << 20, 1 << 10, 1, 0, 32):
            data = content(size, size)
            self.run(driver.put_content(self.at("f"), data))
            self.expect(self.at("f"), data)
        assert self.walked(self.base) == {self.at("f")}

    def test_w1_no_reader_sees_a_part(self, driver: StorageDriver) -> None:
        if not driver.capabilities.atomic_put:
            self.not_claimed("atomic_put")
        path = self.at("f")
        whole = [content(size, size) for size in (100_000, 300_000, 10)]
        self.run(driver.put_content(path, whole[0]))

        def read() -> None:
            one_of(self.run(driver.get_content(path)).data, whole)
            assert self.run(driver.stat(path)).size in map(len, whole)

        def write() -> None:
            for turn in range(50):
                self.run(driver.put_content(path, whole[turn % 3]))

        beside(read, write)

    def test_w1_no_reader_sees_a_new_object_before_it_is_whole(self, driver: StorageDriver) -> None:
        if not driver.capabilities.atomic_put:
            self.not_claimed("atomic_put")
        data = content(100_000)

        def read() -> None:
            for path in self.walked(self.base):
                assert self.run(driver.stat(path)).size == len(data)
                same(self.run(read_range(driver, path)), data)

        def write() -> None:
            for turn in range(40):
                self.run(driver.put_content(self.at(f"{turn}"), data))

        beside(read, write)

    @pytest.mark.parametrize("old", [None, b"old"])
    def test_w1_empty_objects_are_objects(self, driver: StorageDriver, old: bytes | None) -> None:
        if old is not None:
            self.run(driver.put_content(self.at("f"), old))
        self.run(driver.put_content(self.at("f"), b""))
        self.expect(self.at("f"), b"")
        assert self.run(driver.stat(self.at("f"))).size == 0

    def test_w2_directories_are_made_as_needed(self, driver: StorageDriver) -> None:
        self.put("a/b/c/d/e/f", "a/b/g", "a/h")
        assert self.all(driver.list(self.at("a/b"))) == ["c", "g"]
        assert self.all(driver.list(self.at("a"))) == ["b", "h"]

    def test_w2_directories_are_made_beside_others_that_vanish(self, driver: StorageDriver) -> None:
        def write(racer: int) -> None:
            path = self.at(f"a/b/{racer}")
            for _ in range(20):
                self.run(driver.put_content(path, b"x"))
                self.run(driver.delete_file(path))
            self.run(driver.put_content(path, b"last"))

        for outcome in race([partial(write, racer) for racer in range(4)]):
            assert outcome is None
        assert self.walked(self.base) == {self.at(f"a/b/{racer}") for racer in range(4)}

    def test_w3_create_only_where_absent(self, driver: StorageDriver) -> None:
        if not driver.capabilities.conditional_create:
            self.not_claimed("conditional_create")
        version = self.run(driver.put_content(self.at("f"), b"first", IF_ABSENT))
        assert version in {None, self.run(driver.stat(self.at("f"))).version}
        with pytest.raises(PathExistsError):
            self.run(driver.put_content(self.at("f"), b"second", IF_ABSENT))
        self.expect(self.at("f"), b"first")
        self.run(driver.delete_file(self.at("f")))
        self.run(driver.put_content(self.at("f"), b"third", IF_ABSENT))
        self.expect(self.at("f"), b"third")

    def test_w3_replace_only_that_version(self, driver: StorageDriver) -> None:
        path = self.at("f")
        self.run(driver.put_content(path, b"first"))
        first = if_version(self.run(driver.stat(path)).version)
        if not driver.capabilities.conditional_replace:
            self.not_claimed("conditional_replace")
        self.run(driver.put_content(path, b"second", first))
        self.expect(path, b"second")
        for wrong in (first, if_version("never given")):
            with pytest.raises(PreconditionFailedError):
                self.run(driver.put_content(path, b"third", wrong))
        self.expect(path, b"second")
        second = if_version(self.run(driver.stat(path)).version)
        self.run(driver.delete_file(path))
        with pytest.raises(PreconditionFailedError):
            self.run(driver.put_content(path, b"fourth", second))
        assert self.walked(self.base) == set()

    def test_w3_one_winner_of_create(self, driver: StorageDriver) -> None:
        if not driver.capabilities.conditional_create:
            self.not_claimed("conditional_create")
        for turn in range(8):
            self._one_winner(driver, self.at(f"d{turn}/f"), IF_ABSENT, PathExistsError)

    def test_w3_one_winner_of_replace(self, driver: StorageDriver) -> None:
        if not driver.capabilities.conditional_replace:
            self.not_claimed("conditional_replace")
        path = self.at("f")
        self.run(driver.put_content(path, b"old"))
        for _ in range(8):
            condition = if_version(self.run(driver.stat(path)).version)
            self._one_winner(driver, path, condition, PreconditionFailedError)

    def _put_bytes(
        self, driver: StorageDriver, path: str, data: bytes, condition: Condition
    ) -> str | None:
        return self.run(driver.put_content(path, data, condition))

    def _one_winner(
        self, driver: StorageDriver, path: str, condition: Condition, lost: type[Exception]
    ) -> None:
        seed = (path, condition.version)  # no body twice: versions may be digests of content
        bodies = [content(1000 + racer, (*seed, racer)) for racer in range(RACERS)]
        outcomes = race(
            [partial(self._put_bytes, driver, path, body, condition) for body in bodies]
        )
        winners = [
            body
            for body, outcome in zip(bodies, outcomes, strict=True)
            if not isinstance(outcome, Exception)
        ]
        for outcome in outcomes:
            if isinstance(outcome, Exception) and not isinstance(outcome, lost):
                raise outcome
        won = len(winners)
        assert won == 1, f"{won} of {RACERS} won"
        self.expect(path, winners[0])

    @pytest.mark.parametrize("capability", ["conditional_create", "conditional_replace"])
    def test_w4_conditions_that_cannot_be_kept_are_refused(
        self, driver: StorageDriver, capability: str
    ) -> None:
        if getattr(driver.capabilities, capability):
            pytest.skip(f"the driver claims {capability}: see W3")
        condition = IF_ABSENT if capability == "conditional_create" else if_version("any")
        self.put("old")
        for name in ("new", "old"):
            with self.refused(capability):
                self.run(driver.put_content(self.at(name), b"x", condition))
        assert self.walked(self.base) == {self.at("old")}
        self.expect(self.at("old"), b"old")

    def test_w5_concurrent_puts_never_interleave(self, driver: StorageDriver) -> None:
        path = self.at("f")
        bodies = [content(50_000 + 1000 * racer, racer) for racer in range(RACERS)]
        for _ in range(8):
            for outcome in race(
                [partial(self._put_bytes, driver, path, body, ANY) for body in bodies]
            ):
                assert not isinstance(outcome, Exception), outcome
            one_of(self.run(driver.get_content(path)).data, bodies)

    def test_w6_a_full_store_keeps_the_old_content(self, full_driver: StorageDriver | None) -> None:
        if full_driver is None:
            pytest.skip("give a full_driver to prove this")
        path = self.at("f")
        self.run(full_driver.put_content(path, b"old"))
        with pytest.raises(NoSpaceError):
            self.run(full_driver.put_content(path, content(TOO_LARGE)))
        assert self.run(full_driver.get_content(path)).data == b"old"
        with pytest.raises(PathNotFoundError):
            self.run(full_driver.delete(self.at("other")))
        self.run(full_driver.delete(self.base))

    def test_w6_a_full_store_ends_a_writer_without_a_trace(
        self, full_driver: StorageDriver | None
    ) -> None:
        if full_driver is None:
            pytest.skip("give a full_driver to prove this")
        path = self.at("f")
        self.run(full_driver.put_content(path, b"old"))
        writer = self.run(full_driver.writer(path))
        with pytest.raises(NoSpaceError):
            self._write_too_much(writer)
        self.run(writer.cancel())
        assert self.run(full_driver.get_content(path)).data == b"old"
        self.run(full_driver.put_content(path, b"room again"))
        self.run(full_driver.delete(self.base))

    def _write_too_much(self, writer: FileWriter) -> None:
        for turn in range(TOO_LARGE >> 20):
            self.run(writer.write(content(1 << 20, turn)))
        self.run(writer.commit())
