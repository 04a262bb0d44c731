"""What clients push into a stock registry is there for regstore, from the same directory."""

from __future__ import annotations

from pathlib import Path

from regstore import Registry, Repository
from regstore.digest import Digest
from regstore.layout import LayerLink
from regstore.oci import DOCKER_MANIFEST
from tests.images import Image, lay_out, make_docker_list, make_image, make_index
from tests.interop.client import ask, push_blob, push_image
from tests.interop.conftest import NAME
from tests.servers import StockRegistry, skopeo_push


def assert_readable(repo: Repository, image: Image) -> None:
    """Every byte of *image* is found under its digest."""
    stored = repo.manifests.get(image.digest)
    assert (stored.body, stored.media_type) == (image.manifest, image.media_type)
    for blob in image.blobs:
        assert repo.blobs.get(Digest.of(blob)) == blob


def test_an_image_is_read_digest_by_digest(
    stock: StockRegistry, registry: Registry, repo: Repository, tmp_path: Path
) -> None:
    image = make_image("pushed", layers=3)
    lay_out(tmp_path / "image", "v1", image)
    skopeo_push(tmp_path / "image", "v1", stock.host, NAME)

    assert repo.manifests.get("v1").body == image.manifest
    assert_readable(repo, image)
    assert list(repo.tags.all()) == ["v1"]
    assert list(registry.repositories.all()) == [NAME]
    assert list(repo.manifests.all()) == [image.digest]
    assert set(repo.blobs.all()) == {Digest.of(blob) for blob in image.blobs}


def test_an_index_is_read_with_all_its_platforms(
    stock: StockRegistry, repo: Repository, tmp_path: Path
) -> None:
    platforms = [make_image(name, architecture=name) for name in ("amd64", "arm64")]
    index = make_index(*platforms)
    lay_out(tmp_path / "image", "multi", index, *platforms)
    skopeo_push(tmp_path / "image", "multi", stock.host, NAME)

    document = repo.manifests.get("multi").document
    assert [item.descriptor.digest for item in document.references] == [
        platform.digest for platform in platforms
    ]
    for image in (index, *platforms):
        assert_readable(repo, image)


def test_a_docker_list_is_read(stock: StockRegistry, repo: Repository) -> None:
    image = make_image("x", media_type=DOCKER_MANIFEST)
    listing = make_docker_list(image)
    push_image(stock, NAME, image, str(image.digest))
    push_image(stock, NAME, listing, "list")
    assert repo.manifests.get("list").digest == listing.digest
    assert_readable(repo, image)


def test_the_history_of_a_tag_is_what_stock_left(stock: StockRegistry, repo: Repository) -> None:
    images = [make_image(seed) for seed in ("first", "second")]
    for image in images:
        push_image(stock, NAME, image, "latest")
    assert repo.tags.get("latest") == images[1].digest
    assert [change.digest for change in repo.tags.history("latest")] == [
        image.digest for image in reversed(images)
    ]


def test_a_sha512_blob_is_found_under_both_of_its_digests(
    stock: StockRegistry, repo: Repository
) -> None:
    blob = b"linked twice" * 1000
    push_blob(stock, NAME, blob, "sha512")
    sha256, sha512 = Digest.of(blob), Digest.of(blob, "sha512")

    alias = stock.root / LayerLink(NAME, sha512).path
    assert alias.read_text() == sha256, "stock is expected to write an alias link"
    for digest in (sha256, sha512):
        assert repo.blobs.get(digest) == blob
        assert repo.blobs.stat(digest).size == len(blob)
    with repo.blobs.open(sha512, offset=7, length=5) as reader:
        assert b"".join(reader) == blob[7:12]
    assert set(repo.blobs.all()) == {sha256, sha512}


def test_referrers_that_stock_took_are_found(stock: StockRegistry, repo: Repository) -> None:
    image = make_image("subject")
    early, late = (
        make_image(seed, subject=image.described(), annotations={"seed": seed})
        for seed in ("early", "late")
    )
    push_image(stock, NAME, image, "v1")
    push_image(stock, NAME, early, str(early.digest))
    assert [found.digest for found in repo.referrers.all(image.digest)] == [early.digest]

    push_image(stock, NAME, late, str(late.digest))
    assert repo.referrers.reindex() == 2
    found = {each.digest: each.annotations for each in repo.referrers.all(image.digest)}
    assert found == {early.digest: {"seed": "early"}, late.digest: {"seed": "late"}}


def test_what_stock_deletes_is_gone(stock: StockRegistry, repo: Repository) -> None:
    image = make_image("deleted")
    push_image(stock, NAME, image, "v1")
    assert ask("DELETE", f"{stock.url}/v2/{NAME}/manifests/{image.digest}").status == 202
    assert not repo.manifests.exists(image.digest)
    assert list(repo.tags.all(verify=True)) == []
