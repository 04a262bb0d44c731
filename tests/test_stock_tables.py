"""The tables of what stock's drivers and uploads do hold here, under a written mapping.

``/x`` there is our ``x``. Left out, because it differs by design:

- paths without a leading slash are wrong there and right here; ``..`` is right there, wrong here;
- the order of ``Walk``, its directories, ``StartAfterHint`` and callbacks: our ``walk`` yields
  files in no order, and ``list`` pages;
- ``purge``: not built yet.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path

import fsspec
import pytest

import regstore
from regstore._run import as_async
from regstore.driver import StorageDriver, check_path, write_stream
from regstore.drivers.generic import GenericDriver
from regstore.drivers.local import LocalDriver
from regstore.drivers.memory import MemoryDriver
from regstore.errors import (
    BlobUnknownError,
    BlobUploadUnknownError,
    InvalidOffsetError,
    InvalidPathError,
    PathNotFoundError,
    ReadOnlyError,
)
from tests.cases import load

EMPTY = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
ERRORS = {"errPathNotFound": PathNotFoundError, "errInvalidPath": InvalidPathError}
PATH = "table/object"


@pytest.fixture(params=["memory", "local", "generic"])
def driver(request: pytest.FixtureRequest, tmp_path: Path) -> StorageDriver:
    makers: dict[str, Callable[[], StorageDriver]] = {
        "memory": MemoryDriver,
        "local": lambda: LocalDriver(tmp_path / "local"),
        "generic": lambda: GenericDriver(fsspec.filesystem("file"), str(tmp_path / "generic")),
    }
    return makers[request.param]()


def ours(path: str) -> str:
    return path.removeprefix("/")


def get(driver: StorageDriver, path: str = PATH) -> bytes:
    return driver.runtime.run(driver.get_content(path)).data


def size(driver: StorageDriver) -> int:
    return driver.runtime.run(driver.stat(PATH)).size


def listed(driver: StorageDriver, path: str) -> list[str]:
    return list(driver.runtime.iterate(driver.list(path)))


def walked(driver: StorageDriver, path: str = "") -> set[str]:
    return {info.path for info in driver.runtime.iterate(driver.walk(path))}


def fill(driver: StorageDriver, paths: list[str]) -> None:
    for path in paths:
        driver.runtime.run(driver.put_content(ours(path), path.encode()))


def test_paths(driver: StorageDriver) -> None:
    table = load("driver_paths")
    for path in table["valid"]:
        fill(driver, [path])
        assert get(driver, ours(path)) == path.encode()
        driver.runtime.run(driver.delete(ours(path)))
    for path in table["invalid"]:
        if path.startswith("/") or not path:
            with pytest.raises(InvalidPathError):
                driver.runtime.run(driver.put_content(ours(path), b""))
    assert check_path("", allow_root=True) == ours(table["extra_valid"][0])


def test_delete(driver: StorageDriver) -> None:
    table = load("delete")
    for case in table["cases"]:
        fill(driver, table["objects"])
        if case["error"]:
            with pytest.raises(ERRORS[case["error"]]):
                driver.runtime.run(driver.delete(ours(case["delete"])))
        else:
            driver.runtime.run(driver.delete(ours(case["delete"])))
        kept = set(table["objects"]) - set(case["deleted"])
        assert walked(driver) == {ours(path) for path in kept}
    for path in table["objects"]:
        fill(driver, table["objects"])
        driver.runtime.run(driver.delete(ours(path)))
        assert walked(driver) == {ours(each) for each in table["objects"] if each != path}


def test_walk_and_list(driver: StorageDriver) -> None:
    table = load("walk")
    tree: dict[str, list[str]] = table["fallback_tree"]
    files = [child for children in tree.values() for child in children if child not in tree]
    fill(driver, files)
    for directory, children in tree.items():
        names = [child.rpartition("/")[2] for child in children]
        assert listed(driver, ours(directory)) == sorted(names)
    everything = next(case for case in table["fallback"] if case["name"] == "walk all")
    assert walked(driver) == {ours(path) for path in everything["expected"] if path not in tree}
    for path in ("folder1", "folder3"):
        assert walked(driver, path) == {ours(f) for f in files if f.startswith(f"/{path}/")}


def chunk(name: str, length: int) -> bytes:
    return bytes(length) if name == "Z" else (name.encode() * length)[:length]


def in_chunks(expression: str, length: int) -> int:
    """Return what ``2C`` or ``-1`` means where C is *length*."""
    if not expression.endswith("C"):
        return int(expression)
    return int(expression[:-1] or "1") * length


@pytest.mark.parametrize("length", [32, 1 << 20])
def test_write_stream(driver: StorageDriver, length: int) -> None:
    for step in load("write_stream_v20")["steps"]:
        expect = step["expect"]
        if step["op"] == "stat":
            assert size(driver) == in_chunks(expect["size"], length)
        elif step["op"] == "get":
            assert get(driver) == b"".join(chunk(name, length) for name in expect.split("+"))
        elif "error" in expect:
            with pytest.raises(InvalidOffsetError) as caught:
                write(driver, int(step["offset"]), b"x")
            assert (caught.value.path, caught.value.offset) == (PATH, expect["offset"])
        else:
            taken = write(driver, in_chunks(step["offset"], length), chunk(step["data"], length))
            assert taken == in_chunks(expect["nn"], length)


def write(driver: StorageDriver, offset: int, data: bytes) -> int:
    chunks: AsyncGenerator[bytes, None] = as_async([data])
    return driver.runtime.run(write_stream(driver, PATH, offset, chunks))


def test_what_stat_says_can_be_read() -> None:
    """The one guarantee that was asked of a driver in 2015."""
    table = load("write_stream_v20")["eventual_consistency"]
    driver = MemoryDriver()
    for number in range(table["rounds"]):
        data = number.to_bytes(4) * (table["chunk"] // 4)
        write(driver, number * table["chunk"], data)
        assert size(driver) == (number + 1) * table["chunk"]
        assert driver.runtime.run(tail(driver, number * table["chunk"])) == data


async def tail(driver: StorageDriver, offset: int) -> bytes:
    async with await driver.reader(PATH, offset) as reader:
        return b"".join([part async for part in reader])


async def append(driver: StorageDriver, data: bytes, *, again: bool, commit: bool) -> int:
    writer = await driver.writer(PATH, append=again)
    await writer.write(data)
    await (writer.commit() if commit else writer.park())
    return writer.size


@pytest.mark.parametrize("length", [32, 10 << 20])
def test_append(driver: StorageDriver, length: int) -> None:
    table = load("file_writer")
    assert length in table["append_chunk_sizes"]
    assert [step["expect"] for step in table["append"]] == [
        "w.Size()==C after Close",
        "w.Size()==C",
        "Size()==2C",
        "Size()==2C",
        "GetContent == all 3C bytes",
    ]
    parts = [bytes([number]) * length for number in range(3)]
    for number, part in enumerate(parts):
        grown = append(driver, part, again=number > 0, commit=number == len(parts) - 1)
        assert driver.runtime.run(grown) == (number + 1) * length
    assert get(driver) == b"".join(parts)


@pytest.mark.parametrize("name", ["stream", "content"])
def test_empty_content_can_be_continued(driver: StorageDriver, name: str) -> None:
    assert name in {case["name"] for case in load("file_writer")["zero_byte"]}
    if name == "stream":
        assert driver.runtime.run(append(driver, b"", again=False, commit=True)) == 0
    else:
        driver.runtime.run(driver.put_content(PATH, b""))
    assert get(driver) == b""
    assert driver.runtime.run(append(driver, b"x" * 32, again=True, commit=True)) == 32
    assert get(driver) == b"x" * 32


def test_reader_offsets(driver: StorageDriver) -> None:
    table = load("file_writer")["reader_offsets"]
    content = bytes(range(table[0]["content"]))
    driver.runtime.run(driver.put_content(PATH, content))
    for case in table:
        if case["offset"] < 0:
            with pytest.raises(InvalidOffsetError) as caught:
                driver.runtime.run(tail(driver, case["offset"]))
            assert caught.value.offset == case["offset"]
        else:
            assert driver.runtime.run(tail(driver, case["offset"])) == content[case["offset"] :]


def upload_is_cancelled(repo: regstore.Repository) -> None:
    upload = repo.uploads.create()
    upload.cancel()
    assert not list(repo.uploads.all())
    with pytest.raises(BlobUploadUnknownError):
        repo.uploads.resume(upload.id).status()


def upload_is_committed(repo: regstore.Repository) -> None:
    with repo.uploads.create() as upload:
        upload.write(b"content")
    assert repo.uploads.resume(upload.id).status() == len(b"content")
    digest = regstore.Digest.of(b"content")
    described = repo.uploads.resume(upload.id).commit(digest)
    assert not list(repo.uploads.all())
    with pytest.raises(BlobUploadUnknownError):
        repo.uploads.resume(upload.id).status()
    assert repo.blobs.stat(digest) == described
    assert repo.blobs.get(digest) == b"content"


def blob_is_deleted_and_pushed_again(repo: regstore.Repository) -> None:
    digest = repo.blobs.put(b"content").digest
    repo.blobs.delete(digest)
    for read in (repo.blobs.stat, repo.blobs.get):
        with pytest.raises(BlobUnknownError):
            read(digest)
    assert repo.blobs.put(b"content").digest == digest
    assert repo.blobs.get(digest) == b"content"


def empty_upload_commits(repo: regstore.Repository) -> None:
    assert repo.uploads.create().commit(EMPTY).size == 0
    assert repo.blobs.get(EMPTY) == b""


SCRIPTS = {
    "Create; Cancel -> upload dir unlistable; Resume(id) -> ErrBlobUploadUnknown": (
        upload_is_cancelled
    ),
    "Create; copy N bytes; Close -> Size()==N": upload_is_committed,
    "Resume(id); Commit(digest) -> upload dir gone; Resume(id) -> ErrBlobUploadUnknown": (
        upload_is_committed
    ),
    "Stat(digest) == committed descriptor; Open reads N bytes, same sha256": upload_is_committed,
    "Delete(digest) -> Stat and Open -> ErrBlobUnknown": blob_is_deleted_and_pushed_again,
    "re-upload same bytes -> Stat, Open ok": blob_is_deleted_and_pushed_again,
    "zero-length upload -> digest sha256:e3b0c442...b855 commits": empty_upload_commits,
}


def test_uploads(driver: StorageDriver) -> None:
    registry = regstore.Registry(driver)
    for number, line in enumerate(load("blob_upload")["upload"]):
        if line == "Delete with delete disabled -> error":
            continue
        SCRIPTS[line](registry.repository(f"table/{number}"))


def test_delete_with_delete_disabled(driver: StorageDriver) -> None:
    """There a switch of its own, here a registry that is open read-only."""
    digest = regstore.Registry(driver).repository("a").blobs.put(b"content").digest
    with pytest.raises(ReadOnlyError):
        regstore.Registry(driver, read_only=True).repository("a").blobs.delete(digest)


def test_content_that_was_collected_is_written_again(driver: StorageDriver) -> None:
    assert load("blob_upload")["put_after_gc"].endswith("(PR #4868)")
    repo = regstore.Registry(driver).repository("a")
    digest = repo.blobs.put(b"content").digest
    driver.runtime.run(remove_data(driver))
    assert not repo.blobs.exists(digest)
    assert repo.blobs.put(b"content").digest == digest
    assert repo.blobs.get(digest) == b"content"


async def remove_data(driver: StorageDriver) -> None:
    async with aclosing(driver.walk("docker/registry/v2/blobs")) as files:
        found = [info.path async for info in files]
    for path in found:
        await driver.delete_file(path)
