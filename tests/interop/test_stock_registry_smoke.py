from __future__ import annotations

import json
import subprocess
import urllib.request
from pathlib import Path

import pytest

from tests.servers import docker_registry, require, running, skopeo


def test_the_stock_registry_starts_and_answers(tmp_path: Path) -> None:
    with (
        docker_registry(tmp_path / "registry") as registry,
        urllib.request.urlopen(f"{registry.url}/v2/", timeout=10) as answer,
    ):
        assert answer.status == 200
        assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


def test_an_image_survives_a_round_trip_and_the_collector(tmp_path: Path) -> None:
    umoci = require("umoci")
    image = tmp_path / "image"
    subprocess.run([umoci, "init", "--layout", image], check=True)
    subprocess.run([umoci, "new", "--image", f"{image}:v1"], check=True)
    with docker_registry(tmp_path / "registry") as registry:
        reference = f"docker://{registry.host}/test/image:v1"
        skopeo("copy", "--dest-tls-verify=false", f"oci:{image}:v1", reference)
        registry.collect_garbage()
        skopeo("copy", "--src-tls-verify=false", reference, f"oci:{tmp_path / 'back'}:v1")
        listed = json.loads(skopeo("list-tags", "--tls-verify=false", reference.rpartition(":")[0]))
    assert listed["Tags"] == ["v1"]
    blobs = [
        sorted(p.name for p in (d / "blobs/sha256").iterdir()) for d in (image, tmp_path / "back")
    ]
    assert blobs[0] == blobs[1]


def test_a_missing_program_fails_where_servers_are_required(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REGSTORE_REQUIRE_SERVERS", "1")
    with pytest.raises(pytest.fail.Exception, match="no-such-program is not installed"):
        require("no-such-program")
    monkeypatch.delenv("REGSTORE_REQUIRE_SERVERS")
    with pytest.raises(pytest.skip.Exception, match="no-such-program is not installed"):
        require("no-such-program")


def test_a_server_that_does_not_start_fails_with_what_it_printed(tmp_path: Path) -> None:
    argv = ["sh", "-c", "echo no such option; exit 3"]
    with (
        pytest.raises(pytest.fail.Exception, match="no such option"),
        running(argv, {"PATH": "/usr/bin:/bin"}, "http://127.0.0.1:1/", tmp_path / "log"),
    ):
        pass
