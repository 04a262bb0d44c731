"""A1, A2, A5, A7: notes beside parked content, and writers that begin where nothing was."""

from __future__ import annotations

import os
from datetime import timedelta
from functools import partial

import pytest

from regstore.driver import MAX_NOTE_BYTES, FileWriter, StorageDriver
from regstore.errors import (
    DriverError,
    NotYetVisibleError,
    PathExistsError,
    PathNotFoundError,
    PreconditionFailedError,
)
from regstore.testing.material import content
from regstore.testing.race import in_child, race
from regstore.testing.suite.base import BackDoor, DriverSuite

CLOCK_STEP = timedelta(seconds=2)
"""Between two times that a store gives for the same moment: some know even seconds only."""
NOTES = (b"a note", bytes(range(256)), b"\0", content(MAX_NOTE_BYTES, "note"))


class SessionTests(DriverSuite):
    """A1, A2, A5 and A7, as far as notes and *begin* go."""

    def _require_notes(self, driver: StorageDriver) -> None:
        if not driver.capabilities.parked_notes:
            self.not_claimed("parked_notes")

    def _resumer(self, driver: StorageDriver) -> StorageDriver:
        """Return another driver where there is one that can resume, else the same."""
        if driver.capabilities.resume_scope == "object":
            return driver
        return self.observers(driver)[-1]

    def _resume(self, driver: StorageDriver, at_least: int = 0) -> FileWriter:
        return self.run(driver.writer(self.at("f"), append=True, at_least=at_least))

    def _begin(self, driver: StorageDriver, name: str = "f", at_least: int = 0) -> FileWriter:
        return self.run(driver.writer(self.at(name), append=True, begin=True, at_least=at_least))

    def _end(self, driver: StorageDriver) -> None:
        try:
            self.run(self._resume(driver).cancel())
        except (PathNotFoundError, PathExistsError):
            return

    def _write_and_park(self, writer: FileWriter, data: bytes, note: bytes = b"") -> None:
        self.run(writer.write(data))
        self.run(writer.park(note))

    def test_a2_when_something_was_parked_is_told_to_who_asks(self, driver: StorageDriver) -> None:
        path = self.at("f")
        assert self.run(driver.parked_at(path)) is None
        self.run(driver.put_content(self.at("before"), b"x"))
        self._write_and_park(self.run(driver.writer(path)), b"parked")
        writer = self._resume(driver)
        told = self.run(driver.parked_at(path))
        self.run(driver.put_content(self.at("after"), b"x"))
        if told is not None:
            before, after = (self.run(driver.stat(self.at(each))) for each in ("before", "after"))
            assert before.modified - CLOCK_STEP <= told <= after.modified + CLOCK_STEP
        self._write_and_park(writer, b", and nobody has taken over")
        self._end(driver)
        assert self.run(driver.parked_at(path)) is None

    @pytest.mark.parametrize("size", [0, 3, 70_000])
    def test_a2_notes_are_kept_with_the_bytes(self, driver: StorageDriver, size: int) -> None:
        self._require_notes(driver)
        writer, data = self.run(driver.writer(self.at("f"))), b""
        assert writer.note == b""
        for turn, note in enumerate((*NOTES, b"", b"last")):
            part = content(size, turn) + b"."
            self._write_and_park(writer, part, note)
            data += part
            writer = self._resume(self._resumer(driver) if turn % 2 else driver, len(data))
            assert (writer.size, writer.note) == (len(data), note)
        self.run(writer.commit())
        self.expect(self.at("f"), data)

    def test_a2_a_note_beside_nothing(self, driver: StorageDriver) -> None:
        self._require_notes(driver)
        self.run(self.run(driver.writer(self.at("f"))).park(b"a note"))
        writer = self._resume(self._resumer(driver))
        assert (writer.size, writer.note) == (0, b"a note")
        self.run(writer.cancel())

    def test_a2_a_note_stays_or_goes_where_nothing_was_taken(self, driver: StorageDriver) -> None:
        self._require_notes(driver)
        self._write_and_park(self.run(driver.writer(self.at("f"))), b"data", b"old")
        for note in (b"", b"new"):
            writer = self._resume(driver)
            found = writer.note
            self.run(writer.park(note))
            writer = self._resume(driver)
            assert writer.note in {found, note}
            assert writer.size == len(b"data")
            self.run(writer.park())
        self.run(self._resume(driver).cancel())

    def test_a2_a_note_goes_with_what_it_was_about(self, driver: StorageDriver) -> None:
        self._require_notes(driver)
        for begin in (False, True):
            self._write_and_park(self.run(driver.writer(self.at("f"))), b"data", b"old")
            if begin:
                self.run(self._resume(driver).cancel())
            writer = self.run(driver.writer(self.at("f"), append=begin, begin=begin))
            assert writer.note == b""
            self.run(writer.park())
            writer = self._resume(driver)
            assert (writer.size, writer.note) == (0, b"")
            self.run(writer.cancel())

    def test_a2_another_process_parks_a_note(self, driver: StorageDriver) -> None:
        self._require_notes(driver)
        if driver.capabilities.resume_scope != "host":
            self.not_claimed("resume_scope='host'")
        if not hasattr(os, "fork"):
            pytest.skip("no fork here")

        def park() -> None:
            self._write_and_park(self.run(driver.writer(self.at("f"))), b"data", NOTES[1])

        failure = in_child(park)
        assert not failure, failure
        writer = self._resume(driver, len(b"data"))
        assert writer.note == NOTES[1]
        self.run(writer.cancel())

    def test_a2_a_note_that_cannot_be_kept_is_refused(self, driver: StorageDriver) -> None:
        if driver.capabilities.parked_notes:
            pytest.skip("the driver claims parked_notes: see the others of A2")
        writer = self.run(driver.writer(self.at("f")))
        self.run(writer.write(b"data"))
        with self.refused("parked_notes"):
            self.run(writer.park(b"a note"))
        self._write_and_park(writer, b", more")
        writer = self._resume(driver)
        assert (writer.size, writer.note) == (len(b"data, more"), b"")
        self.run(writer.cancel())

    def test_a7_the_note_of_an_older_writer_does_not_count(self, driver: StorageDriver) -> None:
        self._require_notes(driver)
        if not driver.capabilities.fenced_writers:
            self.not_claimed("fenced_writers")
        self._write_and_park(self.run(driver.writer(self.at("f"))), b"begun ", b"first")
        older, newer = self._resume(driver), self._resume(self._resumer(driver))
        assert older.note == newer.note == b"first"
        self._write_and_park(newer, b"newer", b"the newer one's")
        with pytest.raises(PreconditionFailedError):
            self._write_and_park(older, b"older", b"the older one's")
        self.run(older.cancel())
        writer = self._resume(driver, len(b"begun newer"))
        assert writer.note == b"the newer one's"
        self.run(writer.commit())
        self.expect(self.at("f"), b"begun newer")

    @pytest.mark.parametrize("beside", [False, True])
    def test_a1_begin_where_nothing_was(self, driver: StorageDriver, beside: bool) -> None:
        if beside:
            self.put("d/other")
        writer = self._begin(driver, "d/f")
        assert (writer.size, writer.note) == (0, b"")
        self.run(writer.write(b"data"))
        self.run(writer.commit())
        self.expect(self.at("d/f"), b"data")

    def test_a1_begin_goes_on_with_what_was_parked(self, driver: StorageDriver) -> None:
        self._write_and_park(self._begin(driver), b"begun")
        for resumer in (driver, self._resumer(driver)):
            writer = self._begin(resumer, at_least=len(b"begun"))
            assert writer.size == len(b"begun")
            self.run(writer.park())
        with pytest.raises(NotYetVisibleError):
            self._begin(driver, at_least=len(b"begun") + 1)
        writer = self._begin(driver)
        self.run(writer.write(b", ended"))
        self.run(writer.commit())
        self.expect(self.at("f"), b"begun, ended")

    def test_a1_begin_on_a_committed_empty_object(self, driver: StorageDriver) -> None:
        self.run(driver.put_content(self.at("f"), b""))
        writer = self._begin(driver)
        assert writer.size == 0
        self.run(writer.write(b"data"))
        self.run(writer.commit())
        self.expect(self.at("f"), b"data")

    def test_a1_begin_is_not_taken_for_what_was_acknowledged(
        self, driver: StorageDriver, back_door: BackDoor | None
    ) -> None:
        before = self._stored(back_door)
        with pytest.raises(NotYetVisibleError):
            self._begin(driver, "d/f", at_least=1)
        assert self._stored(back_door) == before

    @pytest.mark.parametrize("parked", [False, True])
    def test_a5_cancel_leaves_nothing_of_what_was_begun(
        self, driver: StorageDriver, back_door: BackDoor | None, parked: bool
    ) -> None:
        before = self._stored(back_door)
        writer = self._begin(driver, "d/f")
        self.run(writer.write(content(100_000)))
        if parked:
            self.run(writer.park())
            writer = self._begin(driver, "d/f")
        self.run(writer.cancel())
        assert self._stored(back_door) == before
        assert self.walked(self.base) == set()
        with pytest.raises(PathNotFoundError):
            self.run(driver.writer(self.at("d/f"), append=True))

    @pytest.mark.parametrize("empty", [False, True])
    @pytest.mark.parametrize("older_first", [False, True])
    def test_a7_of_two_that_begin_nothing_parked_is_lost(
        self, driver: StorageDriver, older_first: bool, empty: bool
    ) -> None:
        if not driver.capabilities.conditional_create:
            self.not_claimed("conditional_create")
        if empty:
            self.run(driver.put_content(self.at("f"), b""))
        writers = [self._begin(driver), self._begin(self._resumer(driver))]
        order = (0, 1) if older_first else (1, 0)
        parked = [b"from %d" % i for i in order if self._parks(writers[i], b"from %d" % i)]
        assert parked, "one of the two goes on"
        self._expect_parked(driver, parked)

    def test_a7_of_many_that_begin_at_once_nothing_parked_is_lost(
        self, driver: StorageDriver
    ) -> None:
        if not driver.capabilities.conditional_create:
            self.not_claimed("conditional_create")
        drivers = [driver, self._resumer(driver)]
        for turn in range(3):
            bodies = [b"<%d from %d>" % (turn, racer) for racer in range(4)]
            outcomes = race(
                [
                    partial(self._begin_and_park, drivers[racer % 2], body)
                    for racer, body in enumerate(bodies)
                ]
            )
            errors = [each for each in outcomes if isinstance(each, Exception)]
            assert not errors, errors
            parked = [body for body, is_kept in zip(bodies, outcomes, strict=True) if is_kept]
            if parked:
                self._expect_parked(driver, parked)
            self._end(driver)

    def _begin_and_park(self, driver: StorageDriver, body: bytes) -> bool:
        try:
            writer = self._begin(driver)
        except PreconditionFailedError:
            return False
        return self._parks(writer, body)

    def _parks(self, writer: FileWriter, body: bytes) -> bool:
        try:
            self._write_and_park(writer, body)
        except PreconditionFailedError:
            self.run(writer.cancel())
            return False
        except DriverError as error:
            pytest.fail(f"who was overtaken raises PreconditionFailedError, not {error!r}")
        return True

    def _expect_parked(self, driver: StorageDriver, bodies: list[bytes]) -> None:
        self.run(self._resume(driver).commit(self.at("g")))
        found = self.run(driver.get_content(self.at("g"))).data
        missing = [body for body in bodies if body not in found]
        assert not missing, f"{missing} were parked, and are not in {found!r}"
