"""A directory of a driver is as good a store as the whole."""

from __future__ import annotations

from typing import Any

import pytest

from regstore.driver import FileWriter, StorageDriver
from regstore.drivers.memory import MemoryDriver, MemoryStore
from regstore.errors import InvalidPathError, PathNotFoundError
from regstore.testing import PrefixDriver, StorageDriverTests


class TestPrefixDriver(StorageDriverTests):
    @pytest.fixture
    def driver(self) -> StorageDriver:
        self.store = MemoryStore()
        return self.reopen()

    def reopen(self, _: StorageDriver | None = None) -> StorageDriver:
        return PrefixDriver(MemoryDriver(self.store), "some/directory")


def test_everything_lies_below_the_prefix() -> None:
    inner = MemoryDriver()
    driver = PrefixDriver(inner, "a/b")
    run = inner.runtime.run
    run(driver.put_content("c", b"x"))
    assert run(inner.get_content("a/b/c")).data == b"x"
    run(inner.put_content("outside", b"x"))
    with pytest.raises(PathNotFoundError) as missing:
        run(driver.get_content("outside"))
    assert missing.value.path == "outside"
    for path in ("", "..", "../../outside"):
        with pytest.raises(InvalidPathError):
            run(driver.delete(path))
    with pytest.raises(InvalidPathError):
        PrefixDriver(inner, "a/../b")


def test_a_destination_lies_below_the_prefix_too() -> None:
    asked: list[str | None] = []

    class Asked(MemoryDriver):
        async def writer(self, path: str, **options: Any) -> FileWriter:  # noqa: ANN401 - passed on
            asked.append(options["destination"])
            return await super().writer(path, **options)

    inner = Asked()
    driver, run = PrefixDriver(inner, "a/b"), inner.runtime.run
    run(driver.writer("up", destination="c"))
    run(driver.writer("up"))
    assert asked == ["a/b/c", None]
    with pytest.raises(InvalidPathError):
        run(driver.writer("up", destination="../c"))
    assert len(asked) == 2
