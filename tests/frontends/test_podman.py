"""buildah and podman push and pull: what one has built, the other takes."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from regstore.digest import Digest
from regstore.oci import OCI_INDEX
from tests.frontends.client import Repo
from tests.frontends.frontends import Server
from tests.images import lay_out, make_image, make_index
from tests.servers import require, run

IMAGE = make_image("pulled", layers=3)
IMAGE_ID = Digest.of(IMAGE.blobs[0]).hex
"""An image's id is the digest of its configuration, however its layers are packed."""


@dataclass(frozen=True)
class Engine:
    """buildah or podman, with images of its own; root or not, it needs no special filesystem."""

    binary: str
    home: Path

    def run(self, *args: str) -> str:
        """Run a command and return the last line that it prints."""
        places = (f"--root={self.home / 'graph'}", f"--runroot={self.home / 'run'}")
        argv = [require(self.binary), *places, "--storage-driver=vfs", *args]
        return run(argv, dict(os.environ)).strip().rpartition("\n")[2]

    def push(self, image: str, reference: str) -> None:
        self.run("push", "--quiet", "--tls-verify=false", image, f"docker://{reference}")

    def pull(self, reference: str, *options: str) -> str:
        """Pull an image and return its id."""
        return self.run("pull", "--quiet", "--tls-verify=false", *options, reference)


@pytest.fixture
def reference(server: Server, repo: Repo) -> str:
    return f"{server.url.removeprefix('http://')}/{repo.name}"


@pytest.fixture
def homes() -> Iterator[Path]:
    """Where engines keep their images; podman takes no long paths, so pytest's are no use."""
    with TemporaryDirectory(suffix="x") as folder:  # no reference may end in an underscore
        yield Path(folder)


@pytest.fixture
def buildah(homes: Path) -> Engine:
    return Engine("buildah", homes / "buildah")


@pytest.fixture
def podman(homes: Path) -> Engine:
    return Engine("podman", homes / "podman")


@pytest.mark.parametrize("binary", ["buildah", "podman"])
def test_an_image_is_pulled_by_tag_and_by_digest(
    reference: str, repo: Repo, homes: Path, binary: str
) -> None:
    repo.push(IMAGE, "v1")
    for number, name in enumerate([":v1", f"@{IMAGE.digest}"]):
        engine = Engine(binary, homes / str(number))
        assert engine.pull(f"{reference}{name}") == IMAGE_ID


@pytest.mark.parametrize("binary", ["buildah", "podman"])
def test_an_image_is_pushed(reference: str, repo: Repo, homes: Path, binary: str) -> None:
    lay_out(homes / "image", "v1", IMAGE)
    engine = Engine(binary, homes / "engine")
    engine.push(engine.run("pull", "--quiet", f"oci:{homes / 'image'}:v1"), f"{reference}:v1")
    assert repo.ask("GET", "manifests/v1").json()["config"]["digest"] == f"sha256:{IMAGE_ID}"
    assert Engine(binary, homes / "another").pull(f"{reference}:v1") == IMAGE_ID


def test_an_image_is_built_upon_another(
    reference: str, repo: Repo, buildah: Engine, podman: Engine, tmp_path: Path
) -> None:
    repo.push(IMAGE, "base")
    (tmp_path / "added").write_text("built upon another\n")
    buildah.run("from", "--quiet", "--tls-verify=false", "--name=work", f"{reference}:base")
    buildah.run("copy", "--quiet", "work", str(tmp_path / "added"), "/added")
    built = buildah.run("commit", "--quiet", "work", "built")
    buildah.push("built", f"{reference}:built")
    layers = repo.ask("GET", "manifests/built").json()["layers"]
    assert len(layers) == len(IMAGE.blobs)  # those of the base, without its configuration; and one
    packed = repo.ask("GET", f"blobs/{layers[-1]['digest']}").content
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(packed))) as archive:
        added = archive.extractfile("added")
        assert added is not None
        assert added.read() == b"built upon another\n"
    assert podman.pull(f"{reference}:built") == built


def test_an_image_goes_on_from_podman_to_buildah(
    reference: str, repo: Repo, buildah: Engine, podman: Engine
) -> None:
    repo.push(IMAGE, "v1")
    podman.push(podman.pull(f"{reference}:v1"), f"{reference}:v2")
    assert repo.tags() == ["v1", "v2"]
    assert buildah.pull(f"{reference}:v2") == IMAGE_ID


def test_an_index_is_pushed_with_all_platforms(
    reference: str, repo: Repo, buildah: Engine, podman: Engine
) -> None:
    platforms = [make_image(name, architecture=name) for name in ("amd64", "arm64")]
    repo.push(platforms[0], "amd64")
    repo.push(platforms[1], "arm64")
    repo.push(make_index(*platforms), "given")
    buildah.run("manifest", "create", "local")
    buildah.run("manifest", "add", "--all", "--tls-verify=false", "local", f"{reference}:given")
    target = f"docker://{reference}:multi"
    buildah.run("manifest", "push", "--all", "--quiet", "--tls-verify=false", "local", target)
    index = repo.ask("GET", "manifests/multi")
    assert index.headers["Content-Type"] == OCI_INDEX
    assert [each["digest"] for each in index.json()["manifests"]] == [
        image.digest for image in platforms
    ]
    for image in platforms:
        pulled = podman.pull(f"{reference}:multi", f"--arch={image.architecture}")
        assert pulled == Digest.of(image.blobs[0]).hex
