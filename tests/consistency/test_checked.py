"""``Checked`` lets honest drivers through and catches what lies."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from typing import Any

import pytest
from typing_extensions import override

from regstore._run import BlockingRuntime
from regstore.consistency import Checked, WrapperDriver, WrapperReader, WrapperWriter
from regstore.driver import (
    EPOCH,
    IF_ABSENT,
    MAX_NOTE_BYTES,
    Capabilities,
    Content,
    FileInfo,
    FileReader,
    FileWriter,
    StorageDriver,
    if_version,
)
from regstore.drivers.memory import MemoryDriver
from regstore.errors import (
    DriverError,
    IncompleteReadError,
    InvalidOffsetError,
    InvalidPathError,
    UnsupportedMethodError,
    WriterClosedError,
)

run = BlockingRuntime().run
iterate = BlockingRuntime().iterate


class Untouchable:
    """Stands where a driver would; any use of it but its name and capabilities is an error."""

    name = "untouchable"
    capabilities = Capabilities()

    def __getattr__(self, name: str) -> object:
        pytest.fail(f"the driver was asked to {name}")


BAD_ARGUMENTS: list[tuple[str, Callable[[StorageDriver], object]]] = [
    ("stat", lambda driver: run(driver.stat("a/"))),
    ("get_content", lambda driver: run(driver.get_content(""))),
    ("reader", lambda driver: run(driver.reader("/a"))),
    ("put_content", lambda driver: run(driver.put_content("a b", b""))),
    ("writer", lambda driver: run(driver.writer("a//b"))),
    ("destination", lambda driver: run(driver.writer("a", destination="a/"))),
    ("move from", lambda driver: run(driver.move("..", "a"))),
    ("move to", lambda driver: run(driver.move("a", ".."))),
    ("copy from", lambda driver: run(driver.copy(".", "a"))),
    ("copy to", lambda driver: run(driver.copy("a", "."))),
    ("delete", lambda driver: run(driver.delete(""))),
    ("delete_file", lambda driver: run(driver.delete_file("a/.regstore-b"))),
    ("list", lambda driver: list(iterate(driver.list("a/../b")))),
    ("walk", lambda driver: list(iterate(driver.walk("a/../b")))),
    ("redirect_url", lambda driver: run(driver.redirect_url(""))),
    ("local_file", lambda driver: run(driver.local_file(""))),
]


@pytest.mark.parametrize("call", [pytest.param(call, id=name) for name, call in BAD_ARGUMENTS])
def test_bad_paths_never_reach_the_driver(call: Callable[[StorageDriver], object]) -> None:
    untouchable: StorageDriver = Untouchable()  # type: ignore[assignment] # that is the point
    with pytest.raises(InvalidPathError) as caught:
        call(Checked(untouchable))
    assert caught.value.driver == "untouchable"


BAD_NUMBERS: list[tuple[str, Callable[[StorageDriver], object]]] = [
    ("offset", lambda driver: run(driver.reader("a", -1))),
    ("length", lambda driver: run(driver.reader("a", 0, -1))),
    ("at_least", lambda driver: run(driver.writer("a", append=True, at_least=-1))),
    ("limit", lambda driver: list(iterate(driver.list("a", None, -1)))),
]


@pytest.mark.parametrize("call", [pytest.param(call, id=name) for name, call in BAD_NUMBERS])
def test_bad_numbers_never_reach_the_driver(call: Callable[[StorageDriver], object]) -> None:
    untouchable: StorageDriver = Untouchable()  # type: ignore[assignment] # that is the point
    with pytest.raises(InvalidOffsetError):
        call(Checked(untouchable))


@pytest.mark.parametrize(
    "options",
    [{"begin": True}, {"append": True, "destination": "b"}],
    ids=["begin alone", "append to a destination"],
)
def test_options_that_contradict_each_other_never_reach_the_driver(options: dict[str, Any]) -> None:
    untouchable: StorageDriver = Untouchable()  # type: ignore[assignment] # that is the point
    with pytest.raises(ValueError, match=r"^a: .*: (leave out begin|append alone)"):
        run(Checked(untouchable).writer("a", **options))


UNPROMISED: list[tuple[str, Callable[[StorageDriver], object]]] = [
    ("conditional_create", lambda driver: run(driver.put_content("a", b"", IF_ABSENT))),
    ("conditional_replace", lambda driver: run(driver.put_content("a", b"", if_version("1")))),
    ("conditional_delete", lambda driver: run(driver.delete_file("a", if_version("1")))),
    ("conditional_copy", lambda driver: run(driver.copy("a", "b", IF_ABSENT))),
    ("source_pinned_copy", lambda driver: run(driver.copy("a", "b", source_version="1"))),
    ("absent", lambda driver: run(driver.delete_file("a", IF_ABSENT))),
]


@pytest.mark.parametrize(
    ("word", "call"), [pytest.param(name, call, id=name) for name, call in UNPROMISED]
)
def test_conditions_that_are_not_promised_never_reach_the_driver(
    word: str, call: Callable[[StorageDriver], object]
) -> None:
    untouchable: StorageDriver = Untouchable()  # type: ignore[assignment] # that is the point
    with pytest.raises(UnsupportedMethodError, match=word) as caught:
        call(Checked(untouchable))
    advice = {"absent": "cannot be deleted", "source_pinned_copy": "copy without source_version"}
    assert advice.get(word, "leave out the condition") in str(caught.value)


class LyingDriver(WrapperDriver):
    """Answers what a test tells it to."""

    def __init__(self) -> None:
        super().__init__(MemoryDriver())
        self.info: Callable[[FileInfo], FileInfo] = lambda info: info
        self.content: Callable[[Content], Content] = lambda content: content
        self.names: list[str] = []
        self.infos: list[FileInfo] = []
        self.chunks: list[bytes] | None = None
        self.closed = 0
        self.writer_size: int | None = None
        self.steps: list[str] = []

    @override
    async def stat(self, path: str, *, must_exist: bool = False) -> FileInfo:
        return self.info(await super().stat(path))

    @override
    async def get_content(self, path: str, *, must_exist: bool = False) -> Content:
        return self.content(await super().get_content(path))

    @override
    async def reader(
        self, path: str, offset: int = 0, length: int | None = None, *, must_exist: bool = False
    ) -> FileReader:
        return LyingReader(self, await super().reader(path, 0 if self.chunks else offset, length))

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
        return LyingWriter(self, await super().writer(path, append=append))

    @override
    async def list(
        self, path: str, start_after: str | None = None, limit: int | None = None
    ) -> AsyncGenerator[str, None]:
        try:
            for name in self.names:
                yield name
        finally:
            self.closed += 1

    @override
    async def walk(self, path: str) -> AsyncGenerator[FileInfo, None]:
        try:
            for info in self.infos:
                yield info
        finally:
            self.closed += 1


class LyingReader(WrapperReader):
    def __init__(self, driver: LyingDriver, inner: FileReader) -> None:
        super().__init__(inner)
        self.info = driver.info(inner.info)
        self._driver = driver

    @override
    async def read(self) -> bytes:
        if self._driver.chunks is None:
            return await super().read()
        return self._driver.chunks.pop(0) if self._driver.chunks else b""

    @override
    async def aclose(self) -> None:
        self._driver.closed += 1


class LyingWriter(WrapperWriter):
    def __init__(self, driver: LyingDriver, inner: FileWriter) -> None:
        super().__init__(inner)
        self._driver = driver

    @property
    @override
    def size(self) -> int:
        told = self._driver.writer_size
        return self._inner.size if told is None else told

    @override
    async def write(self, data: bytes | bytearray | memoryview, offset: int | None = None) -> None:
        self._driver.steps.append("write")
        await super().write(data, offset)

    @override
    async def park(self, note: bytes = b"") -> None:
        self._driver.steps.append("park")

    @override
    async def commit(
        self, to: str | None = None, condition: object = None, *, keep_parked: bool = False
    ) -> str | None:
        self._driver.steps.append("commit")
        return "1"

    @override
    async def cancel(self) -> None:
        self._driver.steps.append("cancel")


@pytest.fixture
def lying() -> LyingDriver:
    driver = LyingDriver()
    run(driver.put_content("a/b", b"abcdef"))
    return driver


@pytest.mark.parametrize(
    "lie",
    [
        pytest.param(lambda info: replace(info, path="a/c"), id="another path"),
        pytest.param(lambda info: replace(info, size=-1), id="negative size"),
        pytest.param(lambda info: replace(info, version=""), id="no version"),
        pytest.param(lambda info: replace(info, is_dir=True), id="directory with a size"),
        pytest.param(
            lambda info: replace(info, modified=info.modified.replace(tzinfo=None)), id="no zone"
        ),
    ],
)
def test_descriptions_that_cannot_be_true(
    lying: LyingDriver, lie: Callable[[FileInfo], FileInfo]
) -> None:
    lying.info = lie
    with pytest.raises(DriverError, match=r"memory.*breaks clause R1"):
        run(Checked(lying).stat("a/b"))
    with pytest.raises(DriverError, match=r"memory.*breaks clause R1"):
        run(Checked(lying).reader("a/b"))
    assert lying.closed == 1


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(Content(b"", "", EPOCH), id="no version"),
        pytest.param(Content(b"", "1", EPOCH.replace(tzinfo=None)), id="no zone"),
    ],
)
def test_content_without_a_version_or_zone(lying: LyingDriver, content: Content) -> None:
    lying.content = lambda _: content
    with pytest.raises(DriverError, match="breaks clause R1"):
        run(Checked(lying).get_content("a/b"))


async def drain(driver: StorageDriver, offset: int = 0, length: int | None = None) -> list[bytes]:
    async with await driver.reader("a/b", offset, length) as reader:
        return [chunk async for chunk in reader]


@pytest.mark.parametrize(
    ("offset", "length", "chunks"),
    [
        (0, None, [b"abc"]),
        (0, None, [b"abc", b"defg"]),
        (0, None, [b"abcdef", b"g"]),
        (2, None, [b"cde"]),
        (2, 2, [b"c"]),
        (2, 2, [b"cde"]),
        (4, 9, [b"efg"]),
    ],
)
def test_a_body_of_another_length_than_announced(
    lying: LyingDriver, offset: int, length: int | None, chunks: list[bytes]
) -> None:
    lying.chunks = chunks
    with pytest.raises(IncompleteReadError) as caught:
        run(drain(Checked(lying), offset, length))
    assert (caught.value.path, caught.value.driver) == ("a/b", "memory")
    assert lying.closed == 1


def test_what_is_too_much_is_not_given(lying: LyingDriver) -> None:
    lying.chunks = [b"abcdefg"]
    reader = run(Checked(lying).reader("a/b"))
    with pytest.raises(IncompleteReadError, match="1 bytes more"):
        run(reader.read())


def test_honest_ranges_pass(lying: LyingDriver) -> None:
    checked = Checked(lying)
    assert run(drain(checked)) == [b"abcdef"]
    assert run(drain(checked, 2, 2)) == [b"cd"]
    assert run(drain(checked, 4, 9)) == [b"ef"]
    assert run(drain(checked, 6)) == []


def test_a_reader_opened_beyond_the_end(lying: LyingDriver) -> None:
    lying.chunks = [b"x"]
    with pytest.raises(InvalidOffsetError):
        run(Checked(lying).reader("a/b", 7))
    assert lying.closed == 1


@pytest.mark.parametrize(
    "names",
    [
        ["a", "a"],
        ["b", "a"],
        ["a", "a/b"],
        [".regstore-parts", "a"],
        [""],
        [".."],
        ["0"],
        ["a", "b", "c", "d"],
    ],
)
def test_lists_that_break_the_order_or_show_what_nobody_may_name(
    lying: LyingDriver, names: list[str]
) -> None:
    lying.names = names
    with pytest.raises(DriverError, match=r"breaks clause (L1|P1)"):
        list(iterate(Checked(lying).list("a", "0", 3)))
    assert lying.closed == 1


def test_honest_lists_pass_and_close_the_driver_s_own(lying: LyingDriver) -> None:
    lying.names = ["a", "a-b", "a.b", "ab"]
    names = iterate(Checked(lying).list("a", None, 4))
    assert next(names) == "a"
    names.close()
    assert lying.closed == 1
    assert list(iterate(Checked(lying).list("a"))) == lying.names


@pytest.mark.parametrize("path", ["b", "a", "ab/c", "a/.regstore-x/y", "a//b"])
def test_walks_that_show_what_is_not_there(lying: LyingDriver, path: str) -> None:
    lying.infos = [replace(run(lying.stat("a/b")), path=path)]
    with pytest.raises(DriverError, match=r"breaks clause (L3|P1)"):
        list(iterate(Checked(lying).walk("a")))
    assert lying.closed == 1


def test_walks_that_show_directories(lying: LyingDriver) -> None:
    lying.infos = [replace(run(lying.stat("a")), path="a/d")]
    with pytest.raises(DriverError, match="breaks clause L3"):
        list(iterate(Checked(lying).walk("")))


def test_walks_with_descriptions_that_cannot_be_true(lying: LyingDriver) -> None:
    lying.infos = [replace(run(lying.stat("a/b")), version="")]
    with pytest.raises(DriverError, match="breaks clause R1"):
        list(iterate(Checked(lying).walk("a")))


def test_writers_that_begin_in_the_wrong_place_are_let_go(lying: LyingDriver) -> None:
    lying.writer_size = 3
    with pytest.raises(DriverError, match="breaks clause A1"):
        run(Checked(lying).writer("u"))
    run(run(MemoryDriver.writer(lying._inner, "p")).park())  # type: ignore[arg-type] # noqa: SLF001
    with pytest.raises(DriverError, match="breaks clause A2"):
        run(Checked(lying).writer("p", append=True, at_least=4))
    assert lying.steps == ["cancel", "park"]


def test_writers_that_miscount(lying: LyingDriver) -> None:
    writer = run(Checked(lying).writer("u"))
    run(writer.write(b"abc", offset=2))
    lying.writer_size = 5
    with pytest.raises(DriverError, match="breaks clause A1"):
        run(writer.write(memoryview(b"abc")))


STEPS = ("write", "park", "commit", "cancel")
LEGAL = {
    (): {"write", "park", "commit", "cancel"},
    ("park",): {"park", "cancel"},
    ("commit",): {"commit"},
    ("cancel",): {"cancel"},
}


async def take(writer: FileWriter, step: str) -> None:
    await (writer.write(b"") if step == "write" else getattr(writer, step)())


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("before", LEGAL)
def test_illegal_steps_never_reach_the_driver(
    lying: LyingDriver, before: tuple[str, ...], step: str
) -> None:
    writer = run(Checked(lying).writer("u"))
    for earlier in before:
        run(take(writer, earlier))
    if step in LEGAL[before]:
        run(take(writer, step))
        assert lying.steps == [*before, step]
    else:
        with pytest.raises(WriterClosedError):
            run(take(writer, step))
        assert lying.steps == [*before]


def test_a_commit_repeated_otherwise_is_illegal(lying: LyingDriver) -> None:
    writer = run(Checked(lying).writer("u"))
    run(writer.commit("x"))
    with pytest.raises(WriterClosedError):
        run(writer.commit("y"))


def test_bad_commits_and_offsets_never_reach_the_driver(lying: LyingDriver) -> None:
    writer = run(Checked(lying).writer("u"))
    with pytest.raises(InvalidPathError):
        run(writer.commit("../x"))
    run(writer.write(b"abc"))
    lying.steps.clear()
    with pytest.raises(InvalidOffsetError):
        run(writer.write(b"", offset=2))
    assert lying.steps == []


def test_a_cancel_may_follow_a_commit_that_kept_what_was_parked(lying: LyingDriver) -> None:
    writer = run(Checked(lying).writer("u"))
    run(writer.commit("x", keep_parked=True))
    for _ in range(2):
        run(writer.cancel())
        with pytest.raises(WriterClosedError) as caught:
            run(writer.park())
        assert caught.value.state == "committed"
        run(writer.commit("x"))
    assert lying.steps == ["commit", "cancel", "commit", "cancel", "commit"]


def test_notes_that_are_too_long_never_reach_the_driver(lying: LyingDriver) -> None:
    writer = run(Checked(lying).writer("u"))
    with pytest.raises(ValueError, match="4096 at most"):
        run(writer.park(bytes(MAX_NOTE_BYTES + 1)))
    assert lying.steps == []
    run(writer.park(bytes(MAX_NOTE_BYTES)))
    assert lying.steps == ["park"]


class Plain(MemoryDriver):
    capabilities = Capabilities()


def test_notes_must_be_promised() -> None:
    writer = run(Checked(Plain()).writer("u"))
    with pytest.raises(UnsupportedMethodError, match="parked_notes"):
        run(writer.park(b"a note"))
    run(writer.park())


def test_a_commit_s_condition_must_be_promised() -> None:
    writer = run(Checked(Plain()).writer("u"))
    with pytest.raises(UnsupportedMethodError, match="conditional_commit"):
        run(writer.commit("x", IF_ABSENT))
