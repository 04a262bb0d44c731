"""R1 to R5: stat, whole objects, streams."""

from __future__ import annotations

from datetime import timedelta

import pytest

from regstore.driver import CHUNK_SIZE, FileReader, StorageDriver
from regstore.errors import DriverError, InvalidOffsetError, PathNotFoundError
from regstore.testing.material import content, read_range, same, write_object
from regstore.testing.race import beside
from regstore.testing.suite.base import BackDoor, DriverSuite

SIZES = (0, 1, 31, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 3 * CHUNK_SIZE + 7)
RANGES = (
    (0, None),
    (0, 0),
    (0, 1),
    (0, 96),
    (0, 1000),
    (32, None),
    (32, 32),
    (64, 1000),
    (95, None),
    (95, 1),
    (96, None),
    (96, 0),
    (96, 10),
)


class ReadingTests(DriverSuite):
    """R1 to R5."""

    def test_r1_stat_describes_an_object(self, driver: StorageDriver) -> None:
        before = self.run(driver.put_content(self.at("f"), b"12345"))
        info = self.run(driver.stat(self.at("f")))
        assert (info.path, info.size, info.is_dir) == (self.at("f"), 5, False)
        assert info.version
        assert before in {None, info.version}
        assert info.modified.utcoffset() == timedelta(0)

    def test_r1_all_ways_of_reading_tell_the_same_version(self, driver: StorageDriver) -> None:
        self.put("f")
        info = self.run(driver.stat(self.at("f")))
        whole = self.run(driver.get_content(self.at("f")))
        assert (whole.version, whole.modified) == (info.version, info.modified)
        reader = self.run(driver.reader(self.at("f"), 1))
        assert reader.info == info
        self.run(reader.aclose())
        assert self.all(driver.walk(self.base)) == [info]

    def test_r1_version_changes_with_every_change_of_content(self, driver: StorageDriver) -> None:
        path, seen = self.at("f"), [""]
        for turn in range(20):
            returned = self.run(driver.put_content(path, b"%03d" % turn))
            info = self.run(driver.stat(path))
            assert info.version != seen[-1], f"the same after {turn} changes"
            assert returned in {None, info.version}
            seen.append(info.version)
        if driver.capabilities.unique_versions:
            assert len(set(seen)) == len(seen)

    def test_r1_version_changes_with_writers_moves_and_copies(self, driver: StorageDriver) -> None:
        path = self.at("f")
        self.run(driver.put_content(path, b"one"))
        versions = [self.run(driver.stat(path)).version]
        self.run(write_object(driver, path, b"two"))
        versions.append(self.run(driver.stat(path)).version)
        self.run(driver.put_content(self.at("g"), b"new"))
        self.run(driver.copy(self.at("g"), path))
        versions.append(self.run(driver.stat(path)).version)
        self.run(driver.put_content(self.at("g"), b"six"))
        self.run(driver.move(self.at("g"), path))
        versions.append(self.run(driver.stat(path)).version)
        assert len(set(versions)) == 4

    def test_r1_the_same_bytes_again_are_a_new_version(self, driver: StorageDriver) -> None:
        if not driver.capabilities.unique_versions:
            self.not_claimed("unique_versions")
        versions = []
        for data in (b"A", b"B", b"A", b"A"):
            self.run(driver.put_content(self.at("f"), data))
            versions.append(self.run(driver.stat(self.at("f"))).version)
        self.run(driver.delete_file(self.at("f")))
        self.run(driver.put_content(self.at("f"), b"A"))
        versions.append(self.run(driver.stat(self.at("f"))).version)
        assert len(set(versions)) == 5

    def test_r1_modified_does_not_go_backwards(self, driver: StorageDriver) -> None:
        times = []
        for name in ("a", "b", "a", "b"):
            self.put(name)
            times.append(self.run(driver.stat(self.at(name))).modified)
        assert times == sorted(times)

    def test_r1_modified_is_when_the_content_appeared(self, driver: StorageDriver) -> None:
        if not driver.capabilities.modified_is_commit_time:
            self.not_claimed("modified_is_commit_time")
        writer = self.run(driver.writer(self.at("late")))
        self.run(writer.write(b"written early"))
        self.run(driver.runtime.sleep(2 * driver.capabilities.clock_resolution))
        self.put("mark")
        self.run(writer.commit())
        mark = self.run(driver.stat(self.at("mark"))).modified
        assert self.run(driver.stat(self.at("late"))).modified >= mark

    def test_r1_missing_paths_have_no_stat(self, driver: StorageDriver) -> None:
        self.put("f")
        for name in ("missing", "missing/deeper", "f/below"):
            with pytest.raises(PathNotFoundError):
                self.run(driver.stat(self.at(name)))
            with pytest.raises(PathNotFoundError):
                self.run(driver.stat(self.at(name), must_exist=True))

    @pytest.mark.parametrize("size", SIZES)
    def test_r2_as_many_bytes_as_stat_says(self, driver: StorageDriver, size: int) -> None:
        data = content(size)
        self.run(driver.put_content(self.at("f"), data))
        self.run(write_object(driver, self.at("g"), data))
        for path in (self.at("f"), self.at("g")):
            assert self.run(driver.stat(path)).size == size
            self.expect(path, data)
            same(self.run(read_range(driver, path)), data)

    def test_r3_content_and_version_belong_together(self, driver: StorageDriver) -> None:
        path, seen = self.at("f"), set()
        self.run(driver.put_content(path, b"begin:" * 1500))

        def read() -> None:
            found = self.run(driver.get_content(path))
            mark = found.data[:6]
            same(found.data, mark * 1500)
            seen.add((found.version, mark))

        def write() -> None:
            for turn in range(30):
                self.run(driver.put_content(path, b"%05d:" % turn * 1500))

        read()
        beside(read, write)
        read()
        versions, marks = {version for version, _ in seen}, {mark for _, mark in seen}
        assert len(versions) == len(marks) == len(seen)

    def test_r3_missing_objects_have_no_content(self, driver: StorageDriver) -> None:
        with pytest.raises(PathNotFoundError):
            self.run(driver.get_content(self.at("missing")))
        with pytest.raises(PathNotFoundError):
            self.run(driver.get_content(self.at("missing"), must_exist=True))

    @pytest.mark.parametrize(("offset", "length"), RANGES)
    def test_r4_reader_gives_the_range(
        self, driver: StorageDriver, offset: int, length: int | None
    ) -> None:
        data = content(96)
        self.run(driver.put_content(self.at("f"), data))
        expected = data[offset:] if length is None else data[offset : offset + length]
        same(self.run(read_range(driver, self.at("f"), offset, length)), expected)

    def test_r4_reader_streams_in_chunks(self, driver: StorageDriver) -> None:
        data = content(3 * CHUNK_SIZE + 7)
        self.run(driver.put_content(self.at("f"), data))
        reader = self.run(driver.reader(self.at("f"), 5, 3 * CHUNK_SIZE))
        assert reader.info.size == len(data)
        chunks = self._chunks(reader)
        assert all(0 < len(chunk) <= CHUNK_SIZE for chunk in chunks)
        same(b"".join(chunks), data[5 : 5 + 3 * CHUNK_SIZE])
        assert self.run(reader.read()) == b""
        self.run(reader.aclose())
        self.run(reader.aclose())

    def _chunks(self, reader: FileReader) -> list[bytes]:
        return list(iter(lambda: self.run(reader.read()), b""))

    @pytest.mark.parametrize("size", [0, 96])
    def test_r4_nothing_lies_beyond_the_end(self, driver: StorageDriver, size: int) -> None:
        self.run(driver.put_content(self.at("f"), content(size)))
        same(self.run(read_range(driver, self.at("f"), size)), b"")
        with pytest.raises(InvalidOffsetError) as caught:
            self.run(driver.reader(self.at("f"), size + 1))
        assert caught.value.offset == size + 1

    def test_r4_negative_ranges_are_refused(self, driver: StorageDriver) -> None:
        self.put("f")
        with pytest.raises(InvalidOffsetError) as caught:
            self.run(driver.reader(self.at("f"), -1))
        assert caught.value.offset == -1
        with pytest.raises(InvalidOffsetError):
            self.run(driver.reader(self.at("f"), 0, -1))

    @pytest.mark.parametrize("offset", [0, 64])
    def test_r4_missing_raises_when_opened(self, driver: StorageDriver, offset: int) -> None:
        with pytest.raises(PathNotFoundError):
            self.run(driver.reader(self.at("missing"), offset))

    def test_r4_shortened_objects_are_never_taken_for_whole(
        self, driver: StorageDriver, back_door: BackDoor | None
    ) -> None:
        if back_door is None:
            pytest.skip("give a back_door to prove this")
        data = content(3 * CHUNK_SIZE)
        self.run(driver.put_content(self.at("f"), data))
        reader = self.run(driver.reader(self.at("f")))
        got = [self.run(reader.read())]
        back_door.write(self.at("f"), data[: CHUNK_SIZE + 1])
        try:
            got += self._chunks(reader)
        except DriverError:
            return
        finally:
            self.run(reader.aclose())
        same(b"".join(got), data)

    def test_r4_readers_do_not_disturb_each_other(self, driver: StorageDriver) -> None:
        data = content(200)
        self.run(driver.put_content(self.at("f"), data))
        readers = [self.run(driver.reader(self.at("f"), start)) for start in range(0, 200, 20)]
        read = [b"".join(self._chunks(reader)) for reader in reversed(readers)]
        for reader in readers:
            self.run(reader.aclose())
        assert read == [data[start:] for start in reversed(range(0, 200, 20))]

    @pytest.mark.parametrize("how", ["put", "writer", "move", "copy", "delete"])
    def test_r5_a_read_ends_on_its_version_or_raises(self, driver: StorageDriver, how: str) -> None:
        if not driver.capabilities.stable_reads:
            self.not_claimed("stable_reads")
        old, new = content(3 * CHUNK_SIZE, "old"), content(3 * CHUNK_SIZE, "new")
        self.run(driver.put_content(self.at("f"), old))
        self.run(driver.put_content(self.at("g"), new))
        reader = self.run(driver.reader(self.at("f")))
        got = [self.run(reader.read())]
        self._overwrite(driver, how, new)
        try:
            got += self._chunks(reader)
        except DriverError:
            return
        finally:
            self.run(reader.aclose())
        same(b"".join(got), old)

    def _overwrite(self, driver: StorageDriver, how: str, new: bytes) -> None:
        path, other = self.at("f"), self.at("g")
        if how == "put":
            self.run(driver.put_content(path, new))
        elif how == "writer":
            self.run(write_object(driver, path, new))
        elif how == "delete":
            self.run(driver.delete_file(path))
        else:
            self.run(driver.move(other, path) if how == "move" else driver.copy(other, path))
