"""A stock registry and regstore over one bucket: what one writes, the other reads and keeps."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

import regstore
from regstore import Registry, Repository
from regstore.digest import Digest
from tests.images import Image, contents, lay_out, make_image, make_index, with_layer
from tests.interop.client import blob_of
from tests.interop.conftest import NAME
from tests.object_servers import S3Server, stock_storage
from tests.servers import StockRegistry, docker_registry, skopeo, skopeo_pull, skopeo_push

LARGE = 21 << 20
"""Bytes of a layer that both sides send in parts: stock in 10 MiB, regstore in 8 MiB."""


@pytest.fixture
def prefix(seaweedfs: S3Server) -> str:
    return seaweedfs.fresh_url().rpartition("/")[2]


@pytest.fixture
def stock(seaweedfs: S3Server, prefix: str, tmp_path: Path) -> Iterator[StockRegistry]:
    storage = stock_storage(seaweedfs, prefix)
    with docker_registry(tmp_path / "stock", storage=storage) as registry:
        yield registry


@pytest.fixture
def registry(seaweedfs: S3Server, prefix: str) -> Iterator[Registry]:
    url = f"{seaweedfs.url}/{prefix}"
    with regstore.open(url, storage_options=seaweedfs.storage_options) as registry:
        yield registry


@pytest.fixture(scope="module")
def large() -> Image:
    layer = gzip.compress(random.Random(4).randbytes(LARGE), compresslevel=0, mtime=0)
    return with_layer(make_image("large", layers=2), layer)


def tags_of(stock: StockRegistry) -> list[str]:
    listed = skopeo("list-tags", "--tls-verify=false", f"docker://{stock.host}/{NAME}")
    tags: list[str] = json.loads(listed)["Tags"]
    return tags


def assert_readable(repo: Repository, image: Image) -> None:
    """Every byte of *image* is found under its digest."""
    stored = repo.manifests.get(image.digest)
    assert (stored.body, stored.media_type) == (image.manifest, image.media_type)
    for blob in image.blobs:
        digest = Digest.of(blob)
        assert repo.blobs.stat(digest).size == len(blob)
        assert repo.blobs.get(digest) == blob


def test_what_skopeo_pushes_into_stock_is_read(
    stock: StockRegistry, registry: Registry, repo: Repository, large: Image, tmp_path: Path
) -> None:
    lay_out(tmp_path / "image", "v1", large)
    skopeo_push(tmp_path / "image", "v1", stock.host, NAME)

    assert list(registry.repositories.all()) == [NAME]
    assert list(repo.tags.all()) == ["v1"]
    assert repo.manifests.get("v1").body == large.manifest
    assert list(repo.manifests.all()) == [large.digest]
    assert set(repo.blobs.all()) == {Digest.of(blob) for blob in large.blobs}
    assert_readable(repo, large)


def test_what_regstore_takes_is_pulled_through_stock(
    stock: StockRegistry, repo: Repository, large: Image, tmp_path: Path
) -> None:
    """Its layers come as a server receives them: in requests, each by another registry object."""
    for blob in large.blobs:
        upload = repo.uploads.create()
        with repo.uploads.resume(upload.id) as resumed:
            resumed.receive([blob], offset=0)
        repo.uploads.resume(upload.id).finish(Digest.of(blob), [])
    large.push_manifest(repo, "v1", "latest")

    assert tags_of(stock) == ["latest", "v1"]
    assert skopeo_pull(stock.host, NAME, "latest", tmp_path / "back") == contents(large)


def test_an_index_goes_both_ways(stock: StockRegistry, repo: Repository, tmp_path: Path) -> None:
    platforms = [make_image(name, architecture=name) for name in ("amd64", "arm64")]
    index = make_index(*platforms)
    lay_out(tmp_path / "image", "multi", index, *platforms)
    skopeo_push(tmp_path / "image", "multi", stock.host, NAME)
    for image in platforms:
        assert_readable(repo, image)

    ours = make_image("ours")
    listing = make_index(ours, platforms[0])
    ours.push(repo)
    listing.push(repo, "ours")
    pulled = skopeo_pull(stock.host, NAME, "ours", tmp_path / "back")
    assert pulled == contents(listing, ours, platforms[0])


def test_a_tag_that_one_moves_has_moved_for_the_other(
    stock: StockRegistry, repo: Repository, tmp_path: Path
) -> None:
    first, second = make_image("first"), make_image("second")
    for number, image in enumerate((first, second)):
        lay_out(tmp_path / str(number), "v1", image)
    skopeo_push(tmp_path / "0", "v1", stock.host, NAME)
    assert repo.tags.get("v1") == first.digest
    skopeo_push(tmp_path / "1", "v1", stock.host, NAME)
    assert repo.tags.get("v1") == second.digest
    assert {change.digest for change in repo.tags.history("v1")} == {first.digest, second.digest}

    repo.tags.set("v1", first.digest)
    assert skopeo_pull(stock.host, NAME, "v1", tmp_path / "back") == contents(first)
    repo.tags.set("v2", second.digest)
    assert tags_of(stock) == ["v1", "v2"]
    repo.manifests.delete(second.digest)
    assert skopeo_pull(stock.host, NAME, "v1", tmp_path / "again") == contents(first)


@pytest.mark.parametrize("options", [(), ("--delete-untagged",)])
def test_the_collector_keeps_what_is_referred_to(
    stock: StockRegistry, registry: Registry, repo: Repository, options: tuple[str, ...]
) -> None:
    """With regstore's own state in the bucket, and uploads of all kinds parked there."""
    image, other = make_image("kept", layers=2), make_image("other")
    sbom = make_image("sbom", subject=image.described(), artifactType="application/x-sbom")
    image.push(repo, "v1")
    sbom.push(repo, "sbom")
    other.push(registry.repository("other/name"), "v1")
    garbage = repo.blobs.put(b"nobody refers to this").digest
    with repo.uploads.create() as small, repo.uploads.create() as parked:
        small.write(b"in progress")
        parked.write(bytes(LARGE))
    begun = repo.uploads.create()

    printed = stock.collect_garbage(*options)

    assert f"blob eligible for deletion: {garbage}" in printed, "the collector did run"
    assert printed.count("\nblob eligible for deletion: ") == 1
    assert blob_of(stock, NAME, garbage).status == 404
    assert_readable(repo, image)
    assert_readable(repo, sbom)
    assert_readable(registry.repository("other/name"), other)
    assert [found.digest for found in repo.referrers.all(image.digest)] == [sbom.digest]
    assert repo.uploads.resume(small.id).status() == len(b"in progress")
    assert repo.uploads.resume(begun.id).status() == 0
    upload = repo.uploads.resume(parked.id)
    assert upload.commit(Digest.of(bytes(LARGE))).size == LARGE
