from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from regstore._run import BlockingRuntime
from regstore.driver import StorageDriver
from regstore.drivers import open_driver
from regstore.drivers.generic import GenericDriver
from regstore.drivers.local import LocalDriver
from regstore.drivers.memory import MemoryDriver
from regstore.errors import (
    ConfigurationError,
    PathNotFoundError,
    TransientError,
    UnsupportedMethodError,
)
from regstore.testing.material import collect
from tests.drivers.filesystems import ObjectFileSystem

run = BlockingRuntime().run
CLOSED_PORT = 1


def files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def objects() -> Iterator[type[ObjectFileSystem]]:
    fsspec.register_implementation("objects", ObjectFileSystem, clobber=True)
    yield ObjectFileSystem
    ObjectFileSystem.stores.clear()


@pytest.mark.parametrize("prefix", ["", "file://", "local://"])
def test_directories_are_local(tmp_path: Path, prefix: str) -> None:
    driver = open_driver(f"{prefix}{tmp_path}/registry")
    assert isinstance(driver, LocalDriver)
    assert not files(tmp_path)
    assert not list(tmp_path.iterdir()), "opening writes nothing"
    run(driver.put_content("a/b", b"x"))
    assert files(tmp_path) == {"registry/a/b"}


def test_bare_paths_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "elsewhere").mkdir()
    drivers = [open_driver("here"), open_driver("~/there")]
    monkeypatch.chdir(tmp_path / "elsewhere")
    for driver in drivers:
        run(driver.put_content("f", b"x"))
    assert files(tmp_path) == {"here/f", "home/there/f"}


def test_memory_is_private_unless_named() -> None:
    first, second = open_driver("memory://"), open_driver("memory://")
    shared, same, other = (open_driver(f"memory://test-open/{name}") for name in "aab")
    assert all(isinstance(each, MemoryDriver) for each in (first, shared))
    run(first.put_content("f", b"private"))
    run(shared.put_content("f", b"shared"))
    assert run(same.get_content("f")).data == b"shared"
    for driver in (second, other):
        with pytest.raises(PathNotFoundError):
            run(driver.stat("f"))


@pytest.mark.parametrize(
    ("url", "name", "stored"),
    [
        ("dir::file://{root}/a", "dir::file", "a/f"),
        ("dir::{root}/a", "dir::file", "a/f"),
        ("dir://b/c::file://{root}/a", "dir::file", "a/b/c/f"),
    ],
)
def test_chains_of_directories(tmp_path: Path, url: str, name: str, stored: str) -> None:
    driver = open_driver(url.format(root=tmp_path))
    assert isinstance(driver, GenericDriver)
    assert driver.name == name
    assert driver.capabilities.resume_scope == "host"
    run(driver.put_content("f", b"x"))
    assert files(tmp_path) == {stored}
    assert run(driver.local_file("f")) == tmp_path / stored


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "backup.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("registry/d/f", b"content")
        archive.writestr("registry/d/empty", b"")
    return path


def test_archives_can_be_read(archive: Path) -> None:
    for url, base in (
        (f"zip::file://{archive}", "registry/d"),
        (f"zip://registry::{archive}", "d"),
    ):
        driver = open_driver(url)
        assert run(collect(driver.list(base))) == ["empty", "f"]
        infos = {info.path: info for info in run(collect(driver.walk("")))}
        assert set(infos) == {f"{base}/f", f"{base}/empty"}
        assert infos[f"{base}/f"] == run(driver.stat(f"{base}/f"))
        assert run(driver.get_content(f"{base}/f")).data == b"content"
        assert run(driver.get_content(f"{base}/empty")).data == b""
        assert run(driver.stat(base)).is_dir
        assert run(driver.redirect_url(f"{base}/f")) is None


def test_archives_cannot_be_written(archive: Path) -> None:
    driver, before = open_driver(f"zip::file://{archive}"), archive.read_bytes()
    path = "registry/d/f"
    for call in (
        driver.put_content("new", b"x"),
        driver.writer("new"),
        driver.writer(path, append=True),
        driver.move(path, "new"),
        driver.copy(path, "new"),
        driver.delete("registry"),
        driver.delete_file(path),
    ):
        with pytest.raises(UnsupportedMethodError):
            run(call)
    run(driver.aclose())
    assert archive.read_bytes() == before


def test_options_reach_the_link_they_are_for(objects: type[ObjectFileSystem]) -> None:
    plain = open_driver("objects://root", storage_options={"store": "one"})
    chain = open_driver("dir://root::objects://", storage_options={"objects": {"store": "one"}})
    both = (plain, chain)
    for turn, driver in enumerate(both * 2):
        run(driver.put_content(f"d/{turn}", b"x"))
        names = [str(each) for each in range(turn + 1)]
        for reader in both:
            assert run(collect(reader.list("d"))) == names, "a listing was cached"
    assert set(objects.stores["one"]) == {f"root/d/{turn}" for turn in range(4)}


def test_filesystems_are_made_when_needed(objects: type[ObjectFileSystem]) -> None:
    open_driver("objects://root", storage_options={"store": "made"})
    assert "made" not in objects.stores


@pytest.mark.parametrize("protocol", ["blockcache", "cached", "filecache", "simplecache"])
@pytest.mark.parametrize("url", ["{}::file:///srv", "{}://x::file:///srv", "dir::{}::/srv"])
def test_caching_filesystems_are_refused(protocol: str, url: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^{protocol}::.*cached content"):
        open_driver(url.format(protocol))


@pytest.mark.parametrize(
    ("url", "options", "advice"),
    [
        ("", {}, "name a directory or a URL"),
        ("file://srv/registry", {}, "absolute path"),
        ("nonsense://user:secret@host/x", {}, "'nonsense'"),
        ("dir::nonsense://user:secret@host/x", {}, "'nonsense'"),
        ("dir:///srv", {}, "dir::file:///srv"),
        ("/srv", {"auto_mkdir": True}, "auto_mkdir"),
        ("/srv", {"allowed_roots": "/mnt"}, "list of directories"),
        ("memory://", {"token": "secret"}, "token"),
        ("memory://?consistency=secret", {}, "no query"),
        ("memory://name?x=secret", {}, "no query"),
    ],
)
def test_what_cannot_be_opened(url: str, options: dict[str, object], advice: str) -> None:
    with pytest.raises(ConfigurationError, match=advice) as caught:
        open_driver(url, storage_options=options)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "module", "extra"),
    [
        ("s3://user:secret@bucket/x", "s3fs", "s3"),
        ("gs://bucket", "gcsfs", "gcs"),
        ("gcs://bucket", "gcsfs", "gcs"),
        ("abfs://container", "adlfs", "azure"),
        ("dir::az://container", "adlfs", "azure"),
    ],
)
def test_missing_packages_are_named_by_extra(
    monkeypatch: pytest.MonkeyPatch, url: str, module: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    for protocol in ("s3", "gs", "gcs", "abfs", "az"):
        loaded = sys.modules["fsspec.registry"]._registry  # noqa: SLF001 - to forget what was loaded
        monkeypatch.delitem(loaded, protocol, raising=False)
    with pytest.raises(ConfigurationError, match=rf"pip install 'regstore\[{extra}\]'") as caught:
        open_driver(url)
    assert "secret" not in str(caught.value)


def test_windows_is_refused_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(ConfigurationError, match="Windows lacks"):
        open_driver("memory://")


def test_an_archive_that_is_missing_is_told_when_it_is_needed(tmp_path: Path) -> None:
    driver = open_driver(f"zip::file://{tmp_path}/missing.zip")
    with pytest.raises(ConfigurationError, match="FileNotFoundError"):
        run(driver.stat("f"))


def _unreachable(scheme: str) -> StorageDriver:
    return open_driver(f"{scheme}://user:secret@127.0.0.1:{CLOSED_PORT}/srv")


def test_credentials_are_never_repeated() -> None:
    driver = _unreachable("ftp")
    assert driver.name == "ftp"
    with pytest.raises(TransientError) as caught:
        run(driver.stat("f"))
    assert not caught.value.outcome_unknown
    for text in (repr(driver), str(caught.value), repr(caught.value), repr(vars(caught.value))):
        assert "secret" not in text


def test_drivers_are_loaded_when_a_url_asks_for_them() -> None:
    program = (
        "import sys, regstore.drivers; "
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'fsspec', 'anyio'})); "
        "print([name for name in sys.modules if name.startswith('regstore.drivers.generic')])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    loaded, generic = result.stdout.decode().splitlines()
    assert "fsspec" not in loaded
    assert generic == "[]"
