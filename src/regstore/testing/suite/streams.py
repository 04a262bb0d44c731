"""A8: writing past the end, and into the middle."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from regstore.driver import StorageDriver, write_stream
from regstore.errors import InvalidOffsetError, PathNotFoundError
from regstore.testing.material import chunks, content, park_object
from regstore.testing.suite.base import DriverSuite

MIB = 1 << 20


async def breaking_off() -> AsyncIterator[bytes]:
    """Yield one chunk, then raise."""
    yield b"part"
    raise ConnectionResetError


class StreamTests(DriverSuite):
    """A8."""

    def _stream(self, driver: StorageDriver, offset: int, *parts: bytes) -> int:
        return self.run(write_stream(driver, self.at("f"), offset, chunks(parts)))

    @pytest.mark.parametrize("size", [32, 2 * MIB])
    def test_a8_write_stream_step_by_step(self, driver: StorageDriver, size: int) -> None:
        one, two, three, four = (content(size, turn) for turn in range(4))
        steps = (
            (0, one, one),
            (size, two, one + two),
            (size, two, one + two),
            (2 * size, three, one + two + three),
            (4 * size, four, one + two + three + bytes(size) + four),
        )
        for offset, data, expected in steps:
            assert self._stream(driver, offset, data) == size
            assert self.run(driver.stat(self.at("f"))).size == len(expected)
            self.expect(self.at("f"), expected)
        assert self.walked(self.base) == {self.at("f")}

    @pytest.mark.parametrize("offset", [0, 1, 5, 9, 10, 11, 40])
    def test_a8_write_stream_counts_and_keeps_the_rest(
        self, driver: StorageDriver, offset: int
    ) -> None:
        old, new = content(10, "old"), content(7, "new")
        self.run(driver.put_content(self.at("f"), old))
        assert self._stream(driver, offset, new[:3], b"", new[3:]) == 7
        expected = old[:offset].ljust(offset, b"\0") + new + old[offset + 7 :]
        self.expect(self.at("f"), expected)

    @pytest.mark.parametrize(("offset", "size"), [(0, 10), (4, 10), (10, 10), (12, 12)])
    def test_a8_write_stream_of_nothing(
        self, driver: StorageDriver, offset: int, size: int
    ) -> None:
        old = content(10)
        self.run(driver.put_content(self.at("f"), old))
        assert self._stream(driver, offset) == 0
        self.expect(self.at("f"), old.ljust(size, b"\0"))

    @pytest.mark.parametrize("offset", [0, 3, MIB + 1])
    def test_a8_write_stream_to_a_missing_path(self, driver: StorageDriver, offset: int) -> None:
        assert self._stream(driver, offset, b"new") == 3
        self.expect(self.at("f"), bytes(offset) + b"new")

    def test_a8_negative_offsets_are_refused(self, driver: StorageDriver) -> None:
        self.put("f")
        with pytest.raises(InvalidOffsetError) as caught:
            self._stream(driver, -1, b"x")
        assert (caught.value.path, caught.value.offset) == (self.at("f"), -1)
        self.expect(self.at("f"), b"f")

    def test_a8_a_stream_that_breaks_off_changes_nothing(self, driver: StorageDriver) -> None:
        self.put("f")
        for name in ("f", "g"):
            with pytest.raises(ConnectionResetError):
                self.run(write_stream(driver, self.at(name), 1, breaking_off()))
        assert self.walked(self.base) == {self.at("f")}
        self.expect(self.at("f"), b"f")
        with pytest.raises(PathNotFoundError):
            self.run(driver.writer(self.at("g"), append=True))

    @pytest.mark.parametrize("gap", [1, 1000, MIB - 1, 3 * MIB + 5])
    def test_a8_a_gap_is_zeros(self, driver: StorageDriver, gap: int) -> None:
        writer = self.run(driver.writer(self.at("f")))
        self.run(writer.write(b"start"))
        self.run(writer.write(b"end", 5 + gap))
        assert writer.size == 8 + gap
        self.run(writer.commit())
        self.expect(self.at("f"), b"start" + bytes(gap) + b"end")

    def test_a8_a_gap_after_what_was_parked(self, driver: StorageDriver) -> None:
        self.run(park_object(driver, self.at("f"), b"parked"))
        writer = self.run(driver.writer(self.at("f"), append=True))
        self.run(writer.write(b"", 10))
        assert writer.size == 10
        self.run(writer.park())
        writer = self.run(driver.writer(self.at("f"), append=True, at_least=10))
        self.run(writer.write(b"end", 12))
        self.run(writer.commit())
        expected = b"parked" + bytes(6) + b"end"
        self.expect(self.at("f"), expected)

    def test_a8_writers_take_nothing_before_their_size(self, driver: StorageDriver) -> None:
        writer = self.run(driver.writer(self.at("f")))
        self.run(writer.write(b"12345", 0))
        self.run(writer.write(b"678", 5))
        for offset in (-1, 0, 7):
            with pytest.raises(InvalidOffsetError) as caught:
                self.run(writer.write(b"x", offset))
            assert caught.value.offset == offset
            assert writer.size == 8
        self.run(writer.commit())
        self.expect(self.at("f"), b"12345678")
