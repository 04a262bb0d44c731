"""The memory driver keeps the contract."""

from __future__ import annotations

import pytest

from regstore._run import BlockingRuntime
from regstore.driver import StorageDriver
from regstore.drivers.memory import MemoryDriver, MemoryStore
from regstore.errors import IncompleteReadError, InvalidPathError, PreconditionFailedError
from regstore.testing import StorageDriverTests

run = BlockingRuntime().run


class TestMemoryDriver(StorageDriverTests):
    store = MemoryStore()

    @pytest.fixture
    def driver(self) -> StorageDriver:
        return MemoryDriver(self.store)

    def reopen(self, _driver: StorageDriver) -> StorageDriver:
        return MemoryDriver(self.store)


def test_named_stores_are_shared_and_others_private() -> None:
    run(MemoryDriver(MemoryStore.named("test-memory")).put_content("a", b"x"))
    assert run(MemoryDriver(MemoryStore.named("test-memory")).get_content("a")).data == b"x"
    for other in (MemoryDriver(MemoryStore.named("test-memory-2")), MemoryDriver()):
        with pytest.raises(FileNotFoundError):
            run(other.stat("a"))


def test_an_object_and_a_directory_never_share_a_name() -> None:
    driver = MemoryDriver()
    run(driver.put_content("a/b", b"x"))
    with pytest.raises(InvalidPathError, match="a directory"):
        run(driver.put_content("a", b"x"))
    with pytest.raises(InvalidPathError, match="'a/b' is an object"):
        run(driver.put_content("a/b/c/d", b"x"))
    with pytest.raises(InvalidPathError):
        run(driver.writer("a/b/c"))
    with pytest.raises(InvalidPathError):
        run(driver.move("a/b", "a/b/c"))
    assert [info.path for info in driver.runtime.iterate(driver.walk(""))] == ["a/b"]


def test_a_fenced_writer_s_cancel_leaves_its_successor_alone() -> None:
    driver = MemoryDriver()
    first = run(driver.writer("u"))
    run(first.write(b"abc"))
    run(first.park())
    second = run(driver.writer("u", append=True))
    run(first.cancel())
    run(second.commit())
    assert run(driver.get_content("u")).data == b"abc"


def test_deleting_an_upload_fences_its_writer() -> None:
    driver = MemoryDriver()
    writer = run(driver.writer("u/data"))
    run(writer.write(b"abc"))
    run(writer.park())
    writer = run(driver.writer("u/data", append=True))
    run(driver.delete("u"))
    with pytest.raises(PreconditionFailedError):
        run(writer.commit())


def test_a_closed_reader_does_not_pretend_to_be_at_the_end() -> None:
    driver = MemoryDriver()
    run(driver.put_content("a", b"abc"))
    reader = run(driver.reader("a"))
    run(reader.aclose())
    with pytest.raises(IncompleteReadError):
        run(reader.read())
