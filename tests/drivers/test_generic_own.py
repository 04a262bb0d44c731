"""The traps of fsspec that the generic driver must not step into, and its sessions' own races."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from fsspec import AbstractFileSystem
from fsspec.implementations.cached import SimpleCacheFileSystem
from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem
from typing_extensions import override

from regstore._run import BlockingRuntime
from regstore.driver import CHUNK_SIZE, RESERVED_PREFIX, Capabilities, FileReader, StorageDriver
from regstore.drivers.generic import GenericDriver, Source, uncached
from regstore.drivers.generic.publish import PART_SIZE
from regstore.drivers.generic.store import Store
from regstore.drivers.generic.traits import Traits
from regstore.errors import (
    ConfigurationError,
    InvalidPathError,
    PathNotFoundError,
    PermissionDeniedError,
    PreconditionFailedError,
    TransientError,
    UnsupportedMethodError,
)
from regstore.testing.material import collect, content, read_range, write_object
from regstore.testing.race import in_child, race
from tests.drivers.filesystems import (
    HookedFileSystem,
    ObjectFileSystem,
    RefusingFileSystem,
    SilentFileSystem,
)

run = BlockingRuntime().run


def listed(driver: StorageDriver, path: str) -> list[str]:
    return run(collect(driver.list(path)))


def walked(driver: StorageDriver, path: str = "") -> set[str]:
    return {info.path for info in run(collect(driver.walk(path)))}


async def rest(reader: FileReader) -> bytes:
    return b"".join([chunk async for chunk in reader])


@pytest.fixture
def store(tmp_path: Path) -> str:
    """Return the name of an object store that no other test has."""
    return str(tmp_path)


@pytest.fixture
def hooked() -> HookedFileSystem:
    return HookedFileSystem(skip_instance_cache=True)


def private_memory() -> MemoryFileSystem:
    return MemoryFileSystem(global_store=False, skip_instance_cache=True)


class TestTraps:
    @pytest.mark.parametrize("kind", [ObjectFileSystem, RefusingFileSystem, SilentFileSystem])
    def test_unknown_filesystems_work(self, kind: type[ObjectFileSystem], store: str) -> None:
        fs = kind(store)
        driver = GenericDriver(fs, "/root")
        large = content(PART_SIZE + 5)
        for data in (b"first", b"second", large):
            run(driver.put_content("d/f", data))
            assert run(driver.get_content("d/f")).data == data
            run(write_object(driver, "d/g", data, b"!"))
            run(driver.copy("d/g", "d/h"))
            run(driver.move("d/h", "d/i"))
            assert run(read_range(driver, "d/i", 3)) == data[3:] + b"!"
        assert walked(driver) == {"d/f", "d/g", "d/i"}
        assert set(fs.objects) == {"/root/d/f", "/root/d/g", "/root/d/i"}
        run(driver.delete("d"))
        assert not fs.objects

    @pytest.mark.parametrize("kind", [ObjectFileSystem, RefusingFileSystem])
    def test_a_stream_that_breaks_commits_nothing(
        self, kind: type[ObjectFileSystem], store: str
    ) -> None:
        fs = kind(store)

        def breaking() -> Iterator[bytes]:
            yield content(3 << 20)
            raise TransientError("f", "test", "broken")

        with pytest.raises(TransientError):
            Store(Source.of(fs), "/root").stream("f", breaking())
        gc.collect()
        assert not fs.objects

    @pytest.mark.parametrize("kind", [ObjectFileSystem, RefusingFileSystem])
    def test_a_commit_whose_part_has_vanished_leaves_the_target_alone(
        self, kind: type[ObjectFileSystem], store: str
    ) -> None:
        fs = kind(store)
        driver = GenericDriver(fs, "/root")
        run(driver.put_content("to", b"old"))
        writer = run(driver.writer("up/data"))
        run(writer.write(content(2 * PART_SIZE + 1)))
        last = [key for key in fs.objects if "/part." in key][-1]
        del fs.objects[last]
        with pytest.raises(PreconditionFailedError):
            run(writer.commit("to"))
        gc.collect()
        assert run(driver.get_content("to")).data == b"old"
        run(writer.cancel())
        assert set(fs.objects) == {"/root/to"}

    @pytest.mark.parametrize("kind", ["local", "memory", "chain"])
    def test_wildcards_in_the_root_are_letters(self, kind: str, tmp_path: Path) -> None:
        root, fs = f"{tmp_path}/[ab]*?{{c}}", LocalFileSystem()
        if kind == "memory":
            fs = private_memory()
        inner = DirFileSystem(path=root, fs=fs) if kind == "chain" else fs
        driver = GenericDriver(inner, "" if kind == "chain" else root)
        beside = f"{tmp_path}/ab?c/f"
        fs.makedirs(beside.rpartition("/")[0], exist_ok=True)
        fs.pipe_file(beside, b"not ours")
        run(driver.put_content("d/f", b"x"))
        run(driver.copy("d/f", "d/g"))
        run(driver.move("d/g", "d/h"))
        run(write_object(driver, "d/i", content(PART_SIZE), b"more"))
        assert listed(driver, "d") == ["f", "h", "i"]
        assert run(driver.get_content("d/h")).data == b"x"
        run(driver.delete("d"))
        assert fs.cat_file(beside) == b"not ours"

    def test_readers_of_memory_share_no_cursor(self) -> None:
        fs = private_memory()
        driver = GenericDriver(fs, "/root")
        data = content(3 * CHUNK_SIZE)
        run(driver.put_content("f", data))
        readers = [run(driver.reader("f", offset)) for offset in (0, 10, CHUNK_SIZE)]
        got = [b"", b"", b""]
        for _ in range(3):
            for index, reader in enumerate(readers):
                got[index] += run(reader.read())
                fs.open("/root/f", "rb").seek(7)
        assert got == [data, data[10:], data[CHUNK_SIZE:]]

    def test_a_read_that_spans_a_replacement_raises(self) -> None:
        driver = GenericDriver(private_memory(), "/root")
        run(driver.put_content("f", content(2 * PART_SIZE, "old")))
        reader = run(driver.reader("f"))
        assert run(reader.read()) == content(2 * PART_SIZE, "old")[:CHUNK_SIZE]
        run(driver.put_content("f", content(2 * PART_SIZE, "new")))
        with pytest.raises(PreconditionFailedError):
            run(rest(reader))

    def test_listings_are_never_stale(self, store: str) -> None:
        fs = ObjectFileSystem(store)
        driver, other = (GenericDriver(fs, "/root") for _ in range(2))
        for turn in range(3):
            run(other.put_content(f"d/{turn}", b"x"))
            assert listed(driver, "d") == [str(each) for each in range(turn + 1)]
            assert run(driver.stat(f"d/{turn}")).size == 1
        fs.ls("/root/d")
        run(other.delete_file("d/1"))
        assert "/root/d/1" in fs.ls("/root/d", detail=False), "the filesystem given caches"
        assert listed(driver, "d") == ["0", "2"]

    def test_directories_are_not_removed_where_that_removes_their_content(self, store: str) -> None:
        driver = GenericDriver(ObjectFileSystem(store), "/root")
        run(driver.put_content("d/e/f", b"x"))
        run(driver.put_content("d/e/g", b"x"))
        run(driver.put_content("h", b"x"))
        run(driver.delete_file("d/e/f"))
        run(write_object(driver, "d/e/i", b"x"))
        assert walked(driver) == {"d/e/g", "d/e/i", "h"}

    def test_what_cannot_be_listed_is_not_left_out(self, store: str) -> None:
        class Walled(ObjectFileSystem):
            @override
            def ls(self, path: str, detail: bool = True, **_: object) -> list[object]:
                if path.endswith("/secret"):
                    raise PermissionError(path)
                return super().ls(path, detail)

        run(GenericDriver(ObjectFileSystem(store), "/root").put_content("d/secret/f", b"x"))
        driver = GenericDriver(Walled(store), "/root")
        run(driver.put_content("d/open", b"x"))
        with pytest.raises(PermissionDeniedError):
            walked(driver, "d")

    def test_symbolic_links_to_files_are_not_followed(self, tmp_path: Path) -> None:
        outside = tmp_path / "outside"
        outside.write_bytes(b"secret")
        (tmp_path / "root").mkdir()
        (tmp_path / "root/link").symlink_to(outside)
        driver = GenericDriver(LocalFileSystem(), str(tmp_path / "root"))
        for call in (driver.stat, driver.get_content, driver.reader, driver.local_file):
            with pytest.raises(PathNotFoundError):
                run(call("link"))
        assert walked(driver) == set()
        run(driver.put_content("link", b"ours"))
        assert outside.read_bytes() == b"secret"

    def test_files_that_no_path_can_name_are_not_shown(self, tmp_path: Path) -> None:
        (tmp_path / "lost+found").mkdir()
        (tmp_path / "d").mkdir()
        (tmp_path / "d" / "with space").write_bytes(b"x")
        driver = GenericDriver(LocalFileSystem(), str(tmp_path))
        assert listed(driver, "") == []
        with pytest.raises(PathNotFoundError):
            run(driver.stat("d"))

    def test_bytes_that_a_filesystem_cuts_are_refused(self) -> None:
        source = Source.of(private_memory())
        source.traits = Traits(forbidden=b"--==0==")
        driver = GenericDriver(source, "/root")
        run(driver.put_content("f", b"a\n--==0"))
        with pytest.raises(UnsupportedMethodError):
            run(driver.put_content("f", b"a\n--==0==--\nb"))
        assert run(driver.get_content("f")).data == b"a\n--==0"

    def test_content_replaced_between_the_questions_is_read_again(
        self, hooked: HookedFileSystem
    ) -> None:
        driver = GenericDriver(hooked, "/root")
        run(driver.put_content("f", b"old"))
        left = iter((b"newer", b"newest"))

        def replace(method: str, path: str) -> None:
            data = next(left, None)
            if method == "cat" and data is not None:
                MemoryFileSystem.pipe_file(hooked, path, data)

        hooked.before = replace
        found = run(driver.get_content("f"))
        assert found.data == b"newest"
        assert found.version == run(driver.stat("f")).version


class TestOwnership:
    def test_caching_filesystems_are_refused(self, tmp_path: Path) -> None:
        cache = SimpleCacheFileSystem(fs=LocalFileSystem(), cache_storage=str(tmp_path))
        for fs in (cache, DirFileSystem(path="/x", fs=cache)):
            with pytest.raises(ConfigurationError, match="SimpleCacheFileSystem"):
                GenericDriver(fs, "/x")

    def test_a_forked_child_has_its_own_instance(self, store: str) -> None:
        made: list[AbstractFileSystem] = []

        def make() -> AbstractFileSystem:
            made.append(ObjectFileSystem(store, **uncached(ObjectFileSystem)))
            return made[-1]

        driver = GenericDriver(Source(make, ObjectFileSystem, "test"), "/root")
        assert not made, "no filesystem is made before it is needed"
        run(driver.put_content("f", b"x"))

        def child() -> None:
            assert run(driver.get_content("f")).data == b"x"
            assert len(made) == 2
            assert made[0].pid != made[1].pid

        assert not in_child(child)
        assert len(made) == 1

    def test_filesystems_of_unknown_kinds_see_one_caller_at_a_time(self, store: str) -> None:
        made: list[ObjectFileSystem] = []

        def make() -> ObjectFileSystem:
            made.append(ObjectFileSystem(store, **uncached(ObjectFileSystem)))
            return made[-1]

        driver = GenericDriver(Source(make, ObjectFileSystem, "test"), "/root")

        def work(racer: int) -> None:
            for turn in range(50):
                run(driver.put_content(f"{racer}", b"%d" % turn))
                run(driver.get_content(f"{racer}"))

        run(driver.put_content("f", b"x"))
        for outcome in race([partial(work, racer) for racer in range(4)]):
            assert outcome is None
        assert [fs.overlaps for fs in made] == [0]

    def test_a_filesystem_that_cannot_be_made_is_a_matter_of_configuration(self) -> None:
        def make() -> AbstractFileSystem:
            raise TypeError("unexpected keyword argument 'password=secret'")

        driver = GenericDriver(Source(make, ObjectFileSystem, "test"), "/root")
        with pytest.raises(ConfigurationError) as caught:
            run(driver.stat("f"))
        assert "secret" not in str(caught.value)

    def test_capabilities_may_be_given(self) -> None:
        driver = GenericDriver(private_memory(), "/", capabilities=Capabilities(redirect=True))
        assert driver.capabilities == Capabilities(redirect=True)
        assert run(driver.redirect_url("f")) is None, "this filesystem does not sign"

    def test_emptied_directories_are_gone_but_not_the_root(self, tmp_path: Path) -> None:
        driver = GenericDriver(LocalFileSystem(), str(tmp_path))
        run(driver.put_content("a/b/c", b"x"))
        run(driver.delete_file("a/b/c"))
        run(write_object(driver, "a/b/c", b"x"))
        run(driver.move("a/b/c", "d/e"))
        (tmp_path / "d/empty/deeper").mkdir(parents=True)
        run(driver.delete("d"))
        assert tmp_path.is_dir()
        assert not list(tmp_path.iterdir())

    def test_an_empty_directory_gives_way_to_an_object(self, tmp_path: Path) -> None:
        driver = GenericDriver(LocalFileSystem(), str(tmp_path))
        (tmp_path / "f").mkdir()
        run(driver.put_content("f", b"x"))
        assert run(driver.get_content("f")).data == b"x"
        (tmp_path / "g/h").mkdir(parents=True)
        with pytest.raises(InvalidPathError):
            run(driver.put_content("g", b"x"))
        assert not [each for each in tmp_path.rglob("*") if RESERVED_PREFIX in each.name]
