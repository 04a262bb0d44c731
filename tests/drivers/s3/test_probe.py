"""What a probe sees of S3 servers that differ in what they keep."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from regstore._loop import OwnLoopRuntime
from regstore.cli.app import app
from regstore.consistency import Measured
from regstore.consistency.probe import Effort, ProbeReport, probe
from regstore.driver import IF_ABSENT, StorageDriver
from regstore.drivers.objects.driver import ObjectDriver
from regstore.drivers.s3 import s3_store
from regstore.errors import PathExistsError, UnsupportedMethodError
from tests.object_servers import S3Server

# Contended writes cost SeaweedFS seconds.
QUICK = Effort(writers=2, rounds=1, patience=1.0, bulk=0)


class Opener:
    """Opens drivers on one fresh prefix."""

    def __init__(self, server: S3Server) -> None:
        self._server = server
        self._url = server.fresh_url()

    def __call__(self) -> StorageDriver:
        return ObjectDriver(s3_store(self._url, self._server.storage_options, OwnLoopRuntime()))

    def probe(self) -> ProbeReport:
        driver = self()
        try:
            return driver.runtime.run(probe(driver, self, effort=QUICK))
        finally:
            driver.runtime.run(driver.aclose())


def broken(report: ProbeReport) -> dict[str, str]:
    return {finding.capability: finding.seen for finding in report.broken}


def test_a_store_that_ignores_every_condition_is_exposed(rclone: S3Server) -> None:
    report = Opener(rclone).probe()
    seen = broken(report)
    for capability in ("conditional_create", "conditional_replace", "conditional_delete"):
        assert "DONE, without a word" in seen[capability]
        assert not getattr(report.capabilities, capability)


def test_a_store_that_keeps_conditions_is_believed(seaweedfs: S3Server) -> None:
    report = Opener(seaweedfs).probe()
    for capability in ("conditional_create", "conditional_replace", "conditional_delete"):
        assert capability not in broken(report)
        assert getattr(report.capabilities, capability)


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Iterator[StorageDriver]:
    driver = Measured(Opener(request.getfixturevalue(request.param))())
    yield driver
    driver.runtime.run(driver.aclose())


@pytest.mark.parametrize("measured", ["rclone"], indirect=True)
def test_the_first_condition_that_is_ignored_is_refused(measured: StorageDriver) -> None:
    run = measured.runtime.run
    with pytest.raises(UnsupportedMethodError, match="regstore probe URL"):
        run(measured.put_content("a", b"x", IF_ABSENT))
    assert not measured.capabilities.conditional_create
    assert list(measured.runtime.iterate(measured.list(""))) == []


@pytest.mark.parametrize("measured", ["seaweedfs"], indirect=True)
def test_conditions_that_hold_go_through(measured: StorageDriver) -> None:
    run = measured.runtime.run
    run(measured.put_content("a", b"x", IF_ABSENT))
    with pytest.raises(PathExistsError):
        run(measured.put_content("a", b"y", IF_ABSENT))


def test_the_command_exposes_it_too(rclone: S3Server) -> None:
    options = [
        f"--storage-option={name}:={json.dumps(value)}"
        for name, value in rclone.storage_options.items()
    ]
    command = ["probe", rclone.fresh_url(), "--rounds=1", "--writers=2", "--no-parts", *options]
    done = CliRunner().invoke(app, command, catch_exceptions=False)
    assert done.exit_code == 1, done.output
    assert "s3: BROKEN: conditional_create, conditional_replace, conditional_delete" in done.output
