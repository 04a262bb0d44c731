"""skopeo copies, inspects, lists and deletes, as its users do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from regstore.digest import Digest
from regstore.oci import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from tests.frontends.client import Repo
from tests.frontends.frontends import Server
from tests.images import Image, contents, lay_out, make_image, make_index
from tests.servers import skopeo, skopeo_pull, skopeo_push

PLATFORMS = [make_image(f"on {name}", architecture=name) for name in ("amd64", "arm64", "riscv64")]


@pytest.fixture
def host(server: Server) -> str:
    return server.url.removeprefix("http://")


def push(tmp_path: Path, host: str, repo: Repo, tag: str, *images: Image) -> None:
    """Copy the first of *images* into the registry; it lists the others."""
    lay_out(tmp_path / tag, tag, *images)
    skopeo_push(tmp_path / tag, tag, host, repo.name)


def copy(host: str, source: str, target: str, *options: str) -> None:
    """Copy from one place in the registry to another."""
    insecure = ("--src-tls-verify=false", "--dest-tls-verify=false")
    ends = [f"docker://{host}/{end}" for end in (source, target)]
    skopeo("copy", *insecure, *options, *ends)


def ask_about(command: str, host: str, reference: str, *options: str) -> str:
    return skopeo(command, "--tls-verify=false", *options, f"docker://{host}/{reference}")


def test_an_image_goes_in_and_comes_out_byte_for_byte(
    host: str, repo: Repo, tmp_path: Path
) -> None:
    image = make_image("one", layers=5)
    push(tmp_path, host, repo, "v1", image)
    assert repo.ask("GET", "manifests/v1").content == image.manifest
    assert skopeo_pull(host, repo.name, "v1", tmp_path / "back") == contents(image)


def test_what_is_there_is_not_sent_again(host: str, repo: Repo, tmp_path: Path) -> None:
    image = make_image("again", layers=2)
    push(tmp_path, host, repo, "v1", image)
    push(tmp_path, host, repo, "v2", image)
    assert repo.tags() == ["v1", "v2"]
    assert skopeo_pull(host, repo.name, "v2", tmp_path / "back") == contents(image)


def test_an_index_goes_in_and_comes_out_with_all_platforms(
    host: str, repo: Repo, tmp_path: Path
) -> None:
    index = make_index(*PLATFORMS)
    push(tmp_path, host, repo, "multi", index, *PLATFORMS)
    assert repo.ask("GET", "manifests/multi").headers["Content-Type"] == OCI_INDEX
    pulled = skopeo_pull(host, repo.name, "multi", tmp_path / "back")
    assert pulled == contents(index, *PLATFORMS)


@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
def test_one_platform_is_chosen_from_an_index(
    host: str, repo: Repo, tmp_path: Path, architecture: str
) -> None:
    push(tmp_path, host, repo, "multi", make_index(*PLATFORMS), *PLATFORMS)
    source, back = f"docker://{host}/{repo.name}:multi", f"oci:{tmp_path / 'back'}"
    choice = f"--override-arch={architecture}"
    skopeo("--override-os=linux", choice, "copy", "--src-tls-verify=false", source, back)
    chosen = next(image for image in PLATFORMS if image.architecture == architecture)
    assert set(contents(chosen)) == {
        path.name for path in (tmp_path / "back/blobs/sha256").iterdir()
    }


def test_inspect_tells_what_was_pushed(host: str, repo: Repo, tmp_path: Path) -> None:
    image = make_image("inspected", layers=3)
    push(tmp_path, host, repo, "v1", image)
    reference = f"{repo.name}:v1"
    told = json.loads(ask_about("inspect", host, reference))
    assert told["Digest"] == image.digest
    assert told["RepoTags"] == ["v1"]
    assert told["Layers"] == [Digest.of(layer) for layer in image.blobs[1:]]
    assert ask_about("inspect", host, reference, "--raw").encode() == image.manifest
    config = ask_about("inspect", host, reference, "--config", "--raw")
    assert config.strip().encode() == image.blobs[0]


def test_a_manifest_is_found_by_its_digest(host: str, repo: Repo, tmp_path: Path) -> None:
    index = make_index(*PLATFORMS)
    push(tmp_path, host, repo, "multi", index, *PLATFORMS)
    for image in (index, *PLATFORMS):
        raw = ask_about("inspect", host, f"{repo.name}@{image.digest}", "--raw")
        assert raw.encode() == image.manifest


def test_tags_are_listed(host: str, repo: Repo) -> None:
    tags = [f"v{number:02}" for number in range(40)]
    repo.push(make_image("tagged"), *tags)
    told = json.loads(ask_about("list-tags", host, repo.name))
    assert told == {"Repository": f"{host}/{repo.name}", "Tags": tags}


def test_what_is_deleted_is_gone_and_the_rest_stays(host: str, repo: Repo, tmp_path: Path) -> None:
    dead, kept = make_image("dead"), make_image("kept")
    repo.push(dead, "v1", "v1.0")
    repo.push(kept, "v2")
    ask_about("delete", host, f"{repo.name}:v1")
    assert repo.tags() == ["v2"]
    assert repo.ask("HEAD", f"manifests/{dead.digest}").status_code == 404
    assert skopeo_pull(host, repo.name, "v2", tmp_path / "back") == contents(kept)


def test_an_image_is_copied_within_the_registry(
    host: str, repo: Repo, other: Repo, tmp_path: Path
) -> None:
    index = make_index(*PLATFORMS)
    push(tmp_path, host, repo, "multi", index, *PLATFORMS)
    copy(host, f"{repo.name}:multi", f"{other.name}:copied", "--all", "--preserve-digests")
    pulled = skopeo_pull(host, other.name, "copied", tmp_path / "back")
    assert pulled == contents(index, *PLATFORMS)


@pytest.mark.parametrize(
    ("form", "media_type", "listing"),
    [("v2s2", DOCKER_MANIFEST, DOCKER_LIST), ("oci", OCI_MANIFEST, OCI_INDEX)],
)
def test_a_manifest_is_converted(
    host: str, repo: Repo, other: Repo, form: str, media_type: str, listing: str
) -> None:
    given = DOCKER_MANIFEST if form == "oci" else OCI_MANIFEST
    image = make_image("converted", media_type=given)
    repo.push(image, "one")
    repo.push(make_index(image), "many")
    copy(host, f"{repo.name}:one", f"{other.name}:one", f"--format={form}")
    copy(host, f"{repo.name}:many", f"{other.name}:many", "--all", f"--format={form}")
    kinds = [
        other.ask("HEAD", f"manifests/{tag}").headers["Content-Type"] for tag in ("one", "many")
    ]
    assert kinds == [media_type, listing]
