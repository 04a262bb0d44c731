"""``Verified``: wrong content is never given in full."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest
from typing_extensions import override

from regstore._run import BlockingRuntime
from regstore.consistency import Verified, WrapperDriver, WrapperReader
from regstore.digest import Digest
from regstore.driver import FileReader
from regstore.drivers.memory import MemoryDriver
from regstore.errors import CorruptContentError, TransientError
from regstore.layout import BlobData, Quarantined

T = TypeVar("T")
run = BlockingRuntime().run
CHUNK = 70_000  # above what is hashed in place


class Chunky(WrapperDriver):
    """Hands out small chunks, and fails the reads it is told to fail."""

    def __init__(self) -> None:
        super().__init__(MemoryDriver())
        self.failing: set[int] = set()
        self.skipping: set[int] = set()

    @override
    async def reader(
        self, path: str, offset: int = 0, length: int | None = None, *, must_exist: bool = False
    ) -> FileReader:
        return ChunkyReader(self, await super().reader(path, offset, length))


class ChunkyReader(WrapperReader):
    def __init__(self, driver: Chunky, inner: FileReader) -> None:
        super().__init__(inner)
        self._driver = driver
        self._chunks: list[bytes] | None = None
        self._reads = 0

    @override
    async def read(self) -> bytes:
        if self._chunks is None:
            whole = await super().read()
            self._chunks = [whole[at : at + CHUNK] for at in range(0, len(whole), CHUNK)]
        self._reads += 1
        if self._reads in self._driver.failing:
            raise TransientError(self.info.path)
        return self._chunks.pop(0) if self._chunks else b""


class Interruptible(BlockingRuntime):
    """Hashes, and then fails as a cancelled caller would."""

    armed = False

    @override
    async def offload(self, fn: Callable[[], T]) -> T:
        result = fn()
        if self.armed:
            self.armed = False
            raise InterruptedError
        return result


@pytest.fixture
def inner() -> Chunky:
    return Chunky()


def stored(inner: Chunky, content: bytes, instead: bytes | None = None) -> str:
    path = BlobData(Digest.of(content)).path
    run(inner.put_content(path, content if instead is None else instead))
    return path


async def collect(
    driver: Verified, path: str, offset: int = 0, length: int | None = None
) -> tuple[bytes, Exception | None]:
    given = b""
    async with await driver.reader(path, offset, length) as reader:
        try:
            async for chunk in reader:
                given += chunk
        except CorruptContentError as error:
            return given, error
    return given, None


@pytest.mark.parametrize("size", [0, 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_right_content_passes_whole(inner: Chunky, size: int) -> None:
    content = bytes(i % 251 for i in range(size))
    path = stored(inner, content)
    assert run(collect(Verified(inner), path)) == (content, None)
    assert run(collect(Verified(inner), path, 0, size)) == (content, None)
    assert run(Verified(inner).get_content(path)).data == content


@pytest.mark.parametrize(
    "instead",
    [
        pytest.param(b"", id="emptied"),
        pytest.param(b"x" * 3 * CHUNK, id="replaced"),
        pytest.param(b"a" * 2 * CHUNK, id="cut short"),
        pytest.param(b"a" * (3 * CHUNK + 1), id="grown"),
    ],
)
def test_wrong_content_is_never_given_in_full(inner: Chunky, instead: bytes) -> None:
    path = stored(inner, b"a" * 3 * CHUNK, instead)
    given, error = run(collect(Verified(inner), path))
    assert isinstance(error, CorruptContentError)
    assert (error.path, error.digest) == (path, Digest.of(b"a" * 3 * CHUNK))
    assert len(given) == max(len(instead) - (len(instead) % CHUNK or CHUNK), 0)
    with pytest.raises(CorruptContentError):
        run(Verified(inner).get_content(path))


def test_asking_again_does_not_get_the_last_chunk(inner: Chunky) -> None:
    reader = run(Verified(inner).reader(stored(inner, b"a", b"b")))
    for _ in range(3):
        with pytest.raises(CorruptContentError):
            run(reader.read())


def test_a_failed_read_can_be_repeated_without_a_hole(inner: Chunky) -> None:
    content = bytes(i % 251 for i in range(3 * CHUNK))
    inner.failing = {1, 3}
    reader = run(Verified(inner).reader(stored(inner, content)))
    given, failures = b"", 0
    while len(given) < len(content):
        try:
            given += run(reader.read())
        except TransientError:
            failures += 1
    assert (given, failures) == (content, 2)


def test_a_chunk_lost_to_a_cancelled_read_is_noticed(inner: Chunky) -> None:
    runtime = Interruptible()
    inner._inner = MemoryDriver(runtime=runtime)  # noqa: SLF001 - this test's own driver
    reader = run(Verified(inner).reader(stored(inner, b"a" * 3 * CHUNK)))
    run(reader.read())
    runtime.armed = True
    with pytest.raises(InterruptedError):
        run(reader.read())
    with pytest.raises(CorruptContentError, match="were announced"):
        run(reader.read())


def test_copies_in_quarantine_are_checked_like_the_content(inner: Chunky) -> None:
    digest = Digest.of(b"right")
    for content, is_right in ((b"right", True), (b"wrong", False)):
        path = Quarantined(digest, "host-1").path
        run(inner.put_content(path, content))
        given, error = run(collect(Verified(inner), path))
        assert (given == content, error is None) == (is_right, is_right)


def test_ranges_and_other_files_pass_unchecked(inner: Chunky) -> None:
    verified = Verified(inner)
    path = stored(inner, b"abcdef", b"uvwxyz")
    assert run(collect(verified, path, 1)) == (b"vwxyz", None)
    assert run(collect(verified, path, 0, 5)) == (b"uvwxy", None)
    for other in ("a/b/c/d/e/f/g/data", "data", path.replace("/data", "/link"), "x/" + path):
        run(inner.put_content(other, b"anything"))
        assert run(collect(verified, other)) == (b"anything", None)
        assert run(verified.get_content(other)).data == b"anything"
