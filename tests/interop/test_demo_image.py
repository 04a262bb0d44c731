"""The demo's image is a real one: other tools read and unpack it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner

from regstore.cli.app import app
from tests.servers import docker_registry, require, skopeo


def _regstore(*args: str) -> None:
    result = CliRunner().invoke(app, args, catch_exceptions=False)
    assert result.exit_code == 0, result.output


def test_skopeo_and_umoci_take_the_image_of_the_demo(tmp_path: Path) -> None:
    umoci = require("umoci")
    root, layout, unpacked = (str(tmp_path / name) for name in ("root", "layout", "unpacked"))
    _regstore("demo", "--root", root)
    _regstore("export", root, "demo/python:latest", layout)
    inspected = json.loads(skopeo("inspect", f"oci:{layout}:latest"))
    assert inspected["Os"] == "linux"
    assert len(inspected["Layers"]) == 2
    argv = [umoci, "unpack", "--rootless", "--image", f"{layout}:latest", unpacked]
    subprocess.run(argv, check=True, capture_output=True)
    packed = Path(unpacked, "rootfs/usr/lib/python/json/__init__.py")
    assert packed.read_bytes() == Path(str(sys.modules["json"].__file__)).read_bytes()


def test_a_stock_registry_serves_what_the_demo_left(tmp_path: Path) -> None:
    _regstore("demo", "--root", str(tmp_path / "root"))
    with docker_registry(tmp_path / "root") as registry:
        image = f"docker://{registry.host}/demo/python:latest"
        target = f"oci:{tmp_path / 'pulled'}:latest"
        skopeo("copy", "--src-tls-verify=false", image, target)
