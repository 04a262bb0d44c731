"""Uploads: begun here, continued there, verified, committed once, and never left lying about."""

from __future__ import annotations

import random
from datetime import datetime

import pytest
from typing_extensions import override

from regstore import Repository, layout
from regstore.consistency import WrapperDriver
from regstore.digest import Digest
from regstore.driver import FileReader, StorageDriver
from regstore.errors import (
    BlobUploadInvalidError,
    BlobUploadUnknownError,
    DigestInvalidError,
    InvalidOffsetError,
    PreconditionFailedError,
    SizeInvalidError,
    UnsupportedAlgorithmError,
    UploadOffsetError,
)
from regstore.hashing import Hasher
from tests.places import Place

NAME = "library/app"
BLOB = random.Random(3).randbytes(200_000)
DIGEST = Digest.of(BLOB)
ALGORITHMS = ["sha256", "sha384", "sha512", "blake3"]
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"


def begin(repo: Repository, taken: bytes = BLOB[:1000], algorithm: str = "sha256") -> str:
    """Begin an upload, park it with *taken*, and return its id."""
    with repo.uploads.create(algorithm=algorithm) as upload:
        upload.write(taken)
    return upload.id


def assert_only(place: Place, digest: Digest, blob: bytes = BLOB) -> None:
    """*blob* and its link are stored, and nothing else."""
    assert place.files() == {
        layout.BlobData(digest).path: blob,
        layout.LayerLink(NAME, digest).path: digest.encode(),
    }


def test_chunks_become_a_blob(place: Place, repo: Repository) -> None:
    upload = repo.uploads.create(size=len(BLOB))
    for start in range(0, len(BLOB), 70_001):
        assert upload.offset == start
        upload.write(BLOB[start : start + 70_001])
    descriptor = upload.commit(DIGEST, size=len(BLOB))
    assert (descriptor.digest, descriptor.size) == (DIGEST, len(BLOB))
    assert repo.blobs.get(DIGEST) == BLOB
    assert_only(place, DIGEST)


def test_any_buffer_may_be_written_and_used_again(place: Place, repo: Repository) -> None:
    upload = repo.uploads.create()
    buffer = bytearray(BLOB[:1000])
    upload.write(memoryview(buffer)[:600])
    buffer[:400] = BLOB[600:1000]
    upload.write(memoryview(buffer)[:400])
    buffer[:] = bytes(1000)
    upload.commit(Digest.of(BLOB[:1000]))
    assert_only(place, Digest.of(BLOB[:1000]), BLOB[:1000])


@pytest.mark.parametrize("cuts", [[1], [0, 64, 64, 65], [70_000, 199_999], [len(BLOB)]])
def test_it_is_parked_and_resumed_by_other_registries(
    place: Place, repo: Repository, cuts: list[int]
) -> None:
    upload = repo.uploads.create()
    for start, end in zip([0, *cuts], [*cuts, len(BLOB)], strict=True):
        upload.write(BLOB[start:end])
        upload.park()
        upload = place.repository().uploads.resume(upload.id)
        assert upload.status() == end
    upload.commit(DIGEST)
    assert_only(place, DIGEST)


def test_leaving_the_block_parks(place: Place, repo: Repository) -> None:
    upload = repo.uploads.create()

    def fail_half_way() -> None:
        with upload:
            upload.write(BLOB[:5])
            raise KeyError

    with pytest.raises(KeyError):
        fail_half_way()
    assert place.repository().uploads.resume(upload.id).status() == 5


def test_leaving_the_block_after_the_end_does_nothing(place: Place, repo: Repository) -> None:
    with repo.uploads.create() as upload:
        upload.write(BLOB)
        upload.commit(DIGEST)
    assert_only(place, DIGEST)


def test_parking_twice_is_harmless(repo: Repository) -> None:
    upload = repo.uploads.resume(begin(repo))
    upload.write(b"more")
    upload.park()
    upload.park()
    assert repo.uploads.resume(upload.id).status() == 1004


def test_a_parked_upload_goes_on_in_the_same_object(repo: Repository) -> None:
    upload = repo.uploads.create()
    upload.write(BLOB[:10])
    upload.park()
    upload.write(BLOB[10:])
    assert upload.commit(DIGEST).size == len(BLOB)


def test_a_chunk_at_another_offset_is_refused(repo: Repository) -> None:
    upload = repo.uploads.resume(begin(repo))
    for offset in (0, 999, 1001, 1 << 70):
        with pytest.raises(UploadOffsetError) as caught:
            upload.write(b"misplaced", offset=offset)
        assert (caught.value.offset, caught.value.given) == (1000, offset)
    upload.write(BLOB[1000:], offset=1000)
    assert upload.commit(DIGEST).size == len(BLOB)


def test_a_negative_offset_is_no_offset(repo: Repository) -> None:
    with pytest.raises(InvalidOffsetError):
        repo.uploads.resume(begin(repo)).write(b"x", offset=-1)


def test_more_than_was_announced_is_refused_at_once(place: Place, repo: Repository) -> None:
    upload = repo.uploads.create(size=10)
    upload.write(b"0123456")
    with pytest.raises(SizeInvalidError) as caught:
        upload.write(b"789a")
    assert (caught.value.expected, caught.value.actual) == (10, 11)
    upload.write(b"789")
    upload.commit(Digest.of(b"0123456789"))
    assert_only(place, Digest.of(b"0123456789"), b"0123456789")


@pytest.mark.parametrize("resumed", [False, True])
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_wrong_digest_leaves_nothing(
    place: Place, repo: Repository, algorithm: str, *, resumed: bool
) -> None:
    before = place.files()
    upload = repo.uploads.create()
    upload.write(BLOB)
    if resumed:
        upload.park()
        upload = repo.uploads.resume(upload.id)
    wanted = Digest.of(b"other", algorithm)
    with pytest.raises(DigestInvalidError) as caught:
        upload.commit(wanted)
    assert (caught.value.digest, caught.value.actual) == (wanted, Digest.of(BLOB, algorithm))
    assert place.files() == before
    with pytest.raises(BlobUploadUnknownError):
        upload.write(b"more")


def test_a_wrong_size_leaves_nothing(place: Place, repo: Repository) -> None:
    before = place.files()
    for size in (0, len(BLOB) - 1, len(BLOB) + 1, 1 << 70, -1):
        upload = repo.uploads.create()
        upload.write(BLOB)
        with pytest.raises(SizeInvalidError):
            upload.commit(DIGEST, size=size)
        assert place.files() == before


def test_a_malformed_digest_ends_nothing(repo: Repository) -> None:
    upload = repo.uploads.create()
    upload.write(BLOB)
    with pytest.raises(DigestInvalidError):
        upload.commit("sha256:short")
    assert upload.commit(DIGEST).digest == DIGEST


def test_commit_may_be_repeated(place: Place, repo: Repository) -> None:
    upload = repo.uploads.resume(begin(repo, BLOB))
    first = upload.commit(DIGEST, size=len(BLOB))
    assert upload.commit(DIGEST, size=len(BLOB)) == first
    assert place.repository().uploads.resume(upload.id).commit(DIGEST) == first
    assert repo.uploads.resume(UNKNOWN_ID).commit(DIGEST) == first
    assert_only(place, DIGEST)


def test_a_commit_may_be_repeated_although_the_start_came_again(
    place: Place, repo: Repository
) -> None:
    upload_id = begin(repo, BLOB)
    start = layout.UploadStartedAt(NAME, upload_id).path
    started = place.read(start)
    repo.uploads.resume(upload_id).commit(DIGEST)
    place.write(start, started)
    again = repo.uploads.resume(upload_id).commit(DIGEST)
    assert (again.digest, again.size) == (DIGEST, len(BLOB))
    assert_only(place, DIGEST)


def test_a_repeated_commit_of_something_else_is_refused(repo: Repository) -> None:
    upload = repo.uploads.resume(begin(repo, BLOB))
    upload.commit(DIGEST)
    with pytest.raises(BlobUploadUnknownError):
        upload.commit(Digest.of(b"other"))


def test_a_blob_of_another_repository_proves_no_commit(place: Place, repo: Repository) -> None:
    repo.blobs.put(BLOB)
    with pytest.raises(BlobUploadUnknownError):
        place.repository("library/other").uploads.resume(UNKNOWN_ID).commit(DIGEST)


def test_two_who_hold_the_same_upload_both_learn_that_it_was_committed(
    place: Place, repo: Repository
) -> None:
    upload_id = begin(repo, BLOB)
    one, other = (place.repository().uploads.resume(upload_id) for _ in range(2))
    assert one.status() == other.status() == len(BLOB)
    assert other.commit(DIGEST).size == len(BLOB)
    assert one.commit(DIGEST).size == len(BLOB)
    assert_only(place, DIGEST)


def test_who_was_overtaken_cannot_write(repo: Repository) -> None:
    upload_id = begin(repo)
    slow, fast = (repo.uploads.resume(upload_id) for _ in range(2))
    slow.write(b"", offset=1000)
    fast.write(BLOB[1000:])
    with pytest.raises(PreconditionFailedError):
        slow.write(b"late")
    assert fast.commit(DIGEST).size == len(BLOB)


def test_who_was_overtaken_cannot_destroy_by_a_wrong_digest(place: Place, repo: Repository) -> None:
    upload_id = begin(repo)
    slow, fast = (repo.uploads.resume(upload_id) for _ in range(2))
    assert slow.status() == 1000
    fast.write(BLOB[1000:])
    fast.commit(DIGEST)
    with pytest.raises(BlobUploadUnknownError):
        slow.commit(Digest.of(b"something else"))
    assert_only(place, DIGEST)


@pytest.mark.parametrize("lies_there", [b"", BLOB[:-1], BLOB + b"x"])
def test_a_blob_of_the_wrong_size_is_repaired(
    place: Place, repo: Repository, lies_there: bytes
) -> None:
    place.write(layout.BlobData(DIGEST).path, lies_there)
    repo.uploads.resume(begin(repo, BLOB)).commit(DIGEST)
    assert_only(place, DIGEST)


def test_an_empty_blob(place: Place, repo: Repository) -> None:
    empty = Digest.of(b"")
    repo.uploads.create().commit(empty, size=0)
    assert_only(place, empty, b"")
    with repo.uploads.create() as upload:
        pass
    assert repo.uploads.resume(upload.id).commit(empty).size == 0
    assert_only(place, empty, b"")


@pytest.mark.parametrize("committed", ALGORITHMS)
def test_every_algorithm_end_to_end(place: Place, repo: Repository, committed: str) -> None:
    digest = Digest.of(BLOB, committed)
    for tracked in ALGORITHMS:
        upload = repo.uploads.resume(begin(repo, BLOB[:70_001], tracked))
        upload.write(BLOB[70_001:])
        assert upload.commit(digest).digest == digest
        assert repo.blobs.get(digest) == BLOB
        assert_only(place, digest)
        repo.blobs.delete(digest)
        place.delete(layout.BlobData(digest).path)


def test_the_algorithm_of_a_known_digest_is_tracked(repo: Repository) -> None:
    for committed in ALGORITHMS:
        digest = Digest.of(BLOB, committed)
        upload = repo.uploads.create(digest=digest)
        upload.write(BLOB)
        assert upload.digest() == digest
        assert upload.commit(digest).size == len(BLOB)


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_the_state_is_saved_where_it_was_parked(
    place: Place, repo: Repository, algorithm: str
) -> None:
    upload_id = begin(repo, b"", algorithm)
    in_files = not place.driver.capabilities.parked_notes
    assert place.has(layout.UploadHashState(NAME, upload_id, algorithm, 0).path) == in_files
    with repo.uploads.resume(upload_id) as upload:
        upload.write(BLOB[:1000])
    assert place.has(layout.UploadHashState(NAME, upload_id, algorithm, 1000).path) == in_files
    assert repo.uploads.resume(upload_id).digest() == Digest.of(BLOB[:1000], algorithm)


def state_of(content: bytes) -> bytes:
    hasher = Hasher("sha256")
    hasher.update(content)
    state = hasher.state()
    assert state is not None
    return state


def park_with(place: Place, upload_id: str, note: bytes) -> None:
    """Park the first 1,000 bytes beside another note."""
    driver = place.driver
    writer = driver.runtime.run(driver.writer(layout.UploadData(NAME, upload_id).path))
    driver.runtime.run(writer.write(BLOB[:1000]))
    driver.runtime.run(writer.park(note))


@pytest.mark.parametrize(
    "damage",
    [None, b"", b"sha\x03 but not a state", state_of(BLOB[:999])],
    ids=["lost", "empty", "foreign", "elsewhere"],
)
def test_a_crash_before_the_state_is_saved_costs_a_second_read(
    place: Place, repo: Repository, damage: bytes | None
) -> None:
    upload_id = begin(repo)
    state = layout.UploadHashState(NAME, upload_id, "sha256", 1000).path
    if place.driver.capabilities.parked_notes:
        park_with(place, upload_id, b"" if damage is None else b"sha256 " + damage)
    elif damage is None:
        place.delete(state)
    else:
        place.write(state, damage)
    upload = repo.uploads.resume(upload_id)
    upload.write(BLOB[1000:])
    with pytest.raises(BlobUploadInvalidError):
        upload.digest()
    upload.commit(DIGEST)
    assert_only(place, DIGEST)


class Reading(WrapperDriver):
    """Remembers from where content was read."""

    def __init__(self, inner: StorageDriver) -> None:
        super().__init__(inner)
        self.offsets: list[int] = []

    @override
    async def reader(
        self, path: str, offset: int = 0, length: int | None = None, *, must_exist: bool = False
    ) -> FileReader:
        self.offsets.append(offset)
        return await super().reader(path, offset, length, must_exist=must_exist)


def test_only_what_no_state_covers_is_read_again(place: Place) -> None:
    if place.driver.capabilities.parked_notes:
        pytest.skip("only the newest state is kept, with the bytes that it covers")
    place.driver = reading = Reading(place.driver)
    repo = place.repository()
    upload_id = begin(repo, BLOB[:1000])
    for end in (2000, 3000):
        with repo.uploads.resume(upload_id) as upload:
            upload.write(BLOB[end - 1000 : end])
    place.delete(layout.UploadHashState(NAME, upload_id, "sha256", 3000).path)
    upload = repo.uploads.resume(upload_id)
    upload.write(BLOB[3000:])
    upload.commit(DIGEST)
    assert reading.offsets == [2000]


def test_a_crash_after_the_content_was_sealed_is_continued(place: Place, repo: Repository) -> None:
    upload_id = begin(repo, BLOB, "sha512")
    driver = place.driver
    path = layout.UploadData(NAME, upload_id).path
    writer = driver.runtime.run(driver.writer(path, append=True))
    driver.runtime.run(writer.commit())
    upload = repo.uploads.resume(upload_id)
    assert upload.status() == len(BLOB)
    upload.commit(DIGEST)
    assert_only(place, DIGEST)


def test_a_crash_before_the_first_byte_is_continued(place: Place, repo: Repository) -> None:
    upload_id = repo.uploads.create().id
    upload = place.repository().uploads.resume(upload_id)
    upload.write(BLOB)
    upload.commit(DIGEST)
    assert_only(place, DIGEST)


def test_cancel_leaves_nothing(place: Place, repo: Repository) -> None:
    before = place.files()
    fresh = repo.uploads.create()
    written = repo.uploads.create()
    written.write(BLOB)
    parked = repo.uploads.resume(begin(repo))
    for upload in (fresh, written, parked):
        upload.cancel()
        upload.cancel()
        with pytest.raises(BlobUploadUnknownError):
            upload.write(b"more")
    assert place.files() == before


def test_only_what_there_is_can_be_resumed(place: Place, repo: Repository) -> None:
    upload_id = begin(repo)
    for upload in (
        repo.uploads.resume(UNKNOWN_ID),
        place.repository("library/other").uploads.resume(upload_id),
    ):
        for step in (upload.status, upload.cancel, lambda u=upload: u.write(b"x")):
            with pytest.raises(BlobUploadUnknownError):
                step()


@pytest.mark.parametrize("taken", [None, BLOB[:10]])
def test_an_upload_that_was_cancelled_elsewhere_cannot_be_parked(
    place: Place, repo: Repository, taken: bytes | None
) -> None:
    upload = repo.uploads.create()
    if taken is not None:
        upload.write(taken)
    place.repository().uploads.resume(upload.id).cancel()
    if taken is None and place.driver.capabilities.parked_notes:
        upload.park()  # there is nothing to park, and so nobody to ask
    else:
        with pytest.raises(PreconditionFailedError if taken else BlobUploadUnknownError):
            upload.park()
    assert place.files() == {}


@pytest.mark.parametrize("offset", [None, 5])
def test_the_last_request_of_a_push_may_come_twice(repo: Repository, offset: int | None) -> None:
    """As it does after an answer that was lost; its body is not looked at again."""
    with repo.uploads.create() as upload:
        upload.write(b"begin")
    digest = Digest.of(b"begin, end")
    done = repo.uploads.resume(upload.id).finish(digest, [b", end"], offset)
    assert repo.uploads.resume(upload.id).finish(digest, [b", end"], offset) == done
    with pytest.raises(BlobUploadUnknownError):
        repo.uploads.resume(upload.id).finish(Digest.of(b"other"), [b", end"], offset)


def test_uploads_in_progress_are_listed(place: Place, repo: Repository) -> None:
    assert list(repo.uploads.all()) == []
    started = {repo.uploads.create().id for _ in range(3)}
    place.repository("library/app/nested").uploads.create()
    finished = repo.uploads.create()
    finished.commit(Digest.of(b""))
    found = list(repo.uploads.all())
    assert [info.upload_id for info in found] == sorted(started)
    now = datetime.now(found[0].started_at.tzinfo)
    assert all(0 <= (now - info.started_at).total_seconds() < 60 for info in found)


@pytest.mark.parametrize("started", [None, b"", b"yesterday"])
def test_what_has_no_readable_start_is_not_listed(
    place: Place, repo: Repository, started: bytes | None
) -> None:
    upload_id = begin(repo)
    path = layout.UploadStartedAt(NAME, upload_id).path
    if started is None:
        place.delete(path)
    else:
        place.write(path, started)
    assert list(repo.uploads.all()) == []


def test_an_unknown_algorithm_begins_nothing(place: Place, repo: Repository) -> None:
    with pytest.raises(UnsupportedAlgorithmError):
        repo.uploads.create(algorithm="md5")
    assert place.files() == {}
