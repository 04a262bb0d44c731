"""oras pushes and pulls artifacts: files of any kind, in manifests of their own."""

from __future__ import annotations

from pathlib import Path

import oras.client
import pytest
from oras.oci import Subject

from regstore.digest import Digest
from regstore.oci import OCI_MANIFEST
from tests.frontends.client import Repo
from tests.frontends.frontends import Server
from tests.images import make_image

FILES = {"readme.md": b"# An artifact\n", "empty": b"", "data.bin": bytes(range(256)) * 5000}


class Artifacts:
    """Pushes files to and pulls them from one repository."""

    def __init__(self, server: Server, repo: Repo, folder: Path) -> None:
        self._client = oras.client.OrasClient(insecure=True)
        self._target = f"{server.url.removeprefix('http://')}/{repo.name}"
        self._folder = folder

    def push(self, tag: str, files: dict[str, bytes], **options: object) -> str:
        """Push *files* and return the digest that the registry tells."""
        sources = self._folder / "sources"
        sources.mkdir(exist_ok=True)
        for name, content in files.items():
            (sources / name).write_bytes(content)
        answer = self._client.push(
            f"{self._target}:{tag}",
            files=[f"{sources / name}:application/x-{name}" for name in files],
            disable_path_validation=True,
            quiet=True,
            **options,
        )
        digest: str = answer.headers["Docker-Content-Digest"]
        return digest

    def pull(self, reference: str) -> dict[str, bytes]:
        """Pull what ``:tag`` or ``@digest`` names."""
        out = self._folder / f"out{reference}"
        found = self._client.pull(f"{self._target}{reference}", outdir=str(out))
        return {Path(name).name: Path(name).read_bytes() for name in found}

    def tags(self, most: int | None = None) -> list[str]:
        found: list[str] = self._client.get_tags(self._target, N=most)
        return found

    def delete(self, *tags: str) -> list[str]:
        deleted: list[str] = self._client.delete_tags(self._target, list(tags))
        return deleted


@pytest.fixture
def artifacts(server: Server, repo: Repo, tmp_path: Path) -> Artifacts:
    return Artifacts(server, repo, tmp_path)


def test_files_go_in_and_come_out(artifacts: Artifacts, repo: Repo) -> None:
    digest = artifacts.push("v1", FILES)
    manifest = repo.ask("GET", "manifests/v1", Accept=OCI_MANIFEST)
    assert Digest.of(manifest.content) == digest
    assert artifacts.pull(":v1") == FILES
    assert artifacts.pull(f"@{digest}") == FILES


@pytest.mark.parametrize("size", [7, 500, 1000, 5 << 20])
def test_files_go_in_by_chunks(artifacts: Artifacts, size: int) -> None:
    content = FILES["data.bin"][:1000]
    artifacts.push("v1", {"chunked": content}, do_chunked=True, chunk_size=size)
    assert artifacts.pull(":v1") == {"chunked": content}


def test_annotations_are_kept(artifacts: Artifacts, repo: Repo) -> None:
    artifacts.push("v1", FILES, manifest_annotations={"org.example.seen": "today"})
    manifest = repo.ask("GET", "manifests/v1").json()
    assert manifest["annotations"] == {"org.example.seen": "today"}
    names = [layer["annotations"]["org.opencontainers.image.title"] for layer in manifest["layers"]]
    assert names == list(FILES)


@pytest.mark.parametrize("pushed", ["before", "after"])
def test_what_refers_to_an_image_is_found(artifacts: Artifacts, repo: Repo, pushed: str) -> None:
    image = make_image(f"pushed {pushed}")
    subject = Subject(image.media_type, str(image.digest), len(image.manifest))
    if pushed == "before":
        repo.push(image, "v1")
    digests = {
        artifacts.push(name, {name: name.encode()}, subject=subject) for name in ("sbom", "seal")
    }
    repo.push(image, "v1")
    listed = repo.referrers(image.digest)
    assert listed.status_code == 200
    assert {found["digest"] for found in listed.json()["manifests"]} == digests
    for name in ("sbom", "seal"):
        assert artifacts.pull(f":{name}") == {name: name.encode()}


def test_tags_are_listed_page_by_page(artifacts: Artifacts, repo: Repo) -> None:
    tags = [f"v{number}" for number in range(1, 10)]
    repo.push(make_image("listed"), *tags)
    assert artifacts.tags() == tags
    assert artifacts.tags(most=4) == tags[:4]


def test_tags_are_deleted(artifacts: Artifacts) -> None:
    artifacts.push("v1", {"a": b"a"})
    artifacts.push("v2", {"b": b"b"})
    assert artifacts.delete("v1") == ["v1"]
    assert artifacts.tags() == ["v2"]
    assert artifacts.pull(":v2") == {"b": b"b"}
