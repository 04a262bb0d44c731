"""Layouts go to and come from skopeo and umoci."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from regstore import Repository
from regstore.digest import Digest
from tests import places
from tests.images import make_image, make_index
from tests.servers import require, skopeo


@pytest.fixture
def mine() -> Repository:
    return places.memory().repository("library/app")


def inspect(reference: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(skopeo("inspect", reference))
    return found


@pytest.mark.parametrize(("scheme", "name"), [("oci", "out"), ("oci-archive", "out.tar")])
def test_skopeo_takes_what_is_exported(
    scheme: str, name: str, mine: Repository, tmp_path: Path
) -> None:
    image = make_image("one", layers=3)
    bill = make_image("bill", subject=image.described(), artifactType="application/sbom")
    image.push(mine, "v1")
    bill.push(mine)
    mine.export_layout(tmp_path / name)
    exported = f"{scheme}:{tmp_path / name}:v1"
    assert inspect(exported)["Digest"] == image.digest
    skopeo("copy", exported, f"oci:{tmp_path / 'copy'}:v1")
    back = places.memory().repository()
    back.import_layout(tmp_path / "copy")
    assert back.manifests.get("v1").digest == image.digest


def test_skopeo_needs_no_name_where_one_image_is_exported(mine: Repository, tmp_path: Path) -> None:
    image = make_image("one")
    image.push(mine, "v1")
    mine.export_layout(tmp_path / "x.tar")
    assert inspect(f"oci-archive:{tmp_path / 'x.tar'}")["Digest"] == image.digest


def test_skopeo_takes_every_platform_of_an_index(mine: Repository, tmp_path: Path) -> None:
    platforms = [make_image(name, architecture=name) for name in ("amd64", "arm64")]
    index = make_index(*platforms)
    for image in platforms:
        image.push(mine)
    index.push(mine, "multi")
    mine.export_layout(tmp_path / "out")
    source = f"oci:{tmp_path / 'out'}:multi"
    for image in platforms:
        inspected = skopeo("--override-arch", image.architecture, "inspect", source)
        assert json.loads(inspected)["Architecture"] == image.architecture
    skopeo("copy", "--all", source, f"oci-archive:{tmp_path / 'copy.tar'}:multi")
    back = places.memory().repository()
    back.import_layout(tmp_path / "copy.tar")
    assert back.tags.get("multi") == index.digest


def test_skopeo_adds_to_what_is_exported_and_so_do_we(mine: Repository, tmp_path: Path) -> None:
    one, two = make_image("one"), make_image("two")
    one.push(mine, "1")
    two.push(mine, "2")
    mine.export_layout(tmp_path / "a", ["1"])
    mine.export_layout(tmp_path / "b", ["2"])
    skopeo("copy", f"oci:{tmp_path / 'a'}:1", f"oci:{tmp_path / 'b'}:1")
    mine.export_layout(tmp_path / "b", ["2"])
    back = places.memory().repository()
    assert back.import_layout(tmp_path / "b").tags == {"1": one.digest, "2": two.digest}


def test_what_skopeo_archives_comes_in(mine: Repository, tmp_path: Path) -> None:
    image = make_image("one", layers=2)
    image.push(mine, "v1")
    mine.export_layout(tmp_path / "out")
    target = f"oci-archive:{tmp_path / 'x.tar'}:docker.io/library/one:v1"
    skopeo("copy", f"oci:{tmp_path / 'out'}:v1", target)
    back = places.memory().repository()
    assert back.import_layout(tmp_path / "x.tar").tags == {"v1": image.digest}


def test_umoci_unpacks_what_is_exported(mine: Repository, tmp_path: Path) -> None:
    umoci = require("umoci")
    make_image("one", layers=2).push(mine, "v1")
    mine.export_layout(tmp_path / "out")
    listed = _run(umoci, "ls", "--layout", str(tmp_path / "out"))
    assert listed.split() == ["v1"]
    _run(umoci, "gc", "--layout", str(tmp_path / "out"))
    _run(umoci, "unpack", "--rootless", "--image", f"{tmp_path / 'out'}:v1", str(tmp_path / "fs"))
    unpacked = sorted(path.name for path in (tmp_path / "fs/rootfs").iterdir())
    assert unpacked == ["one-0", "one-1"]


def test_what_umoci_builds_comes_in(tmp_path: Path) -> None:
    umoci = require("umoci")
    folder = str(tmp_path / "built")
    _run(umoci, "init", "--layout", folder)
    _run(umoci, "new", "--image", f"{folder}:fresh")
    (tmp_path / "file").write_text("content")
    _run(umoci, "insert", "--rootless", "--image", f"{folder}:fresh", str(tmp_path / "file"), "/f")
    repo = places.memory().repository()
    repo.import_layout(folder)
    assert repo.tags.get("fresh") == Digest(str(inspect(f"oci:{folder}:fresh")["Digest"]))
    assert len(list(repo.blobs.all())) == 2


def _run(*argv: str) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout
