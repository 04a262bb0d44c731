"""The proxy does what the tests behind it believe that it does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from regstore.driver import StorageDriver
from regstore.drivers import open_driver
from regstore.errors import PathNotFoundError, ThrottledError, TransientError
from regstore.testing.faults import Lag
from tests.object_servers import S3Server
from tests.s3proxy.damage import Damage, at
from tests.s3proxy.lagging import LaggingProxy, lagging

LONG = 600.0
NAMES = [f"{number:04}" for number in range(25)]


@pytest.fixture(scope="module")
def proxy(seaweedfs: S3Server) -> Iterator[LaggingProxy]:
    with lagging(seaweedfs.endpoint) as proxy:
        yield proxy


@pytest.fixture
def url(seaweedfs: S3Server) -> str:
    return seaweedfs.fresh_url()


@pytest.fixture
def direct(seaweedfs: S3Server, url: str) -> Iterator[StorageDriver]:
    yield from opened(url, dict(seaweedfs.storage_options))


@pytest.fixture
def driver(seaweedfs: S3Server, proxy: LaggingProxy, url: str) -> Iterator[StorageDriver]:
    yield from opened(url, {**seaweedfs.storage_options, "endpoint_url": proxy.endpoint})


def opened(url: str, options: dict[str, object]) -> Iterator[StorageDriver]:
    driver = open_driver(url, storage_options=options)
    yield driver
    driver.runtime.run(driver.aclose())


def read(driver: StorageDriver, path: str) -> bytes:
    return driver.runtime.run(driver.get_content(path)).data


def names(driver: StorageDriver, path: str) -> list[str]:
    return list(driver.runtime.iterate(driver.list(path)))


@pytest.mark.parametrize(
    ("damage", "error", "has_effect"),
    [
        ("cut", TransientError, False),
        ("cut-body", TransientError, False),
        ("busy", ThrottledError, False),
        ("lost", TransientError, True),
        ("truncated", TransientError, True),
    ],
)
def test_what_is_damaged(
    damage: Damage,
    error: type[Exception],
    has_effect: bool,
    proxy: LaggingProxy,
    driver: StorageDriver,
    direct: StorageDriver,
) -> None:
    run = driver.runtime.run
    run(direct.put_content("a", b"old"))
    proxy.begin(at(1, damage))
    with pytest.raises(error):
        run(driver.put_content("a", b"new"))
    assert read(direct, "a") == (b"new" if has_effect else b"old")
    assert [each.damage for each in proxy.asked] == [damage]


def test_what_was_shows_in_reads_and_listings(
    proxy: LaggingProxy, driver: StorageDriver, direct: StorageDriver
) -> None:
    run = driver.runtime.run
    for name in ("kept", "replaced", "deleted"):
        run(direct.put_content(f"d/{name}", b"old"))
    proxy.begin(lag=Lag(get=LONG, stat=LONG, list=LONG))
    version = run(driver.stat("d/replaced")).version
    run(driver.put_content("d/replaced", b"newer"))
    run(driver.put_content("d/new", b"new"))
    run(driver.delete_file("d/deleted"))
    assert names(direct, "d") == ["kept", "new", "replaced"]
    assert names(driver, "d") == ["deleted", "kept", "replaced"]
    assert [read(driver, f"d/{name}") for name in ("deleted", "replaced")] == [b"old", b"old"]
    assert run(driver.stat("d/replaced")).version == version
    assert run(_read_from(driver, "d/replaced", 1)) == b"ld"
    with pytest.raises(PathNotFoundError):
        read(driver, "d/new")
    proxy.begin()
    assert names(driver, "d") == names(direct, "d")
    assert read(driver, "d/replaced") == b"newer"


async def _read_from(driver: StorageDriver, path: str, offset: int) -> bytes:
    async with await driver.reader(path, offset) as reader:
        return await reader.read()


def test_a_miss_is_remembered(
    proxy: LaggingProxy, driver: StorageDriver, direct: StorageDriver
) -> None:
    proxy.begin(lag=Lag(negative=LONG))
    with pytest.raises(PathNotFoundError):
        read(driver, "a")
    driver.runtime.run(driver.put_content("a", b"new"))
    with pytest.raises(PathNotFoundError):
        read(driver, "a")
    assert read(direct, "a") == b"new"


def test_its_listings_are_those_of_the_store(
    proxy: LaggingProxy, driver: StorageDriver, direct: StorageDriver
) -> None:
    """Where nothing has changed; in pages, since the driver asks for no more than it is asked."""
    run = driver.runtime.run
    for name in NAMES:
        run(direct.put_content(f"d/{name}/x", b""))
    proxy.begin(lag=Lag(list=LONG))
    assert names(driver, "d") == names(direct, "d") == NAMES
    assert list(driver.runtime.iterate(driver.list("d", NAMES[7], 5))) == NAMES[8:13]
    shown, true = (
        [(info.path, info.size, info.version) for info in each.runtime.iterate(each.walk("d"))]
        for each in (driver, direct)
    )
    assert shown == true
