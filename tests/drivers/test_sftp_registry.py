"""A registry over SFTP, a lost connection, and the versions of a server that tells only seconds."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

import regstore
from regstore.driver import StorageDriver
from regstore.drivers import open_driver
from regstore.drivers.generic import connection, versions
from regstore.errors import PermissionDeniedError, TransientError
from regstore.testing.material import content
from tests.sftp_server import SftpServer, sftp_server

MIB = 1 << 20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    with sftp_server(tmp_path_factory.mktemp("sshd")) as running:
        yield running


@pytest.fixture
def driver(server: SftpServer, tmp_path: Path) -> Iterator[StorageDriver]:
    driver = open_driver(server.url(tmp_path), storage_options=server.options)
    yield driver
    driver.runtime.run(driver.aclose())


def test_an_image_is_pushed_in_chunks_and_resumed_by_a_second_registry(
    server: SftpServer, tmp_path: Path
) -> None:
    layer = content(MIB + 5)
    digest = regstore.Digest.of(layer)

    def registry() -> regstore.Registry:
        return regstore.open(server.url(tmp_path), storage_options=server.options)

    with registry() as first, first.repository("a/b").uploads.create() as upload:
        upload.write(layer[: MIB // 2])
        upload.park()
    with registry() as second:
        repository = second.repository("a/b")
        resumed = repository.uploads.resume(upload.id)
        assert resumed.offset == MIB // 2
        resumed.write(layer[MIB // 2 :])
        described = resumed.commit(digest)
        config = repository.blobs.put(b"{}")
        body = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": config.to_json(),
                "layers": [described.to_json()],
            }
        ).encode()
        pushed = repository.manifests.put(body, tags=["1", "latest"])
    with registry() as third:
        repository = third.repository("a/b")
        assert repository.tags.get("latest") == pushed.descriptor.digest
        assert list(repository.tags.all()) == ["1", "latest"]
        assert repository.manifests.get("1").body == body
        assert repository.blobs.get(digest) == layer
        assert list(third.repositories.all()) == ["a/b"]


def test_conditions_are_refused(driver: StorageDriver) -> None:
    capabilities = driver.capabilities
    assert not capabilities.conditional_create
    assert not capabilities.stable_reads
    assert capabilities.fenced_writers


def test_a_lost_connection_is_told_once_and_made_again(
    driver: StorageDriver, server: SftpServer
) -> None:
    run = driver.runtime.run
    run(driver.put_content("d/f", b"kept"))
    server.hang_up()
    with pytest.raises(TransientError) as caught:
        run(driver.stat("d/f"))
    assert not caught.value.outcome_unknown
    assert run(driver.get_content("d/f")).data == b"kept"
    server.hang_up()
    with pytest.raises(TransientError) as caught:
        run(driver.delete_file("d/f"))
    assert run(driver.get_content("d/f")).data == b"kept"


def test_a_server_that_stops_answering_is_given_up(
    driver: StorageDriver, server: SftpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "ANSWER_SECONDS", 0.5)
    run = driver.runtime.run
    run(driver.put_content("f", b"kept"))
    silent = server.sessions()
    for each in silent:
        each.send_signal(signal.SIGSTOP)
    with pytest.raises(TransientError):
        run(driver.stat("f"))
    for each in silent:
        each.send_signal(signal.SIGKILL)
    monkeypatch.undo()
    assert run(driver.get_content("f")).data == b"kept"


def test_a_refused_key_is_no_permission(server: SftpServer, tmp_path: Path) -> None:
    options = {**server.options, "key_filename": str(server.keys / "host")}
    driver = open_driver(server.url(tmp_path), storage_options=options)
    with pytest.raises(PermissionDeniedError):
        driver.runtime.run(driver.stat("f"))


@pytest.mark.parametrize("size", [71, versions.SMALL])
def test_contents_of_one_size_have_versions_of_their_own(driver: StorageDriver, size: int) -> None:
    run = driver.runtime.run
    seen = []
    for name in ("one", "two", "six"):
        run(driver.put_content("f", content(size, name)))
        seen.append(run(driver.stat("f")).version)
    assert len(set(seen)) == 3
