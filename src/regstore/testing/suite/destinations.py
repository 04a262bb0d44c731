"""A3 to A7: writers that know where they will commit, and commits that keep what was parked."""

from __future__ import annotations

from contextlib import suppress

import pytest

from regstore.driver import IF_ABSENT, FileWriter, StorageDriver
from regstore.errors import (
    DriverError,
    PathExistsError,
    PathNotFoundError,
    UnsupportedMethodError,
    WriterClosedError,
)
from regstore.testing.material import content, park_object
from regstore.testing.suite.base import BackDoor, DriverSuite

SIZES = (0, 5, 3_000_000)
TO = "blobs/aa/data"


class DestinationTests(DriverSuite):
    """A3 to A7, as far as *destination* and *keep_parked* go."""

    def _bound(self, driver: StorageDriver, *parts: bytes) -> FileWriter:
        """Return a writer that knows its destination and has taken *parts*."""
        writer = self.run(driver.writer(self.at("up/data"), destination=self.at(TO)))
        for part in parts:
            self.run(writer.write(part))
        return writer

    def _go_on(self, driver: StorageDriver) -> FileWriter:
        return self.run(driver.writer(self.at("up/data"), append=True))

    @pytest.mark.parametrize("old", [None, b"old, and longer than what is new"])
    @pytest.mark.parametrize("size", SIZES)
    def test_a4_commit_to_the_destination(
        self, driver: StorageDriver, back_door: BackDoor | None, size: int, old: bytes | None
    ) -> None:
        before, data = self._stored(back_door), content(size)
        if old is not None:
            self.run(driver.put_content(self.at(TO), old))
        writer = self._bound(driver, data[:1000], data[1000:])
        assert (writer.size, writer.note) == (size, b"")
        version = self.run(writer.commit(self.at(TO)))
        assert version in {None, self.run(driver.stat(self.at(TO))).version}
        self.expect(self.at(TO), data)
        assert self._stored(back_door) - before == {self.at(TO)}
        assert self.run(writer.commit(self.at(TO))) == version

    @pytest.mark.parametrize("to", [None, "elsewhere"])
    def test_a4_commit_to_another_place_than_the_destination(
        self, driver: StorageDriver, back_door: BackDoor | None, to: str | None
    ) -> None:
        before, data = self._stored(back_door), content(70_000)
        writer = self._bound(driver, data)
        try:
            self.run(writer.commit(to and self.at(to)))
        except UnsupportedMethodError:
            self.run(writer.cancel())
            assert self._stored(back_door) == before
            return
        self.expect(self.at(to or "up/data"), data)
        assert self._stored(back_door) - before == {self.at(to or "up/data")}

    def test_a4_conditions_at_the_destination(self, driver: StorageDriver) -> None:
        if not driver.capabilities.conditional_commit:
            self.not_claimed("conditional_commit")
        for data, expected in ((b"first", b"first"), (b"second", b"first")):
            writer = self._bound(driver, data)
            with suppress(PathExistsError):
                self.run(writer.commit(self.at(TO), IF_ABSENT))
                assert data == expected, "IF_ABSENT replaced what was there"
                continue
            assert data != expected, "IF_ABSENT was refused where nothing was"
            self.run(writer.cancel())
        self.expect(self.at(TO), b"first")

    @pytest.mark.parametrize("old", [None, b"old"])
    def test_a3_nothing_is_at_the_destination_before_the_commit(
        self, driver: StorageDriver, old: bytes | None
    ) -> None:
        there = set() if old is None else {self.at(TO)}
        if old is not None:
            self.run(driver.put_content(self.at(TO), old))
        writer = self._bound(driver, content(3_000_000))
        assert self.walked(self.base) - {self.at("up/data")} == there
        if old is None:
            with pytest.raises(PathNotFoundError):
                self.run(driver.stat(self.at(TO)))
            with pytest.raises(PathNotFoundError):
                self.run(driver.get_content(self.at(TO)))
        else:
            self.expect(self.at(TO), old)
        self.run(writer.cancel())

    @pytest.mark.parametrize("size", SIZES)
    def test_a5_cancel_leaves_nothing_at_the_destination(
        self, driver: StorageDriver, back_door: BackDoor | None, size: int
    ) -> None:
        before = self._stored(back_door)
        writer = self._bound(driver, content(size))
        self.run(writer.cancel())
        self.run(writer.cancel())
        assert self._stored(back_door) == before
        assert self.walked(self.base) == set()
        with pytest.raises(PathNotFoundError):
            self._go_on(driver)

    @pytest.mark.parametrize("size", SIZES)
    def test_a2_park_before_the_destination_works_or_is_refused(
        self, driver: StorageDriver, size: int
    ) -> None:
        data = content(size)
        writer = self._bound(driver, data)
        try:
            self.run(writer.park())
        except UnsupportedMethodError:
            self.run(writer.write(b"."))
        else:
            writer = self._go_on(driver)
            assert writer.size == size
            self.run(writer.write(b"."))
        self.run(writer.commit(self.at(TO)))
        self.expect(self.at(TO), data + b".")
        assert self.walked(self.base) == {self.at(TO)}

    def _park_some(self, driver: StorageDriver, size: int) -> bytes:
        data = content(size)
        self.run(park_object(driver, self.at("up/data"), data))
        return data

    def _kept(self, driver: StorageDriver) -> FileWriter | None:
        """Resume what a commit has kept, where it has."""
        try:
            return self._go_on(driver)
        except PathNotFoundError:
            return None

    @pytest.mark.parametrize("size", SIZES)
    def test_a4_a_commit_that_keeps_can_be_repeated_elsewhere(
        self, driver: StorageDriver, back_door: BackDoor | None, size: int
    ) -> None:
        before, data = self._stored(back_door), self._park_some(driver, size)
        alone = driver.capabilities.resume_scope == "object"
        other = driver if alone else self.observers(driver)[-1]
        writer = self._go_on(driver)
        self.run(writer.commit(self.at(TO), keep_parked=True))
        self.expect(self.at(TO), data)
        again = self._kept(other)
        if again is not None:
            assert again.size == size
            self.run(again.commit(self.at(TO), keep_parked=True))
            self.expect(self.at(TO), data)
            self.run(again.cancel())
        self.run(writer.cancel())
        self._expect_only(driver, data, back_door, before)

    def test_a4_a_kept_note_is_found_again(self, driver: StorageDriver) -> None:
        if not driver.capabilities.parked_notes:
            self.not_claimed("parked_notes")
        writer = self.run(driver.writer(self.at("up/data")))
        self.run(writer.write(b"data"))
        self.run(writer.park(b"a note"))
        self.run(self._go_on(driver).commit(self.at(TO), keep_parked=True))
        again = self._kept(driver)
        if again is not None:
            assert (again.size, again.note) == (len(b"data"), b"a note")
            self.run(again.cancel())
        self.expect(self.at(TO), b"data")

    @pytest.mark.parametrize("parked", [False, True])
    def test_a5_cancel_takes_away_what_a_commit_kept(
        self, driver: StorageDriver, back_door: BackDoor | None, parked: bool
    ) -> None:
        before, data = self._stored(back_door), b""
        if parked:
            data, writer = self._park_some(driver, 70_000), self._go_on(driver)
        else:
            writer = self.run(driver.writer(self.at("up/data")))
        self.run(writer.write(b"more"))
        self.run(writer.commit(self.at(TO), keep_parked=True))
        for _ in range(2):
            self.run(writer.cancel())
            self._expect_only(driver, data + b"more", back_door, before)

    def _expect_only(
        self, driver: StorageDriver, data: bytes, back_door: BackDoor | None, before: set[str]
    ) -> None:
        """Fail unless *data* was committed and nothing else is there any more."""
        self.expect(self.at(TO), data)
        assert self._stored(back_door) - before == {self.at(TO)}
        assert self.walked(self.base) == {self.at(TO)}
        with pytest.raises(PathNotFoundError):
            self._go_on(driver)

    def test_a6_states_after_a_commit_that_kept(self, driver: StorageDriver) -> None:
        self._park_some(driver, 5)
        writer = self._go_on(driver)
        version = self.run(writer.commit(self.at(TO), keep_parked=True))
        for _ in range(2):
            assert self.run(writer.commit(self.at(TO), keep_parked=True)) == version
            for step in (writer.write(b"more"), writer.park(), writer.commit(self.at("g"))):
                with pytest.raises(WriterClosedError) as caught:
                    self.run(step)
                assert caught.value.state == "committed"
            self.run(writer.cancel())
        self.expect(self.at(TO), content(5))

    def test_a7_a_late_cancel_after_a_commit_that_kept(self, driver: StorageDriver) -> None:
        data = self._park_some(driver, 70_000)
        older = self._go_on(driver)
        self.run(older.commit(self.at(TO), keep_parked=True))
        newer = self._kept(driver)
        self.run(older.cancel())
        if newer is not None:
            with suppress(DriverError):
                self.run(newer.commit(self.at(TO), keep_parked=True))
            self.run(newer.cancel())
        self.expect(self.at(TO), data)
        assert self.walked(self.base) == {self.at(TO)}
