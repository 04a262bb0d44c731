"""Readers, writers and listings go on where a failure has cut them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from typing_extensions import override

from regstore import layout
from regstore.consistency import RetryCounts, Retrying, WrapperDriver, WrapperWriter, resumed
from regstore.digest import Digest
from regstore.driver import CHUNK_SIZE, IF_ABSENT, FileReader, FileWriter, StorageDriver
from regstore.drivers.memory import MemoryDriver
from regstore.errors import (
    IncompleteReadError,
    NoSpaceError,
    PathNotFoundError,
    PreconditionFailedError,
    TransientError,
)
from regstore.testing.faults import Lag, LaggingDriver
from tests.consistency.faulty import PAGE, Fault, Faulty
from tests.places import VirtualRuntime

FAULTS: list[Fault] = ["refused", "request lost", "answer lost"]


class Place:
    """A faulty store, and what repeats over it."""

    def __init__(self) -> None:
        self.runtime = VirtualRuntime()
        self.run = self.runtime.run
        self.store = MemoryDriver(runtime=self.runtime)
        self.faulty = Faulty(self.store)
        self.retrying = Retrying(self.faulty)

    def put(self, path: str, data: bytes) -> None:
        self.run(self.store.put_content(path, data))

    def read(self, path: str) -> bytes:
        return self.run(self.store.get_content(path)).data


@pytest.fixture
def place() -> Place:
    return Place()


async def rest_of(reader: FileReader) -> bytes:
    return b"".join([chunk async for chunk in reader])


@pytest.mark.parametrize("fault", [*FAULTS, IncompleteReadError("a")], ids=str)
@pytest.mark.parametrize("length", [None, 2 * CHUNK_SIZE])
def test_a_reader_goes_on_at_the_byte_it_has_reached(
    place: Place, fault: Fault, length: int | None
) -> None:
    data = bytes(range(256)) * (3 * CHUNK_SIZE // 256)
    place.put("a", data)
    reader = place.run(place.retrying.reader("a", 10, length))
    first = place.run(reader.read())
    place.faulty.plan = [fault, None]
    wanted = data[10:] if length is None else data[10 : 10 + length]
    assert first + place.run(rest_of(reader)) == wanted
    assert place.faulty.requests["reader"] == 2


@pytest.mark.parametrize("how", ["replaced", "deleted"])
def test_a_reader_never_goes_on_in_another_version(place: Place, how: str) -> None:
    place.put("a", bytes(2 * CHUNK_SIZE))
    reader = place.run(place.retrying.reader("a"))
    place.run(reader.read())
    if how == "replaced":
        place.put("a", b"x" * 2 * CHUNK_SIZE)
    else:
        place.run(place.store.delete("a"))
    place.faulty.plan = ["refused"]
    with pytest.raises(PreconditionFailedError, match=how):
        place.run(reader.read())


@pytest.mark.parametrize("fault", ["refused", PreconditionFailedError("a")], ids=str)
def test_a_reader_goes_on_in_another_version_of_content_under_its_digest(
    place: Place, fault: Fault
) -> None:
    data = bytes(range(256)) * (2 * CHUNK_SIZE // 256)
    path = layout.BlobData(Digest.of(data)).path
    place.put(path, data)
    reader = place.run(place.retrying.reader(path))
    first = place.run(reader.read())
    place.put(path, data)
    place.faulty.plan = [fault]
    assert first + place.run(rest_of(reader)) == data


def test_a_reader_asks_again_where_the_store_lags_and_does_not_show_it_any_more(
    place: Place,
) -> None:
    place.put("a", bytes(range(256)) * (2 * CHUNK_SIZE // 256))
    faulty = Faulty(LaggingDriver(place.store, Lag(get=1.0)))
    reader = place.run(Retrying(faulty).reader("a"))
    first = place.run(reader.read())
    faulty.plan = ["refused", PathNotFoundError("a"), PathNotFoundError("a")]
    assert first + place.run(rest_of(reader)) == place.read("a")


def test_a_reader_of_content_does_not_go_on_in_a_torn_one(place: Place) -> None:
    data = bytes(2 * CHUNK_SIZE)
    path = layout.BlobData(Digest.of(data)).path
    place.put(path, data)
    reader = place.run(place.retrying.reader(path))
    place.run(reader.read())
    place.put(path, data[: CHUNK_SIZE + 9])
    place.faulty.plan = ["refused"]
    with pytest.raises(PreconditionFailedError, match="replaced"):
        place.run(reader.read())


def test_a_closed_reader_stays_closed(place: Place) -> None:
    place.put("a", b"x")
    reader = place.run(place.retrying.reader("a"))
    place.run(reader.aclose())
    with pytest.raises(IncompleteReadError):
        place.run(reader.read())
    assert place.faulty.requests["reader"] == 1


class Partial(WrapperDriver):
    """Whose writers take a part of each write, and fail."""

    takes = 3

    @override
    async def writer(
        self,
        path: str,
        *,
        append: bool = False,
        begin: bool = False,
        at_least: int = 0,
        destination: str | None = None,
    ) -> FileWriter:
        return _Partial(await super().writer(path, append=append, begin=begin), self)


class _Partial(WrapperWriter):
    def __init__(self, inner: FileWriter, driver: Partial) -> None:
        super().__init__(inner)
        self._driver = driver

    @override
    async def write(self, data: bytes | bytearray | memoryview, offset: int | None = None) -> None:
        left = max(0, (offset or 0) - self.size) if offset is not None else 0
        await super().write(bytes(left) + bytes(data[: self._driver.takes]))
        if len(data) > self._driver.takes:
            raise TransientError("a", outcome_unknown=True)


@pytest.mark.parametrize("offset", [None, 2, 9])
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_a_write_goes_on_with_what_was_not_taken(
    place: Place, offset: int | None, kind: Callable[[bytes], bytes]
) -> None:
    writer = place.run(Retrying(Partial(place.store)).writer("a"))
    place.run(writer.write(b"01"))
    place.run(writer.write(kind(b"abcdefgh"), offset))
    place.run(writer.commit())
    assert place.read("a") == b"01" + bytes(7 if offset == 9 else 0) + b"abcdefgh"


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("step", range(4), ids=["write", "park", "writer", "commit"])
def test_every_step_of_a_writer_is_repeated(place: Place, fault: Fault, step: int) -> None:
    async def upload() -> None:
        writer = await place.retrying.writer("a")
        place.faulty.plan = [None] * step + [fault]
        await writer.write(b"content")
        await writer.park()
        writer = await place.retrying.writer("a", append=True)
        await writer.commit("b")

    place.run(upload())
    assert place.read("b") == b"content"
    assert place.retrying.counts.retries == 1


@pytest.mark.parametrize("fault", FAULTS)
def test_who_was_overtaken_is_told_so_whatever_got_lost(place: Place, fault: Fault) -> None:
    place.run(place.run(place.store.writer("a")).park())
    older = place.run(place.retrying.writer("a", append=True))
    newer = place.run(place.store.writer("a", append=True))
    place.run(newer.write(b"newer"))
    place.run(newer.park())
    place.faulty.plan = [fault]
    with pytest.raises(PreconditionFailedError):
        place.run(older.write(b"older"))


def test_a_cancel_is_repeated(place: Place) -> None:
    writer = place.run(place.retrying.writer("a"))
    place.faulty.plan = ["request lost", "answer lost"]
    place.run(writer.cancel())
    with pytest.raises(PathNotFoundError):
        place.run(place.store.writer("a", append=True))


def test_a_commit_with_a_condition_is_not_repeated_once_its_answer_was_lost(place: Place) -> None:
    writer = place.run(place.retrying.writer("a"))
    place.faulty.plan = ["request lost"]
    with pytest.raises(TransientError) as caught:
        place.run(writer.commit("b", IF_ABSENT))
    assert caught.value.outcome_unknown
    assert place.faulty.requests["commit"] == 1


def test_a_full_store_is_not_asked_again(place: Place) -> None:
    writer = place.run(place.retrying.writer("a"))
    place.faulty.plan = [NoSpaceError("a")]
    with pytest.raises(NoSpaceError):
        place.run(writer.write(b"x"))
    assert place.retrying.counts == RetryCounts(calls=2)


NAMES = sorted(f"{number}" for number in range(3 * PAGE))


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("page", range(4))
@pytest.mark.parametrize("limit", [None, 2 * PAGE + 1])
def test_a_list_goes_on_after_the_last_name(
    place: Place, fault: Fault, page: int, limit: int | None
) -> None:
    for name in NAMES:
        place.put(f"d/{name}", b"")
    place.faulty.plan = [None] * page + [fault]
    names = place.runtime.iterate(place.retrying.list("d", "1", limit))
    wanted = [name for name in NAMES if name > "1"][:limit]
    assert list(names) == wanted


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("page", range(4))
def test_a_walk_gives_every_file_once(place: Place, fault: Fault, page: int) -> None:
    for name in NAMES:
        place.put(f"d/{name}", b"")
    place.faulty.plan = [None] * page + [fault]
    found = [info.path for info in place.runtime.iterate(place.retrying.walk("d"))]
    assert sorted(found) == [f"d/{name}" for name in NAMES]


def test_a_walk_that_is_too_long_to_remember_raises(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resumed, "_REMEMBERED", 10)
    for name in NAMES:
        place.put(f"d/{name}", b"")
    place.faulty.plan = [None, "refused"]
    with pytest.raises(TransientError):
        list(place.runtime.iterate(place.retrying.walk("d")))


@pytest.mark.parametrize("method", ["list", "walk"])
def test_a_directory_that_vanishes_meanwhile_ends_its_listing(place: Place, method: str) -> None:
    for name in NAMES:
        place.put(f"d/{name}", b"")
    place.faulty.plan = [None, "refused"]
    place.runtime.plans = [(0.0, lambda: place.run(place.store.delete("d")))]
    found = list(place.runtime.iterate(getattr(place.retrying, method)("d")))
    assert len(found) == PAGE


def test_a_missing_directory_is_missing(place: Place) -> None:
    driver: StorageDriver = place.retrying
    place.faulty.plan = ["refused"]
    with pytest.raises(PathNotFoundError):
        list(place.runtime.iterate(driver.list("d")))
