"""What the operating system refuses becomes an error of ours, and nothing is left behind (X4)."""

from __future__ import annotations

import errno
import gc
import os
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from regstore._run import BlockingRuntime
from regstore.driver import FileWriter, StorageDriver
from regstore.drivers.local import LocalDriver, directory, temporary, writer
from regstore.drivers.local import driver as driver_module
from regstore.errors import (
    ConfigurationError,
    DriverError,
    InvalidOffsetError,
    InvalidPathError,
    NoSpaceError,
    PathNotFoundError,
    PermissionDeniedError,
    TransientError,
    UnsupportedMethodError,
)
from tests.drivers.disk import everything_below

UPLOAD = "docker/registry/v2/repositories/a/_uploads/1/data"

run = BlockingRuntime().run

Call = Callable[[StorageDriver], Coroutine[Any, Any, object]]

KINDS = {
    errno.EACCES: PermissionDeniedError,
    errno.EROFS: PermissionDeniedError,
    errno.ENOSPC: NoSpaceError,
    errno.EDQUOT: NoSpaceError,
    errno.EFBIG: NoSpaceError,
    errno.EXDEV: UnsupportedMethodError,
    errno.EIO: TransientError,
    errno.EMFILE: TransientError,
    errno.ENOTTY: DriverError,
}


class Refusing:
    """The module ``os``, of which some functions fail."""

    def __init__(self, number: int, *names: str) -> None:
        self._number = number
        self._names = names

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the module has
        if name in self._names:
            return self._fail
        return getattr(os, name)

    def _fail(self, *_: object, **__: object) -> None:
        raise OSError(self._number, os.strerror(self._number))


@pytest.fixture
def driver(tmp_path: Path) -> LocalDriver:
    driver = LocalDriver(tmp_path / "root")
    run(driver.put_content("d/f", b"old"))
    return driver


@pytest.mark.parametrize("number", KINDS, ids=errno.errorcode.get)
def test_a_failed_put_says_why_and_leaves_the_old_content(
    driver: LocalDriver, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    before = everything_below(driver.root)
    for path in ("d/f", "new/directory/f"):
        with monkeypatch.context() as patch:
            patch.setattr(temporary, "os", Refusing(number, "write"))
            with pytest.raises(DriverError) as caught:
                run(driver.put_content(path, b"new"))
        assert type(caught.value) is KINDS[number]
        assert (caught.value.path, caught.value.driver) == (path, "local")
        assert isinstance(caught.value.__cause__, OSError)
        assert caught.value.__cause__.errno == number
        assert everything_below(driver.root) == before


@pytest.mark.parametrize("name", ["fsync", "fstat"])
def test_a_failure_at_any_step_leaves_nothing(
    driver: LocalDriver, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    before = everything_below(driver.root)
    monkeypatch.setattr(directory, "os", Refusing(errno.EIO, name))
    with pytest.raises(TransientError) as caught:
        run(driver.put_content("new/directory/f", b"new"))
    assert caught.value.outcome_unknown
    assert everything_below(driver.root) == before


def open_upload(driver: LocalDriver, path: str) -> FileWriter:
    opened = run(driver.writer(path))
    run(opened.write(b"kept, "))
    return opened


@pytest.mark.parametrize("path", [UPLOAD, "d/new"])
def test_a_write_that_fails_takes_nothing(
    driver: LocalDriver, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    opened = open_upload(driver, path)

    class Full(Refusing):
        def pwrite(self, fd: int, data: memoryview, offset: int) -> int:
            if offset > len(b"kept, "):
                self._fail()
            return os.pwrite(fd, data[:2], offset)

    with monkeypatch.context() as patch:
        patch.setattr(writer, "os", Full(errno.ENOSPC))
        with pytest.raises(NoSpaceError):
            run(opened.write(b"lost"))
    assert opened.size == len(b"kept, ")
    run(opened.write(b"and gone on with"))
    run(opened.commit("done"))
    assert run(driver.get_content("done")).data == b"kept, and gone on with"


@pytest.mark.parametrize("path", [UPLOAD, "d/new"])
def test_after_a_failed_sync_a_writer_is_never_trusted_again(
    driver: LocalDriver, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    before = everything_below(driver.root)
    opened = open_upload(driver, path)
    with monkeypatch.context() as patch:
        patch.setattr(directory, "os", Refusing(errno.EIO, "fsync"))
        with pytest.raises(TransientError):
            run(opened.park())
    for step in (opened.park, opened.commit):
        with pytest.raises(TransientError, match="cancel and begin again"):
            run(step())
    run(opened.cancel())
    assert everything_below(driver.root) == before


UNFIT: dict[str, tuple[Call, type[DriverError]]] = {
    "a name that is too long": (lambda d: d.put_content("x" * 256, b""), InvalidPathError),
    "its stat": (lambda d: d.stat("x" * 256), InvalidPathError),
    "below an object": (lambda d: d.put_content("d/f/below", b""), InvalidPathError),
    "far below an object": (lambda d: d.writer("d/f/far/below"), InvalidPathError),
    "over a directory": (lambda d: d.put_content("d", b""), InvalidPathError),
    "move over a directory": (lambda d: d.move("d/f", "d"), InvalidPathError),
    "copy over a directory": (lambda d: d.copy("d/f", "d"), InvalidPathError),
    "stat below an object": (lambda d: d.stat("d/f/below"), PathNotFoundError),
    "delete below an object": (lambda d: d.delete("d/f/below"), PathNotFoundError),
    "resume below an object": (lambda d: d.writer("d/f/b", append=True), PathNotFoundError),
    "resume a directory": (lambda d: d.writer("d", append=True), PathNotFoundError),
}


@pytest.mark.parametrize("what", UNFIT)
def test_what_does_not_fit_the_tree_is_refused(driver: LocalDriver, what: str) -> None:
    call, kind = UNFIT[what]
    before = everything_below(driver.root)
    with pytest.raises(kind) as caught:
        run(call(driver))
    assert type(caught.value) is kind
    assert everything_below(driver.root) == before


def test_links_in_circles_are_refused(driver: LocalDriver) -> None:
    (driver.root / "circle").symlink_to("circle")
    with pytest.raises(InvalidPathError):
        run(driver.get_content("circle"))


def test_what_is_no_file_is_no_object(driver: LocalDriver) -> None:
    os.mkfifo(driver.root / "d" / "pipe")
    with pytest.raises(PathNotFoundError):
        run(driver.get_content("d/pipe"))
    with pytest.raises(PathNotFoundError):
        run(driver.stat("d/pipe"))
    assert [info.path for info in driver.runtime.iterate(driver.walk("d"))] == ["d/f"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_denied(driver: LocalDriver) -> None:
    (driver.root / "d" / "f").chmod(0)
    with pytest.raises(PermissionDeniedError):
        run(driver.get_content("d/f"))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="nowhere to count descriptors")
def test_no_call_leaves_a_descriptor_open(driver: LocalDriver) -> None:
    def use() -> None:
        for path in (UPLOAD, "d/new"):
            run(open_upload(driver, path).park())
            run(run(driver.writer(path, append=True)).commit("done"))
            run(open_upload(driver, path).cancel())
            open_upload(driver, path)
        for call, _ in UNFIT.values():
            with pytest.raises(DriverError):
                run(call(driver))
        with pytest.raises(InvalidOffsetError):
            run(driver.reader("d/f", 100))
        run(run(driver.reader("d/f")).aclose())
        run(driver.reader("d/f"))
        walking = driver.runtime.iterate(driver.walk(""))
        next(walking)
        walking.close()
        run(driver.move("done", "elsewhere"))

    use()
    gc.collect()
    before = len(list(Path("/proc/self/fd").iterdir()))
    use()
    gc.collect()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_limit_on_file_sizes_is_no_space(driver: LocalDriver) -> None:
    """In a process of its own: the limit (``RLIMIT_FSIZE``) is one of processes."""
    program = """
import resource, sys
from regstore._run import BlockingRuntime
from regstore.drivers.local import LocalDriver
from regstore.errors import NoSpaceError

run = BlockingRuntime().run
driver = LocalDriver(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
writer = run(driver.writer("large"))
run(writer.write(bytes(1 << 19)))
for call in (driver.put_content("d/f", bytes(2 << 20)), writer.write(bytes(1 << 20))):
    try:
        run(call)
    except NoSpaceError:
        continue
    sys.exit("it was written")
assert writer.size == 1 << 19
run(writer.cancel())
"""
    before = everything_below(driver.root)
    subprocess.run([sys.executable, "-c", program, str(driver.root)], check=True)
    assert everything_below(driver.root) == before


def test_windows_is_refused_in_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Windows(Refusing):
        name = "nt"

    monkeypatch.setattr(driver_module, "os", Windows(0))
    with pytest.raises(ConfigurationError, match="Windows"):
        LocalDriver(tmp_path)
