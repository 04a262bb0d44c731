"""The memory driver, until the conformance suite speaks for it."""

from __future__ import annotations

import pytest

from regstore._run import BlockingRuntime, as_async
from regstore.driver import IF_ABSENT, if_version, write_stream
from regstore.drivers.memory import MemoryDriver, MemoryStore
from regstore.errors import (
    InvalidPathError,
    NotYetVisibleError,
    PathExistsError,
    PathNotFoundError,
    PreconditionFailedError,
)

run = BlockingRuntime().run
iterate = BlockingRuntime().iterate


@pytest.fixture
def driver() -> MemoryDriver:
    return MemoryDriver()


def test_content_and_conditions(driver: MemoryDriver) -> None:
    first = run(driver.put_content("a/b", b"one", IF_ABSENT))
    with pytest.raises(PathExistsError):
        run(driver.put_content("a/b", b"two", IF_ABSENT))
    second = run(driver.put_content("a/b", b"one", if_version(first)))
    assert second != first
    with pytest.raises(PreconditionFailedError):
        run(driver.delete_file("a/b", if_version(first)))
    assert run(driver.get_content("a/b")).version == second
    run(driver.delete_file("a/b", if_version(second)))
    with pytest.raises(PathNotFoundError):
        run(driver.stat("a"))


def test_an_object_and_a_directory_never_share_a_name(driver: MemoryDriver) -> None:
    run(driver.put_content("a/b", b"x"))
    with pytest.raises(InvalidPathError, match="a directory"):
        run(driver.put_content("a", b"x"))
    with pytest.raises(InvalidPathError, match="'a/b' is an object"):
        run(driver.put_content("a/b/c/d", b"x"))
    with pytest.raises(InvalidPathError):
        run(driver.writer("a/b/c"))
    with pytest.raises(InvalidPathError):
        run(driver.move("a/b", "a/b/c"))
    assert [info.path for info in iterate(driver.walk(""))] == ["a/b"]


def test_listing_is_in_order_of_the_bare_name(driver: MemoryDriver) -> None:
    for path in ("d/ab", "d/a/x", "d/a.b", "d/a-b", "d/a/y", "dd"):
        run(driver.put_content(path, b""))
    assert list(iterate(driver.list("d"))) == ["a", "a-b", "a.b", "ab"]
    assert list(iterate(driver.list("d", start_after="a", limit=2))) == ["a-b", "a.b"]
    run(driver.delete("d"))
    assert list(iterate(driver.list(""))) == ["dd"]
    with pytest.raises(PathNotFoundError):
        list(iterate(driver.list("d")))


def test_a_parked_upload_goes_on_in_another_driver_and_fences_the_first() -> None:
    store = MemoryStore()
    here, there = MemoryDriver(store), MemoryDriver(store)
    first = run(here.writer("u/data"))
    run(first.write(b"abc"))
    run(first.park())
    with pytest.raises(NotYetVisibleError):
        run(there.writer("u/data", append=True, at_least=4))
    second = run(there.writer("u/data", append=True, at_least=3))
    third = run(there.writer("u/data", append=True))
    with pytest.raises(PreconditionFailedError):
        run(second.write(b"x"))
    run(third.write(b"z", offset=5))
    with pytest.raises(PathNotFoundError):
        run(here.stat("u/data"))
    version = run(third.commit("blob", IF_ABSENT))
    assert run(third.commit("blob", IF_ABSENT)) == version
    assert run(here.get_content("blob")).data == b"abc\0\0z"
    with pytest.raises(PathNotFoundError):
        run(here.writer("u/data", append=True))


def test_cancel_after_park_leaves_nothing(driver: MemoryDriver) -> None:
    writer = run(driver.writer("u"))
    run(writer.write(b"abc"))
    run(writer.park())
    run(writer.cancel())
    with pytest.raises(PathNotFoundError):
        run(driver.delete("u"))


def test_a_range_and_the_stream_of_2015(driver: MemoryDriver) -> None:
    taken = run(write_stream(driver, "f", 2, as_async([b"ab", b"cd"])))
    assert taken == 4
    run(write_stream(driver, "f", 3, as_async([b"X"])))
    assert run(driver.get_content("f")).data == b"\0\0aXcd"
    reader = run(driver.reader("f", 3, 2))
    assert (run(reader.read()), run(reader.read()), reader.info.size) == (b"Xc", b"", 6)


def test_named_stores_are_shared() -> None:
    assert MemoryStore.named("test-memory") is MemoryStore.named("test-memory")
    assert MemoryStore.named("test-memory") is not MemoryStore.named("test-memory-2")
