"""A1 to A5, A9, A10: parking, resuming, committing, cancelling."""

from __future__ import annotations

import os

import pytest

from regstore.driver import CHUNK_SIZE, RESERVED_PREFIX, StorageDriver
from regstore.errors import NotYetVisibleError, PathExistsError, PathNotFoundError
from regstore.testing.material import content, park_object, write_object
from regstore.testing.race import in_child
from regstore.testing.suite.base import BackDoor, DriverSuite


class WriterTests(DriverSuite):
    """A1 to A3, A5, A9 and A10."""

    def _drivers(self, driver: StorageDriver) -> list[StorageDriver]:
        """Return who must be able to resume: this driver, and another where it is claimed."""
        if driver.capabilities.resume_scope == "object":
            return [driver]
        return [driver, self.another(driver)]

    def test_a1_what_is_written_is_committed_whole(self, driver: StorageDriver) -> None:
        parts = [content(size, size) for size in (1, 0, 1000, 70_000, 7)]
        self.run(write_object(driver, self.at("d/f"), *parts))
        self.expect(self.at("d/f"), b"".join(parts))
        assert self.walked(self.base) == {self.at("d/f")}

    def test_a1_any_buffer_is_taken_and_may_be_reused(self, driver: StorageDriver) -> None:
        writer = self.run(driver.writer(self.at("f")))
        buffer = bytearray(b"first ")
        self.run(writer.write(buffer))
        buffer[:] = b"second"
        self.run(writer.write(memoryview(buffer)[:3]))
        buffer[:] = b"xxxxxx"
        self.run(writer.write(b"ond"))
        self.run(writer.commit())
        self.expect(self.at("f"), b"first second")

    def test_a1_size_counts_what_was_taken(self, driver: StorageDriver) -> None:
        writer = self.run(driver.writer(self.at("f")))
        sizes = [writer.size]
        for part in (b"abc", b"", b"defg"):
            self.run(writer.write(part))
            sizes.append(writer.size)
        self.run(writer.commit())
        assert [*sizes, writer.size] == [0, 3, 3, 7, 7]

    def test_a1_a_new_writer_discards_what_was_parked(self, driver: StorageDriver) -> None:
        self.run(park_object(driver, self.at("f"), b"old and longer"))
        writer = self.run(driver.writer(self.at("f")))
        assert writer.size == 0
        self.run(writer.write(b"new"))
        self.run(writer.commit())
        self.expect(self.at("f"), b"new")

    def test_a1_a_new_writer_and_its_cancel_leave_nothing_parked(
        self, driver: StorageDriver
    ) -> None:
        self.run(park_object(driver, self.at("f"), b"old"))
        self.run(self.run(driver.writer(self.at("f"))).cancel())
        with pytest.raises(PathNotFoundError):
            self.run(driver.writer(self.at("f"), append=True))

    def test_a1_append_needs_something_parked(self, driver: StorageDriver) -> None:
        self.put("other")
        with pytest.raises(PathNotFoundError):
            self.run(driver.writer(self.at("f"), append=True))
        with pytest.raises(PathNotFoundError):
            self.run(driver.writer(self.at("d/f"), append=True, at_least=1))
        assert self.walked(self.base) == {self.at("other")}

    @pytest.mark.parametrize("how", ["put", "commit"])
    def test_a1_append_begins_on_a_committed_empty_object(
        self, driver: StorageDriver, how: str
    ) -> None:
        path = self.at("f")
        self.run(driver.put_content(path, b"") if how == "put" else write_object(driver, path))
        writer = self.run(driver.writer(path, append=True))
        assert writer.size == 0
        self.run(writer.write(b"now full"))
        self.run(writer.commit())
        self.expect(path, b"now full")

    @pytest.mark.parametrize("how", ["put", "commit", "parked before"])
    def test_a1_append_to_committed_content_is_refused(
        self, driver: StorageDriver, how: str
    ) -> None:
        path = self.at("f")
        if how == "put":
            self.run(driver.put_content(path, b"committed"))
        elif how == "commit":
            self.run(write_object(driver, path, b"committed"))
        else:
            self.run(park_object(driver, path, b"commit"))
            writer = self.run(driver.writer(path, append=True))
            self.run(writer.write(b"ted"))
            self.run(writer.commit())
        with pytest.raises(PathExistsError):
            self.run(driver.writer(path, append=True))
        self.expect(path, b"committed")

    def test_a1_committed_content_stays_until_the_commit(self, driver: StorageDriver) -> None:
        path = self.at("f")
        self.run(driver.put_content(path, b"old"))
        version = self.run(driver.stat(path)).version
        writer = self.run(driver.writer(path))
        for step in ("write", "park"):
            self.run(writer.write(b"newer") if step == "write" else writer.park())
            found = self.run(driver.get_content(path))
            assert (found.data, found.version) == (b"old", version)
        writer = self.run(driver.writer(path, append=True))
        assert writer.size == 5
        self.run(writer.commit())
        self.expect(path, b"newer")

    def test_a2_a_parked_writer_goes_on(self, driver: StorageDriver) -> None:
        path, parts = self.at("f"), [content(size, size) for size in (10, 70_000, 0, 1)]
        self.run(park_object(driver, path))
        size = 0
        for turn, part in enumerate(parts):
            resumer = self._drivers(driver)[turn % 2 - 1]
            writer = self.run(resumer.writer(path, append=True, at_least=size))
            assert writer.size == size
            self.run(writer.write(part))
            size += len(part)
            assert writer.size == size
            self.run(writer.park())
        writer = self.run(driver.writer(path, append=True, at_least=size))
        self.run(writer.commit())
        self.expect(path, b"".join(parts))

    def test_a2_park_of_nothing_can_be_resumed(self, driver: StorageDriver) -> None:
        self.run(park_object(driver, self.at("f")))
        for resumer in self._drivers(driver):
            writer = self.run(resumer.writer(self.at("f"), append=True))
            assert writer.size == 0
            self.run(writer.park())
        writer = self.run(driver.writer(self.at("f"), append=True))
        self.run(writer.write(b"x"))
        self.run(writer.commit())
        self.expect(self.at("f"), b"x")

    def test_a2_a_record_that_is_too_short_is_not_taken(self, driver: StorageDriver) -> None:
        self.run(park_object(driver, self.at("f"), b"12345"))
        with pytest.raises(NotYetVisibleError):
            self.run(driver.writer(self.at("f"), append=True, at_least=6))
        writer = self.run(driver.writer(self.at("f"), append=True, at_least=5))
        self.run(writer.commit())
        self.expect(self.at("f"), b"12345")

    def test_a2_another_process_parks(self, driver: StorageDriver) -> None:
        if driver.capabilities.resume_scope != "host":
            self.not_claimed("resume_scope='host'")
        if not hasattr(os, "fork"):
            pytest.skip("no fork here")
        data = content(200_000)
        failure = in_child(lambda: self.run(park_object(driver, self.at("f"), data)))
        assert not failure, failure
        writer = self.run(driver.writer(self.at("f"), append=True, at_least=len(data)))
        self.run(writer.write(b"end"))
        self.run(writer.commit())
        self.expect(self.at("f"), data + b"end")

    @pytest.mark.parametrize("parked", [False, True])
    def test_a3_uncommitted_content_is_nowhere_else(
        self, driver: StorageDriver, back_door: BackDoor | None, parked: bool
    ) -> None:
        self.put("d/other")
        path = self.at("d/f")
        before = self._stored(back_door)
        writer = self.run(driver.writer(path))
        self.run(writer.write(content(100_000)))
        if parked:
            self.run(writer.park())
        assert self.walked(self.base) - {path} == {self.at("d/other")}
        assert set(self.all(driver.list(self.at("d")))) - {"f"} == {"other"}
        if not driver.capabilities.uncommitted_visible:
            assert self.walked(self.base) == {self.at("d/other")}
            with pytest.raises(PathNotFoundError):
                self.run(driver.get_content(path))
            with pytest.raises(PathNotFoundError):
                self.run(driver.stat(path))
        for stored in self._stored(back_door) - before - {path}:
            assert f"/{RESERVED_PREFIX}" in f"/{stored}", f"{stored} is not the driver's own"
        self.run(writer.cancel())

    @pytest.mark.parametrize("state", ["open", "parked", "resumed"])
    def test_a5_cancel_leaves_nothing(
        self, driver: StorageDriver, back_door: BackDoor | None, state: str
    ) -> None:
        before = self._stored(back_door)
        path = self.at("d/f")
        writer = self.run(driver.writer(path))
        self.run(writer.write(content(100_000)))
        if state != "open":
            self.run(writer.park())
        if state == "resumed":
            writer = self.run(driver.writer(path, append=True))
            self.run(writer.write(b"more"))
        self.run(writer.cancel())
        assert self._stored(back_door) == before
        assert self.walked(self.base) == set()
        with pytest.raises(PathNotFoundError):
            self.run(driver.writer(path, append=True))

    def test_a5_cancel_from_another_driver(
        self, driver: StorageDriver, back_door: BackDoor | None
    ) -> None:
        before = self._stored(back_door)
        for resumer in self._drivers(driver):
            self.run(park_object(driver, self.at("f"), b"parked"))
            self.run(self.run(resumer.writer(self.at("f"), append=True)).cancel())
            with pytest.raises(PathNotFoundError):
                self.run(driver.writer(self.at("f"), append=True))
            assert self._stored(back_door) == before

    @pytest.mark.parametrize("parked", [False, True])
    def test_a5_cancel_keeps_committed_content(self, driver: StorageDriver, parked: bool) -> None:
        self.run(driver.put_content(self.at("f"), b"old"))
        version = self.run(driver.stat(self.at("f"))).version
        writer = self.run(driver.writer(self.at("f")))
        self.run(writer.write(b"new"))
        if parked:
            self.run(writer.park())
        self.run(writer.cancel())
        found = self.run(driver.get_content(self.at("f")))
        assert (found.data, found.version) == (b"old", version)

    def test_a9_small_parts_are_the_drivers_worry(self, driver: StorageDriver) -> None:
        path, parts = self.at("f"), [content(1 + turn % 5, turn) for turn in range(20)]
        self.run(park_object(driver, path))
        for part in parts:
            writer = self.run(driver.writer(path, append=True))
            self.run(writer.write(part))
            self.run(writer.park())
        writer = self.run(driver.writer(path, append=True))
        assert writer.size == sum(map(len, parts))
        self.run(writer.commit())
        self.expect(path, b"".join(parts))

    def test_a9_sessions_side_by_side_are_kept_apart(self, driver: StorageDriver) -> None:
        names = ("f", "f-b", "f.b", "fb", "d/f")
        for name in names:
            self.run(park_object(driver, self.at(name), name.encode()))
        self.run(self.run(driver.writer(self.at("f"), append=True)).cancel())
        for name in names[1:]:
            writer = self.run(driver.writer(self.at(name), append=True))
            self.run(writer.write(b"!"))
            self.run(writer.commit())
        for name in names[1:]:
            self.expect(self.at(name), name.encode() + b"!")

    def test_a10_thousands_of_small_chunks(self, driver: StorageDriver) -> None:
        data = content(40_000)
        writer = self.run(driver.writer(self.at("f")))
        for start in range(0, len(data), 13):
            self.run(writer.write(data[start : start + 13]))
        self.run(writer.commit())
        self.expect(self.at("f"), data)

    @pytest.mark.parametrize("parking", [False, True])
    def test_a10_large_chunks_stay_in_order(self, driver: StorageDriver, parking: bool) -> None:
        sizes = (5 * CHUNK_SIZE + 3, 1, 2 * CHUNK_SIZE, CHUNK_SIZE - 1, 6 * CHUNK_SIZE)
        parts = [content(size, size) for size in sizes]
        writer = self.run(driver.writer(self.at("f")))
        for part in parts:
            if parking:
                self.run(writer.park())
                writer = self.run(driver.writer(self.at("f"), append=True))
            self.run(writer.write(part))
        self.run(writer.commit())
        self.expect(self.at("f"), b"".join(parts))

    @pytest.mark.parametrize("parking", [False, True])
    def test_a10_equal_chunks_are_all_kept(self, driver: StorageDriver, parking: bool) -> None:
        same, other = content(70_000, "same"), content(70_000, "other")
        parts = [same, same, other, same, same, same, other]
        writer = self.run(driver.writer(self.at("f")))
        for part in parts:
            self.run(writer.write(part))
            if parking:
                self.run(writer.park())
                writer = self.run(driver.writer(self.at("f"), append=True))
        self.run(writer.commit())
        self.expect(self.at("f"), b"".join(parts))
