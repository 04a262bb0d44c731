"""What frontends hand over as it comes in: bodies in chunks of any size, cut short, or too long."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from typing_extensions import override

import regstore
from regstore import ABSENT, Registry, Repository
from regstore._run import BlockingRuntime
from regstore.chunks import joined
from regstore.consistency.wrapper import WrapperDriver
from regstore.digest import Digest
from regstore.driver import FileInfo
from regstore.errors import (
    BlobUnknownError,
    BlobUploadUnknownError,
    ManifestBlobUnknownError,
    ManifestTooLargeError,
    ManifestUnknownError,
    PermissionDeniedError,
    SizeInvalidError,
    TagConflictError,
    UploadOffsetError,
)
from regstore.oci import OCI_MANIFEST
from regstore.policy import Policy
from regstore.upload import JOIN_BYTES
from tests.images import make_image, make_index
from tests.places import Place

BLOB = random.Random(5).randbytes(2 * JOIN_BYTES + 1000)
DIGEST = Digest.of(BLOB)
IMAGE = make_image("x", layers=1)


class DisconnectedError(Exception):
    """The client is gone."""


def cut(blob: bytes, size: int) -> Iterator[bytes]:
    return (blob[start : start + size] for start in range(0, len(blob), size))


def breaking(blob: bytes, size: int) -> Iterator[bytes]:
    yield from cut(blob, size)
    raise DisconnectedError


@pytest.mark.parametrize("size", [777, JOIN_BYTES, len(BLOB)])
def test_a_body_in_chunks_of_any_size_becomes_a_blob(repo: Repository, size: int) -> None:
    upload = repo.uploads.create()
    upload.receive(cut(BLOB, size), size=len(BLOB))
    assert upload.offset == len(BLOB)
    upload.commit(DIGEST)
    assert repo.blobs.get(DIGEST) == BLOB


def test_small_chunks_are_joined() -> None:
    pieces = list(BlockingRuntime().iterate(joined(cut(BLOB, 1000), JOIN_BYTES)))
    assert b"".join(pieces) == BLOB
    assert [len(piece) >= JOIN_BYTES for piece in pieces] == [True, True]


@pytest.mark.parametrize("size", [777, JOIN_BYTES])
def test_what_came_before_the_client_went_is_kept(
    place: Place, repo: Repository, size: int
) -> None:
    upload = repo.uploads.create()
    with pytest.raises(DisconnectedError), upload:
        upload.receive(breaking(BLOB[:-1000], size))
    resumed = place.repository().uploads.resume(upload.id)
    assert resumed.status() == len(BLOB) - 1000
    resumed.receive([BLOB[-1000:]], offset=len(BLOB) - 1000)
    resumed.commit(DIGEST)
    assert repo.blobs.get(DIGEST) == BLOB


def test_a_body_at_the_wrong_offset_is_not_touched(repo: Repository) -> None:
    body = cut(BLOB, 1000)
    with repo.uploads.create() as upload:
        upload.write(BLOB[:10])
        with pytest.raises(UploadOffsetError) as caught:
            upload.receive(body, offset=11)
    assert caught.value.offset == 10
    assert next(body) == BLOB[:1000]


@pytest.mark.parametrize("announced", [0, 1, 1999, 2001, JOIN_BYTES])
def test_a_body_of_another_size_than_announced_is_told(repo: Repository, announced: int) -> None:
    with repo.uploads.create() as upload:
        with pytest.raises(SizeInvalidError) as caught:
            upload.receive(cut(BLOB[:2000], 300), size=announced)
        assert caught.value.expected == announced
        assert upload.offset <= announced


def test_an_empty_body_leaves_the_answer_to_the_commit(repo: Repository) -> None:
    repo.blobs.put(BLOB)
    gone = repo.uploads.create()
    gone.cancel()
    again = repo.uploads.resume(gone.id)
    again.receive([])
    assert again.commit(DIGEST).digest == DIGEST
    with pytest.raises(BlobUploadUnknownError):
        again.receive([], offset=0)


def test_a_manifest_may_come_in_chunks(repo: Repository) -> None:
    for blob in IMAGE.blobs:
        repo.blobs.put(blob)
    pushed = repo.manifests.put(cut(IMAGE.manifest, 7), OCI_MANIFEST)
    assert repo.manifests.get(pushed.descriptor.digest).body == IMAGE.manifest


def test_no_more_of_a_manifest_is_read_than_is_taken(place: Place) -> None:
    body = cut(bytes(1000), 10)
    repo = place.open(Policy(max_manifest_size=100)).repository("a")
    with pytest.raises(ManifestTooLargeError):
        repo.manifests.put(body)
    assert len(list(body)) == 89


def test_a_push_may_name_what_its_tag_must_be(repo: Repository) -> None:
    other = make_image("y", layers=0)
    for image in (IMAGE, other):
        for blob in image.blobs:
            repo.blobs.put(blob)
    repo.manifests.put(IMAGE.manifest, tags=["v1"], expect=ABSENT)
    with pytest.raises(TagConflictError):
        repo.manifests.put(other.manifest, tags=["v1"], expect=ABSENT)
    assert repo.tags.get("v1") == IMAGE.digest
    repo.manifests.put(other.manifest, tags=["v1"], expect=IMAGE.digest)
    assert repo.tags.get("v1") == other.digest


def test_sparse_images_are_taken_where_the_policy_says(place: Place, repo: Repository) -> None:
    with pytest.raises(ManifestBlobUnknownError):
        repo.manifests.put(IMAGE.manifest)
    sparse = place.open(Policy(sparse_images=True)).repository("library/app")
    sparse.manifests.put(IMAGE.manifest, tags=["v1"])
    assert repo.manifests.get("v1").body == IMAGE.manifest
    with pytest.raises(ManifestBlobUnknownError):
        sparse.manifests.put(make_index(make_image("y", layers=0)).manifest)


def test_a_manifest_is_described_without_a_pull(place: Place, repo: Repository) -> None:
    pushed = IMAGE.push(repo, "v1")
    place.observer.events.clear()
    for reference in ("v1", IMAGE.digest):
        assert repo.manifests.stat(reference) == pushed.descriptor
    assert place.observer.events == []
    with pytest.raises(ManifestUnknownError):
        repo.manifests.stat("v2")


def test_a_blob_is_mounted_from_wherever_it_lies(place: Place, repo: Repository) -> None:
    with pytest.raises(BlobUnknownError):
        repo.blobs.mount(DIGEST, source=regstore.ANYWHERE)
    place.repository("somewhere/else").blobs.put(BLOB)
    descriptor = repo.blobs.mount(DIGEST, source=regstore.ANYWHERE)
    assert (descriptor.digest, descriptor.size) == (DIGEST, len(BLOB))
    assert repo.blobs.get(DIGEST) == BLOB
    assert place.observer.events[-2].source is None


class ClosedDriver(WrapperDriver):
    @override
    async def stat(self, path: str, *, must_exist: bool = False) -> FileInfo:
        raise PermissionDeniedError(path)


def test_a_ping_tells_whether_the_store_answers(place: Place, registry: Registry) -> None:
    registry.ping()
    registry.repository("a").blobs.put(b"x")
    registry.ping()
    place.driver = ClosedDriver(place.driver)
    with pytest.raises(PermissionDeniedError):
        place.open().ping()
