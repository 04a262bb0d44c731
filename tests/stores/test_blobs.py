"""Blobs: content under its digest, shared by all repositories, seen by those that have a link."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from regstore import Registry, Repository, layout
from regstore.digest import Digest
from regstore.errors import (
    BlobUnknownError,
    CorruptContentError,
    DigestInvalidError,
    InvalidOffsetError,
    NameInvalidError,
)
from tests.places import Place

NAME = "library/app"
BLOB = random.Random(5).randbytes(150_000)
DIGEST = Digest.of(BLOB)
ALGORITHMS = ["sha256", "sha384", "sha512", "blake3"]
RANGES: list[tuple[int, int | None]] = [
    (0, None),
    (0, 0),
    (0, len(BLOB)),
    (0, len(BLOB) + 1),
    (1, 1),
    (70_001, 70_001),
    (len(BLOB) - 1, 5),
    (len(BLOB), None),
    (len(BLOB), 7),
]
OUTSIDE: list[tuple[int, int | None]] = [
    (-1, None),
    (0, -1),
    (len(BLOB) + 1, None),
    (1 << 70, 1),
]


@pytest.mark.parametrize("blob", [b"", b"small", BLOB], ids=["empty", "small", "large"])
def test_what_was_put_is_there(place: Place, repo: Repository, blob: bytes) -> None:
    digests = [Digest.of(blob, algorithm) for algorithm in ALGORITHMS]
    for digest in digests:
        descriptor = repo.blobs.put(blob, digest)
        assert (descriptor.digest, descriptor.size) == (digest, len(blob))
        assert repo.blobs.get(digest) == blob
        assert repo.blobs.exists(digest)
        assert repo.blobs.stat(digest) == descriptor
    stored = {layout.BlobData(digest).path: blob for digest in digests}
    links = {layout.LayerLink(NAME, digest).path: digest.encode() for digest in digests}
    assert place.files() == stored | links


def test_the_digest_is_sha256_by_default(repo: Repository) -> None:
    assert repo.blobs.put(BLOB).digest == DIGEST
    assert repo.blobs.put(iter([BLOB[:10], b"", BLOB[10:]])).digest == DIGEST


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_chunks_are_put(place: Place, repo: Repository, algorithm: str) -> None:
    digest = Digest.of(BLOB, algorithm)
    chunks = (BLOB[start : start + 7001] for start in range(0, len(BLOB), 7001))
    assert repo.blobs.put(chunks, digest).size == len(BLOB)
    assert place.files() == {
        layout.BlobData(digest).path: BLOB,
        layout.LayerLink(NAME, digest).path: digest.encode(),
    }


@pytest.mark.parametrize("data", [BLOB, [BLOB]], ids=["whole", "chunks"])
def test_a_wrong_digest_leaves_nothing(
    place: Place, repo: Repository, data: bytes | list[bytes]
) -> None:
    with pytest.raises(DigestInvalidError) as caught:
        repo.blobs.put(data, Digest.of(b"other"))
    assert caught.value.actual == DIGEST
    assert place.files() == {}


def test_a_source_that_breaks_leaves_nothing(place: Place, repo: Repository) -> None:
    def chunks() -> Iterator[bytes]:
        yield BLOB[:1000]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        repo.blobs.put(chunks())
    assert place.files() == {}


@pytest.mark.parametrize("data", [BLOB, [BLOB]], ids=["whole", "chunks"])
def test_a_blob_of_the_wrong_size_is_repaired(
    place: Place, repo: Repository, data: bytes | list[bytes]
) -> None:
    for lies_there in (b"", BLOB[:-1], BLOB + b"x"):
        place.write(layout.BlobData(DIGEST).path, lies_there)
        repo.blobs.put(data, DIGEST)
        assert repo.blobs.get(DIGEST) == BLOB


def test_a_range_is_read(repo: Repository) -> None:
    repo.blobs.put(BLOB)
    for offset, length in RANGES:
        end = len(BLOB) if length is None else offset + length
        with repo.blobs.open(DIGEST, offset, length) as reader:
            assert reader.size == len(BLOB)
            assert reader.descriptor == repo.blobs.stat(DIGEST)
            assert reader.offset == offset
            assert b"".join(reader) == BLOB[offset:end]
            assert reader.offset == min(end, len(BLOB))
            assert reader.read() == b""


def test_a_range_outside_is_refused(repo: Repository) -> None:
    repo.blobs.put(BLOB)
    for offset, length in OUTSIDE:
        with pytest.raises(InvalidOffsetError), repo.blobs.open(DIGEST, offset, length):
            pass


def test_a_reader_has_to_be_entered(repo: Repository) -> None:
    repo.blobs.put(BLOB)
    with pytest.raises(ValueError, match="enter the reader first"):
        repo.blobs.open(DIGEST).read()


def test_a_reader_that_began_ends_although_the_blob_is_deleted(repo: Repository) -> None:
    repo.blobs.put(BLOB)
    with repo.blobs.open(DIGEST) as reader:
        repo.blobs.delete(DIGEST)
        assert b"".join(reader) == BLOB


def test_a_local_file_is_handed_out_where_there_is_one(place: Place, repo: Repository) -> None:
    repo.blobs.put(BLOB)
    with repo.blobs.open(DIGEST) as reader:
        file = reader.local_file()
    if place.root is None:
        assert file is None
    else:
        assert isinstance(file, Path)
        assert file.read_bytes() == BLOB


def test_what_is_not_there_is_unknown(repo: Repository) -> None:
    assert not repo.blobs.exists(DIGEST)
    for step in (repo.blobs.get, repo.blobs.stat, repo.blobs.delete, repo.blobs.redirect_url):
        with pytest.raises(BlobUnknownError) as caught:
            step(DIGEST)
        assert (caught.value.name, caught.value.digest) == (NAME, DIGEST)
    with pytest.raises(BlobUnknownError), repo.blobs.open(DIGEST):
        pass


def test_a_link_whose_data_is_lost_is_unknown_until_it_is_pushed_again(
    place: Place, repo: Repository
) -> None:
    repo.blobs.put(BLOB)
    place.delete(layout.BlobData(DIGEST).path)
    assert not repo.blobs.exists(DIGEST)
    for step in (repo.blobs.get, repo.blobs.stat):
        with pytest.raises(BlobUnknownError, match="push it again"):
            step(DIGEST)
    with pytest.raises(BlobUnknownError, match="push it again"), repo.blobs.open(DIGEST):
        pass
    repo.blobs.put(BLOB)
    assert repo.blobs.get(DIGEST) == BLOB


def test_get_verifies(place: Place, repo: Repository) -> None:
    repo.blobs.put(BLOB)
    for lies_there in (b"", BLOB[:-1], BLOB[:-1] + b"x"):
        place.write(layout.BlobData(DIGEST).path, lies_there)
        with pytest.raises(CorruptContentError) as caught:
            repo.blobs.get(DIGEST)
        assert caught.value.digest == DIGEST


def test_another_repository_sees_it_only_once_it_is_mounted(
    place: Place, registry: Registry, repo: Repository
) -> None:
    other = registry.repository("other/app")
    repo.blobs.put(BLOB)
    assert not other.blobs.exists(DIGEST)
    before = place.files()
    descriptor = other.blobs.mount(DIGEST, source=NAME)
    assert descriptor == repo.blobs.stat(DIGEST)
    assert other.blobs.get(DIGEST) == BLOB
    added = {path: body for path, body in place.files().items() if path not in before}
    assert added == {layout.LayerLink("other/app", DIGEST).path: DIGEST.encode()}


def test_nothing_is_mounted_that_the_source_does_not_have(
    place: Place, registry: Registry, repo: Repository
) -> None:
    other = registry.repository("other/app")
    with pytest.raises(BlobUnknownError) as caught:
        other.blobs.mount(DIGEST, source=NAME)
    assert caught.value.name == NAME
    repo.blobs.put(BLOB)
    place.delete(layout.BlobData(DIGEST).path)
    with pytest.raises(BlobUnknownError):
        other.blobs.mount(DIGEST, source=NAME)
    with pytest.raises(NameInvalidError):
        other.blobs.mount(DIGEST, source="../library/app")
    assert not place.has(layout.RepositoryRoot("other/app").path)


def test_delete_takes_it_from_one_repository_only(
    place: Place, registry: Registry, repo: Repository
) -> None:
    other = registry.repository("other/app")
    repo.blobs.put(BLOB)
    other.blobs.mount(DIGEST, source=NAME)
    repo.blobs.delete(DIGEST)
    assert not repo.blobs.exists(DIGEST)
    assert list(repo.blobs.all()) == []
    assert other.blobs.get(DIGEST) == BLOB
    with pytest.raises(BlobUnknownError):
        repo.blobs.delete(DIGEST)
    other.blobs.delete(DIGEST)
    assert place.files() == {layout.BlobData(DIGEST).path: BLOB}


def test_all_blobs_of_a_repository(registry: Registry, repo: Repository) -> None:
    assert list(repo.blobs.all()) == []
    put = {repo.blobs.put(f"{number}".encode()).digest for number in range(20)}
    put |= {repo.blobs.put(b"x", Digest.of(b"x", "sha512")).digest}
    registry.repository("library/app/nested").blobs.put(b"not here")
    found = list(repo.blobs.all())
    assert set(found) == put
    assert len(found) == len(put)


def test_an_alias_link_is_followed(place: Place, registry: Registry, repo: Repository) -> None:
    alias = Digest.of(BLOB, "sha512")
    repo.blobs.put(BLOB)
    place.write(layout.LayerLink(NAME, alias).path, DIGEST.encode())
    assert repo.blobs.get(alias) == BLOB
    assert repo.blobs.stat(alias).digest == alias
    other = registry.repository("other/app")
    other.blobs.mount(alias, source=NAME)
    assert other.blobs.get(alias) == BLOB
    assert not other.blobs.exists(DIGEST)


def test_memory_and_disks_have_no_url_to_give(repo: Repository) -> None:
    repo.blobs.put(BLOB)
    assert repo.blobs.redirect_url(DIGEST) is None
