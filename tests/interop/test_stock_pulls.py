"""What regstore pushes is listed, pulled and kept by a stock registry over the same directory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from regstore import Registry, Repository
from regstore.digest import Digest
from regstore.oci import DOCKER_MANIFEST
from tests.images import contents, make_docker_list, make_image, make_index
from tests.interop.client import ask, blob_of
from tests.interop.conftest import NAME
from tests.places import files_below
from tests.servers import StockRegistry, skopeo, skopeo_pull


def test_an_image_is_listed_and_pulled(
    stock: StockRegistry, registry: Registry, repo: Repository, tmp_path: Path
) -> None:
    image = make_image("ours", layers=3)
    image.push(repo, "v1", "v2")
    image.push(registry.repository("library/app/nested"), "v1")

    listed = skopeo("list-tags", "--tls-verify=false", f"docker://{stock.host}/{NAME}")
    assert json.loads(listed)["Tags"] == ["v1", "v2"]
    catalog = json.loads(ask("GET", f"{stock.url}/v2/_catalog").body)
    assert catalog["repositories"] == [NAME, "library/app/nested"]
    assert skopeo_pull(stock.host, NAME, "v1", tmp_path / "back") == contents(image)


def test_an_index_is_pulled_with_all_its_platforms(
    stock: StockRegistry, repo: Repository, tmp_path: Path
) -> None:
    platforms = [make_image(name, architecture=name) for name in ("amd64", "arm64")]
    index = make_index(*platforms)
    for image in (*platforms, index):
        image.push(repo)
    repo.tags.set("multi", index.digest)
    pulled = skopeo_pull(stock.host, NAME, "multi", tmp_path / "back")
    assert pulled == contents(index, *platforms)


def test_a_docker_list_is_served_under_its_type(stock: StockRegistry, repo: Repository) -> None:
    image = make_image("x", media_type=DOCKER_MANIFEST)
    listing = make_docker_list(image)
    image.push(repo)
    listing.push(repo, "list")
    answer = ask("GET", f"{stock.url}/v2/{NAME}/manifests/list", accept=listing.media_type)
    assert (answer.status, answer.body) == (200, listing.manifest)
    assert answer.headers["Content-Type"] == listing.media_type


@pytest.mark.parametrize("options", [(), ("--delete-untagged",)])
def test_the_collector_keeps_what_is_tagged(
    stock: StockRegistry, registry: Registry, repo: Repository, options: tuple[str, ...]
) -> None:
    image = make_image("kept", layers=2)
    image.push(repo, "v1")
    sbom = make_image("sbom", subject=image.described(), artifactType="application/x-sbom")
    sbom.push(repo, "sbom")
    assert [found.digest for found in repo.referrers.all(image.digest)] == [sbom.digest]
    garbage = registry.repository(NAME).blobs.put(b"nobody refers to this").digest
    with repo.uploads.create() as upload:
        upload.write(b"in progress")
    before = files_below(stock.root)
    assert any(path.startswith("docker/registry/regstore/v1/referrers/") for path in before)

    stock.collect_garbage(*options)

    gone = {path for path in before if path not in files_below(stock.root)}
    assert {path for path in gone if garbage.hex not in path} == set()
    assert blob_of(stock, NAME, garbage).status == 404, "the collector did run"
    for kept in (image, sbom):
        assert repo.manifests.get(kept.digest).body == kept.manifest
        assert [repo.blobs.get(Digest.of(blob)) for blob in kept.blobs] == list(kept.blobs)
    assert repo.uploads.resume(upload.id).status() == len(b"in progress")


def test_the_collector_keeps_the_platforms_of_an_index(
    stock: StockRegistry, repo: Repository, tmp_path: Path
) -> None:
    # Without --delete-untagged, with which registry 2.x takes the platforms of an index too.
    platforms = [make_image(name, architecture=name) for name in ("amd64", "arm64")]
    index = make_index(*platforms)
    for image in (*platforms, index):
        image.push(repo)
    repo.tags.set("multi", index.digest)
    stock.collect_garbage()
    pulled = skopeo_pull(stock.host, NAME, "multi", tmp_path / "back")
    assert pulled == contents(index, *platforms)


def test_a_sha512_blob_is_served_and_kept(stock: StockRegistry, repo: Repository) -> None:
    image = make_image("sha512", algorithm="sha512")
    for blob in image.blobs:
        repo.blobs.put(blob, Digest.of(blob, "sha512"))
    repo.manifests.put(image.manifest, tags=["v1"])
    stock.collect_garbage()
    for blob in image.blobs:
        answer = blob_of(stock, NAME, Digest.of(blob, "sha512"))
        assert (answer.status, answer.body) == (200, blob)
        assert repo.blobs.get(Digest.of(blob, "sha512")) == blob


def test_what_regstore_deletes_is_gone(stock: StockRegistry, repo: Repository) -> None:
    image = make_image("deleted")
    image.push(repo, "v1")
    repo.manifests.delete(image.digest)
    assert ask("GET", f"{stock.url}/v2/{NAME}/manifests/v1").status == 404
    assert ask("GET", f"{stock.url}/v2/{NAME}/manifests/{image.digest}").status == 404
    assert ask("GET", f"{stock.url}/v2/{NAME}/tags/list").status == 404


@pytest.mark.parametrize("options", [(), ("--delete-untagged",)])
def test_the_collector_runs_over_what_regstore_emptied(
    stock: StockRegistry, registry: Registry, repo: Repository, options: tuple[str, ...]
) -> None:
    emptied = registry.repository("library/emptied")
    image, kept = make_image("emptied"), make_image("kept")
    image.push(emptied, "v1")
    kept.push(repo, "v1")
    emptied.manifests.delete(image.digest)
    deleted = registry.repository("library/deleted")
    image.push(deleted, "v1")
    registry.delete_repository("library/deleted")
    stock.collect_garbage(*options)
    assert repo.manifests.get("v1").body == kept.manifest
    assert repo.blobs.get(Digest.of(kept.blobs[0])) == kept.blobs[0]
