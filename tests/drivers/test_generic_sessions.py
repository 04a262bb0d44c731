"""What the generic driver parks: crashes, and races that the suite cannot arrange."""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from regstore._run import BlockingRuntime
from regstore.drivers.generic import GenericDriver
from regstore.drivers.generic.publish import PART_SIZE
from regstore.errors import DriverError, PathNotFoundError, PreconditionFailedError
from regstore.testing.material import content, park_object, read_range, write_object
from tests.drivers.back_doors import FilesystemBackDoor
from tests.drivers.filesystems import HookedFileSystem, ObjectFileSystem

run = BlockingRuntime().run


def private_memory() -> MemoryFileSystem:
    return MemoryFileSystem(global_store=False, skip_instance_cache=True)


@pytest.fixture
def hooked() -> HookedFileSystem:
    return HookedFileSystem(skip_instance_cache=True)


class TestSessions:
    """A crash is a driver that is forgotten, and another one on the same filesystem."""

    @pytest.fixture(params=["local", "memory", "objects"])
    def fs(self, request: pytest.FixtureRequest, tmp_path: Path) -> AbstractFileSystem:
        kinds: dict[str, Callable[[], AbstractFileSystem]] = {
            "local": LocalFileSystem,
            "memory": private_memory,
            "objects": partial(ObjectFileSystem, str(tmp_path), use_listings_cache=False),
        }
        return kinds[request.param]()

    def test_a_writer_that_was_never_parked_is_lost_and_cleaned_up(
        self, fs: AbstractFileSystem, tmp_path: Path
    ) -> None:
        door = FilesystemBackDoor(fs, str(tmp_path))
        writer = run(GenericDriver(fs, str(tmp_path)).writer("up/data"))
        run(writer.write(content(PART_SIZE + 1)))
        del writer
        gc.collect()
        driver = GenericDriver(fs, str(tmp_path))
        assert door.paths()
        with pytest.raises(PathNotFoundError):
            run(driver.writer("up/data", append=True))
        with pytest.raises(PathNotFoundError):
            run(driver.stat("up"))
        run(write_object(driver, "up/data", b"again"))
        assert door.paths() == {"up/data"}

    def test_a_crash_after_park_loses_only_what_came_later(
        self, fs: AbstractFileSystem, tmp_path: Path
    ) -> None:
        door, parked = FilesystemBackDoor(fs, str(tmp_path)), content(PART_SIZE + 1, "parked")
        first = GenericDriver(fs, str(tmp_path))
        run(park_object(first, "up/data", parked))
        writer = run(first.writer("up/data", append=True))
        run(writer.write(content(2 * PART_SIZE, "lost")))
        door.write("up/.regstore-parked.data/whole.1", b"a commit was cut off")
        del writer, first
        driver = GenericDriver(fs, str(tmp_path))
        writer = run(driver.writer("up/data", append=True, at_least=len(parked)))
        assert writer.size == len(parked)
        run(writer.write(b"end"))
        run(writer.commit("blobs/x"))
        assert run(read_range(driver, "blobs/x")) == parked + b"end"
        assert door.paths() == {"blobs/x"}

    def test_a_new_writer_frees_what_was_parked(
        self, fs: AbstractFileSystem, tmp_path: Path
    ) -> None:
        driver = GenericDriver(fs, str(tmp_path))
        run(park_object(driver, "f", content(100)))
        run(driver.writer("f"))
        assert FilesystemBackDoor(fs, str(tmp_path)).paths() == {".regstore-parked.f/head"}

    def test_delete_of_the_path_removes_what_is_parked(
        self, fs: AbstractFileSystem, tmp_path: Path
    ) -> None:
        driver = GenericDriver(fs, str(tmp_path))
        run(park_object(driver, "up/data", b"x"))
        run(driver.delete("up/data"))
        assert not FilesystemBackDoor(fs, str(tmp_path)).paths()
        with pytest.raises(PathNotFoundError):
            run(driver.delete("up/data"))

    def test_a_record_that_was_cut_off_was_never_acknowledged(self, tmp_path: Path) -> None:
        driver = GenericDriver(LocalFileSystem(), str(tmp_path))
        run(park_object(driver, "f", b"parked"))
        session = tmp_path / ".regstore-parked.f"
        first = set(session.glob("record.*"))
        older = {path: path.read_bytes() for path in first}
        writer = run(driver.writer("f", append=True))
        run(writer.write(b", and more"))
        run(writer.park())
        (second,) = set(session.glob("record.*")) - first
        second.write_bytes(second.read_bytes()[:-5])
        for path, data in older.items():
            path.write_bytes(data)
        writer = run(driver.writer("f", append=True))
        assert writer.size == len(b"parked")
        run(writer.commit())
        assert run(driver.get_content("f")).data == b"parked"

    def test_a_park_while_another_resumes_is_not_lost(self, hooked: HookedFileSystem) -> None:
        driver = GenericDriver(hooked, "/root")
        run(park_object(driver, "f", b"one"))
        older = run(driver.writer("f", append=True))
        run(older.write(b"two"))

        def park(method: str, path: str) -> None:
            if method == "pipe" and path.endswith("/head"):
                hooked.before = lambda _method, _path: None
                run(older.park())

        hooked.before = park
        newer = run(driver.writer("f", append=True))
        assert newer.size == len(b"onetwo")
        run(newer.commit())
        assert run(driver.get_content("f")).data == b"onetwo"

    def test_a_park_that_another_overtakes_is_not_acknowledged(
        self, hooked: HookedFileSystem
    ) -> None:
        driver = GenericDriver(hooked, "/root")
        run(park_object(driver, "f", b"one"))
        older = run(driver.writer("f", append=True))
        run(older.write(b"older"))
        newer = []

        def overtake(method: str, path: str) -> None:
            if method == "pipe" and "/record." in path:
                hooked.before = lambda _method, _path: None
                newer.append(run(driver.writer("f", append=True)))
                run(newer[0].write(b"newer"))
                run(newer[0].park())

        hooked.before = overtake
        with pytest.raises(PreconditionFailedError):
            run(older.park())
        run(older.cancel())
        writer = run(driver.writer("f", append=True, at_least=newer[0].size))
        run(writer.commit())
        assert run(driver.get_content("f")).data == b"onenewer"
        assert FilesystemBackDoor(hooked, "/root").paths() == {"f"}

    def test_a_commit_that_another_overtakes_publishes_nothing(
        self, hooked: HookedFileSystem
    ) -> None:
        driver = GenericDriver(hooked, "/root")
        run(park_object(driver, "f", content(PART_SIZE)))
        older = run(driver.writer("f", append=True))

        def overtake(method: str, path: str) -> None:
            if method == "cat" and "/part." in path:
                hooked.before = lambda _method, _path: None
                run(driver.writer("f", append=True))

        hooked.before = overtake
        with pytest.raises(PreconditionFailedError):
            run(older.commit("to"))
        paths = FilesystemBackDoor(hooked, "/root").paths()
        assert all(path.startswith(".regstore-parked.f/") for path in paths)

    def test_a_deleted_session_stays_deleted(self, hooked: HookedFileSystem) -> None:
        driver = GenericDriver(hooked, "/root")
        writer = run(driver.writer("up/data"))
        run(writer.write(content(PART_SIZE)))
        run(driver.delete("up"))
        for step in (writer.write(b"x"), writer.park(), writer.commit()):
            with pytest.raises(PreconditionFailedError):
                run(step)
        run(writer.cancel())
        assert not FilesystemBackDoor(hooked, "/root").paths()

    def test_a_failed_write_takes_what_it_says(self, hooked: HookedFileSystem) -> None:
        driver = GenericDriver(hooked, "/root")
        data = content(2 * PART_SIZE + 10)
        writer = run(driver.writer("f"))

        def fail(method: str, path: str) -> None:
            if method == "pipe" and "/part." in path:
                hooked.before = lambda _method, _path: None
                raise ConnectionResetError

        hooked.before = fail
        with pytest.raises(DriverError):
            run(writer.write(data))
        run(writer.write(data[writer.size :]))
        run(writer.commit())
        assert run(read_range(driver, "f")) == data
