"""Uploads that others meddle with, or that fail half way: no digest ever names other bytes."""

from __future__ import annotations

import array
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from regstore import Repository, Upload, layout
from regstore.consistency import WrapperDriver
from regstore.digest import Digest
from regstore.driver import Capabilities, FileWriter
from regstore.errors import (
    BlobUploadInvalidError,
    BlobUploadUnknownError,
    CorruptContentError,
    DigestInvalidError,
    PathNotFoundError,
    PreconditionFailedError,
    RegistryError,
    TransientError,
    UploadOffsetError,
)
from tests import places
from tests.places import Place
from tests.stores.faults import Call, Crash, Hook, Hooked, Moment, fail_at, failing, once

NAME = "library/app"
BLOB, OTHER = (random.Random(seed).randbytes(1500) for seed in (1, 2))
DIGEST, SHA512 = Digest.of(BLOB), Digest.of(BLOB, "sha512")
OTHER_DIGEST = Digest.of(OTHER)


@pytest.fixture(params=["memory", "local"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return places.memory() if request.param == "memory" else places.local(tmp_path / "store")


def faulty(place: Place, hook: Hook) -> Repository:
    return Place(Hooked(place.driver, hook), place.root).repository(NAME)


def parked(repo: Repository, algorithm: str = "sha256") -> str:
    with repo.uploads.create(algorithm=algorithm) as upload:
        upload.write(BLOB)
    return upload.id


def calls_of(place: Place, act: Callable[[Repository], object]) -> int:
    """Return how many storage calls *act* makes."""
    driver = Hooked(place.driver)
    act(Place(driver, place.root).repository(NAME))
    return len(driver.calls)


def assert_true(place: Place) -> None:
    """Each digest has its content."""
    for path, body in place.files().items():
        spec = None if path.endswith("/") else layout.parse(path)
        if isinstance(spec, layout.BlobData):
            assert Digest.of(body, spec.digest.algorithm) == spec.digest


def assert_only_blob(place: Place, digest: Digest = DIGEST) -> None:
    assert place.files() == {
        layout.BlobData(digest).path: BLOB,
        layout.LayerLink(NAME, digest).path: digest.encode(),
    }


def crash_before_link(place: Place, upload_id: str, digest: Digest) -> None:
    def crash() -> None:
        raise Crash

    hook = once(lambda call: call.name == "put_content" and "_layers" in call.path, crash)
    with pytest.raises(Crash):
        faulty(place, hook).uploads.resume(upload_id).commit(digest)


def keeps_parked(place: Place) -> bool:
    """Whether bytes and their hash are parked as one, and stay until their commit has ended."""
    return place.driver.capabilities.parked_notes


def keep_written(place: Place, upload: Upload) -> None:
    """Let the store have what *upload* wrote, as a process leaves it that dies before it parks."""
    if place.root is None:
        writer = upload._core._content.writer  # noqa: SLF001 - only a file would have it by itself
        assert writer is not None
        place.driver.runtime.run(writer.park())


def test_who_created_it_goes_on_after_who_resumed_it(place: Place) -> None:
    repo = place.repository()
    created = repo.uploads.create()
    with place.repository().uploads.resume(created.id) as resumed:
        resumed.write(BLOB)
    created.write(OTHER)
    assert created.offset == len(BLOB) + len(OTHER)
    keep_written(place, created)
    with pytest.raises(DigestInvalidError):
        place.repository().uploads.resume(created.id).commit(DIGEST)
    assert place.files() == {}


@pytest.mark.parametrize("digest", [DIGEST, SHA512], ids=["tracked", "other"])
def test_who_created_it_cannot_begin_again_what_was_published(place: Place, digest: Digest) -> None:
    created = place.repository().uploads.create()
    with place.repository().uploads.resume(created.id) as resumed:
        resumed.write(BLOB)
    crash_before_link(place, created.id, digest)
    if keeps_parked(place):
        with pytest.raises(UploadOffsetError):
            created.write(OTHER, offset=0)
        created.park()
    else:
        with pytest.raises(BlobUploadUnknownError):
            created.write(OTHER)
    assert_true(place)
    place.repository().uploads.resume(created.id).commit(digest)
    assert_only_blob(place, digest)


@pytest.mark.parametrize("digest", [DIGEST, SHA512], ids=["tracked", "other"])
def test_other_bytes_cannot_follow_what_was_published(place: Place, digest: Digest) -> None:
    if keeps_parked(place):
        pytest.skip("what was parked stays, and goes on, until the commit has ended")
    upload_id = parked(place.repository())
    crash_before_link(place, upload_id, digest)
    resumed = place.repository().uploads.resume(upload_id)
    for step in (resumed.status, lambda: resumed.write(OTHER), lambda: resumed.write(OTHER, 0)):
        with pytest.raises(BlobUploadUnknownError):
            step()
    with pytest.raises(BlobUploadUnknownError):
        place.repository().uploads.resume(upload_id).commit(Digest.of(OTHER))
    assert_true(place)


@pytest.mark.parametrize("digest", [DIGEST, SHA512], ids=["tracked", "other"])
def test_other_bytes_can_follow_what_stays_parked(place: Place, digest: Digest) -> None:
    if not keeps_parked(place):
        pytest.skip("what was published is no longer parked")
    upload_id = parked(place.repository())
    crash_before_link(place, upload_id, digest)
    with place.repository().uploads.resume(upload_id) as resumed:
        resumed.write(OTHER, offset=len(BLOB))
    longer = Digest.of(BLOB + OTHER, digest.algorithm)
    assert place.repository().uploads.resume(upload_id).commit(longer).size == 3000
    assert_true(place)
    assert not any("_uploads" in path for path in place.files())


@pytest.mark.parametrize("digest", [DIGEST, SHA512], ids=["tracked", "other"])
def test_another_process_finishes_a_commit(place: Place, digest: Digest) -> None:
    upload_id = parked(place.repository())
    crash_before_link(place, upload_id, digest)
    assert place.repository().uploads.resume(upload_id).commit(digest).size == len(BLOB)
    assert_only_blob(place, digest)


def test_nothing_is_appended_to_what_is_sealed(place: Place) -> None:
    upload_id = parked(place.repository())
    meddler = place.repository().uploads.resume(upload_id)
    taken = []

    def meddle() -> None:
        try:
            meddler.write(b"evil")
        except BlobUploadInvalidError:
            taken.append(False)
        else:
            taken.append(True)

    hook = once(lambda call: call.name == "reader", meddle)
    faulty(place, hook).uploads.resume(upload_id).commit(SHA512)
    assert taken == [keeps_parked(place)]
    assert_only_blob(place, SHA512)
    if keeps_parked(place):
        with pytest.raises(PreconditionFailedError):
            meddler.park()


def test_who_was_there_before_cannot_append_to_what_is_sealed(place: Place) -> None:
    upload_id = parked(place.repository())
    meddler = place.repository().uploads.resume(upload_id)
    meddler.write(b"")

    def meddle() -> None:
        with pytest.raises(PreconditionFailedError):
            meddler.write(b"evil")

    hook = once(lambda call: call.name == "move", meddle)
    faulty(place, hook).uploads.resume(upload_id).commit(SHA512)
    assert_only_blob(place, SHA512)


def test_who_reads_what_another_commit_takes_away_is_told_to_commit_again(place: Place) -> None:
    upload_id = parked(place.repository())
    hook = once(
        lambda call: call.name == "reader", lambda: crash_before_link(place, upload_id, SHA512)
    )
    with suppress(PreconditionFailedError):
        faulty(place, hook).uploads.resume(upload_id).commit(SHA512)
    assert place.repository().uploads.resume(upload_id).commit(SHA512).size == len(BLOB)
    assert_only_blob(place, SHA512)


def failing_park(place: Place) -> Hook:
    """Fail where the state of the hash is saved."""
    if keeps_parked(place):
        return failing("writer.park", at="after")
    return failing("put_content", "hashstates/sha256")


@pytest.mark.parametrize("fresh", [True, False])
def test_a_failed_park_is_repeated(place: Place, *, fresh: bool) -> None:
    repo = faulty(place, failing_park(place))
    if fresh:
        upload = repo.uploads.create()
    else:
        upload = repo.uploads.resume(place.repository().uploads.create().id)
    upload.write(BLOB)
    with pytest.raises(TransientError):
        upload.park()
    assert place.repository().uploads.resume(upload.id).status() == len(BLOB)
    upload.park()
    assert place.repository().uploads.resume(upload.id).digest() == DIGEST
    assert upload.commit(DIGEST).size == len(BLOB)
    assert_only_blob(place)


def test_a_failed_park_stops_nobody(place: Place) -> None:
    upload = faulty(place, failing_park(place)).uploads.create()
    upload.write(BLOB[:1000])
    with pytest.raises(TransientError):
        upload.park()
    if keeps_parked(place):  # the writer itself may have been parked
        upload.park()
    upload.write(BLOB[1000:], offset=1000)
    upload.commit(DIGEST)
    assert_only_blob(place)


@pytest.mark.parametrize(("moment", "taken"), [("before", 500), ("after", 1500)])
def test_the_offset_is_true_after_a_write_that_failed(
    place: Place, moment: str, taken: int
) -> None:
    hook = failing("writer.write", at="before" if moment == "before" else "after")
    driver = Hooked(place.driver)
    upload = Place(driver, place.root).repository(NAME).uploads.create()
    upload.write(BLOB[:500])
    driver.hook = hook
    with pytest.raises(TransientError):
        upload.write(BLOB[500:])
    assert upload.offset == taken
    upload.write(BLOB[taken:], offset=taken)
    upload.commit(DIGEST)
    assert_only_blob(place)


@pytest.mark.parametrize("digest", [DIGEST, SHA512], ids=["tracked", "other"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_commit_that_failed_is_repeated(place: Place, moment: str, digest: Digest) -> None:
    first = parked(place.repository())
    count = calls_of(place, lambda repo: repo.uploads.resume(first).commit(digest))
    for number in range(1, count + 1):
        upload_id = parked(place.repository())
        hook = fail_at(number, "before" if moment == "before" else "after")
        upload = faulty(place, hook).uploads.resume(upload_id)
        with suppress(TransientError):
            upload.commit(digest)
        assert upload.commit(digest).size == len(BLOB)
        with suppress(BlobUploadUnknownError):  # what could not be tidied up is for purge
            place.repository().uploads.resume(upload_id).cancel()
        assert_only_blob(place, digest)


def test_leaving_after_somebody_else_committed_does_nothing(place: Place) -> None:
    upload_id = parked(place.repository())
    with place.repository().uploads.resume(upload_id) as upload:
        upload.write(b"")
        place.repository().uploads.resume(upload_id).commit(DIGEST)
        assert upload.commit(DIGEST).size == len(BLOB)
    assert_only_blob(place)


def test_a_commit_between_the_look_and_the_opening_is_seen(place: Place) -> None:
    upload_id = parked(place.repository())
    hook = once(
        lambda call: call.name == "writer",
        lambda: place.repository().uploads.resume(upload_id).commit(DIGEST),
    )
    with faulty(place, hook).uploads.resume(upload_id) as upload:
        assert upload.commit(DIGEST).size == len(BLOB)
    assert_only_blob(place)


def test_a_commit_that_ends_while_another_looks_for_it_is_seen(place: Place) -> None:
    """Whenever a rival publishes the blob, and whenever it then comes to an end."""

    def rival(upload_id: str, published: int, ended: int) -> Hook:
        def hook(call: Call, moment: Moment) -> None:
            if moment == "before" and call.number == published:
                crash_before_link(place, upload_id, DIGEST)
            if moment == "before" and call.number == ended:
                place.repository().uploads.resume(upload_id).commit(DIGEST)

        return hook

    for published in range(1, 6):
        for ended in range(published, published + 8):
            upload_id = parked(place.repository())
            hook = rival(upload_id, published, ended)
            assert faulty(place, hook).uploads.resume(upload_id).commit(DIGEST).size == len(BLOB)
            assert place.repository().blobs.get(DIGEST) == BLOB
            place.repository().blobs.delete(DIGEST)
            place.delete(layout.BlobData(DIGEST).path)


def test_what_begins_while_another_looks_is_gone_on_with(place: Place) -> None:
    if keeps_parked(place):
        pytest.skip("there is no time between looking and beginning")
    upload_id = place.repository().uploads.create().id

    def begin() -> None:
        with place.repository().uploads.resume(upload_id) as upload:
            upload.write(BLOB)

    hook = once(lambda call: call.name == "list", begin)
    with faulty(place, hook).uploads.resume(upload_id) as upload:
        assert upload.status() == len(BLOB)
        upload.write(OTHER, offset=len(BLOB))
        upload.commit(Digest.of(BLOB + OTHER))


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_cancel_that_failed_is_repeated(place: Place, moment: str) -> None:
    first = parked(place.repository())
    count = calls_of(place, lambda repo: repo.uploads.resume(first).cancel())
    for number in range(1, count + 1):
        hook = fail_at(number, "before" if moment == "before" else "after")
        upload = faulty(place, hook).uploads.resume(parked(place.repository()))
        with suppress(TransientError):
            upload.cancel()
        with suppress(BlobUploadUnknownError):
            upload.cancel()
        assert place.files() == {}
        with pytest.raises(BlobUploadUnknownError):
            place.repository().uploads.resume(upload.id).status()


def test_a_push_that_fails_says_why_and_leaves_nothing(place: Place) -> None:
    def put(repo: Repository) -> None:
        repo.blobs.put([BLOB[:700], BLOB[700:]])

    count = calls_of(place, put)
    place.repository().blobs.delete(DIGEST)
    for number in range(1, count + 1):
        with suppress(TransientError):
            put(faulty(place, fail_at(number)))
        assert not any("_uploads" in path for path in place.files())


def test_a_push_says_why_it_failed_although_nothing_works_any_more(place: Place) -> None:
    driver = Hooked(place.driver)

    def fail(*_: object) -> None:
        raise TransientError("", "broken")

    def source() -> Iterator[bytes]:
        yield BLOB
        driver.hook = fail
        raise KeyError("the client is gone")

    with pytest.raises(TransientError) as caught:
        Place(driver, place.root).repository(NAME).blobs.put(source())
    assert "could not be cancelled" in "".join(caught.value.__notes__)


def test_a_push_whose_source_breaks_says_so_although_it_cannot_be_cancelled(place: Place) -> None:
    def source() -> Iterator[bytes]:
        yield BLOB
        raise KeyError("the client is gone")

    for name in ("stat", "writer.cancel", "delete_file", "delete"):
        with pytest.raises(KeyError, match="the client is gone"):
            faulty(place, failing(name)).blobs.put(source())


def test_to_look_is_not_to_hold(place: Place) -> None:
    upload_id = parked(place.repository())
    one, other = (place.repository().uploads.resume(upload_id) for _ in range(2))
    other.write(b"", offset=len(BLOB))
    other.park()
    assert one.status() == len(BLOB)
    other.write(OTHER)
    other.park()
    one.write(b"more")
    assert one.offset == len(BLOB) + len(OTHER) + 4


def test_any_memory_is_taken_byte_by_byte(place: Place) -> None:
    repo = place.repository()
    numbers = array.array("I", [1, 2, 1 << 30])
    for view in (memoryview(numbers), memoryview(BLOB)[::2], memoryview(BLOB)[::-1]):
        content = view.tobytes()
        assert repo.blobs.put(view).size == len(content)
        upload = repo.uploads.create(size=len(content))
        upload.write(view)
        assert upload.commit(Digest.of(content)).size == len(content)
        assert repo.blobs.get(Digest.of(content)) == content


def test_two_first_chunks_at_once_lose_nothing(place: Place) -> None:
    repo = place.repository(NAME)
    with repo.uploads.create() as upload:
        pass

    def begin_first() -> None:
        with repo.uploads.resume(upload.id) as rival:
            rival.write(OTHER)

    if keeps_parked(place):
        slow = faulty(place, once(lambda c: c.name == "writer.write", begin_first))
        with pytest.raises(PreconditionFailedError):
            slow.uploads.resume(upload.id).write(BLOB, offset=0)
    else:
        hook = once(lambda c: c.name == "list", begin_first)
        resumed = faulty(place, hook).uploads.resume(upload.id)
        with pytest.raises(UploadOffsetError) as caught:
            resumed.write(BLOB, offset=0)
        assert caught.value.offset == len(OTHER)
        resumed.park()
    assert repo.uploads.resume(upload.id).commit(Digest.of(OTHER)).size == len(OTHER)


def test_what_is_short_is_not_acknowledged_to_who_finds_it_committed(place: Place) -> None:
    upload_id = parked(place.repository())

    def commit_and_tear() -> None:
        place.repository().uploads.resume(upload_id).commit(DIGEST)
        place.write(layout.BlobData(DIGEST).path, BLOB[:5])
        raise PreconditionFailedError(upload_id)

    hook = once(lambda call: call.name == "writer.commit", commit_and_tear)
    with pytest.raises(CorruptContentError, match="push it again"):
        faulty(place, hook).uploads.resume(upload_id).commit(DIGEST)


def test_who_learns_from_a_commit_that_the_upload_is_gone_removes_what_is_left(
    place: Place,
) -> None:
    upload_id = parked(place.repository())
    with pytest.raises(TransientError):  # the start is gone, and nothing else yet
        faulty(place, failing("delete")).uploads.resume(upload_id).cancel()
    upload = place.repository().uploads.resume(upload_id)
    with pytest.raises(BlobUploadUnknownError):
        upload.commit(Digest.of(OTHER))
    data = layout.UploadData(NAME, upload_id).path
    assert place.driver.runtime.run(place.driver.parked_at(data)) is None
    assert place.files() == {}


def test_the_proof_of_one_digest_is_none_of_another(place: Place) -> None:
    foreign = place.repository("library/other").blobs.put(OTHER)
    upload_id = parked(place.repository())
    hook = failing("writer.commit")
    upload = faulty(place, hook).uploads.resume(upload_id)
    with pytest.raises(TransientError):
        upload.commit(DIGEST)
    place.repository().uploads.purge_one(upload_id)
    with pytest.raises(RegistryError):
        upload.commit(foreign.digest)
    assert not place.has(layout.LayerLink(NAME, Digest(foreign.digest)).path)


class ShowsNoBytes(WrapperDriver):
    """Shows what others have parked later than all else."""

    @property
    @override
    def capabilities(self) -> Capabilities:  # type: ignore[override] # as in WrapperDriver
        return replace(super().capabilities, read_after_overwrite=False, staleness_bound=1.0)

    @override
    async def writer(self, path: str, **settings: Any) -> FileWriter:
        if settings.get("append"):
            raise PathNotFoundError(path, self.name, "nothing is parked")
        return await super().writer(path, **settings)


def test_an_upload_whose_bytes_do_not_show_yet_is_left_alone(tmp_path: Path) -> None:
    place = places.local(tmp_path / "store")
    upload_id = parked(place.repository())
    behind = Place(ShowsNoBytes(place.driver), place.root).repository(NAME)
    with pytest.raises(BlobUploadUnknownError):
        behind.uploads.resume(upload_id).commit(OTHER_DIGEST)
    assert place.repository().uploads.resume(upload_id).status() == len(BLOB)
