"""Bytes that come again are acknowledged again, and other bytes are refused."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from regstore import Repository
from regstore.digest import Digest
from regstore.drivers import open_driver
from regstore.drivers.objects.driver import ObjectDriver
from regstore.drivers.objects.port import Limits
from regstore.errors import BlobUploadUnknownError, SizeInvalidError, UploadOffsetError
from regstore.testing.objects import MemoryObjects
from tests import places
from tests.places import Place
from tests.stores.faults import Hooked

BLOB = random.Random(7).randbytes(600_000)
FIRST, SECOND, LAST = 200_000, 400_000, 600_000


@pytest.fixture(params=["memory", "local", "objects", "generic"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "local":
        return places.local(tmp_path / "store")
    if request.param == "generic":
        return Place(open_driver(f"dir::file://{tmp_path}/store"))
    if request.param == "objects":
        return Place(ObjectDriver(MemoryObjects(limits=Limits(min_part=100_000))))
    return places.memory()


def send(
    place: Place, upload_id: str, start: int, end: int, body: bytes = BLOB, *, again: bool = False
) -> int:
    """Do what a server does with one PATCH, in a process of its own; return what it answers."""
    with place.repository().uploads.resume(upload_id) as upload:
        chunks = [body[at : min(at + 30_000, end)] for at in range(start, end, 30_000)]
        upload.receive(chunks, start, end - start, may_repeat=again)
        return upload.offset


def begun(place: Place, *ends: int, algorithm: str = "sha256") -> str:
    upload_id = place.repository().uploads.create(algorithm=algorithm).id
    for start, end in zip((0, *ends), ends, strict=False):
        assert send(place, upload_id, start, end) == end
    return upload_id


def assert_committed(place: Place, upload_id: str, size: int, algorithm: str = "sha256") -> None:
    digest = Digest.of(BLOB[:size], algorithm)
    assert place.repository().uploads.resume(upload_id).commit(digest).size == size
    assert place.repository().blobs.get(digest) == BLOB[:size]


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_the_last_request_is_acknowledged_again(place: Place, algorithm: str) -> None:
    upload_id = begun(place, FIRST, SECOND, algorithm=algorithm)
    for _ in range(2):
        assert send(place, upload_id, FIRST, SECOND, again=True) == SECOND
    assert send(place, upload_id, SECOND, LAST) == LAST
    assert send(place, upload_id, SECOND, LAST, again=True) == LAST
    assert_committed(place, upload_id, LAST, algorithm)


def test_the_first_request_is_acknowledged_again(place: Place) -> None:
    upload_id = begun(place, FIRST)
    assert send(place, upload_id, 0, FIRST, again=True) == FIRST
    assert_committed(place, upload_id, FIRST)


def test_looking_at_an_upload_forgets_nothing(place: Place) -> None:
    upload_id = begun(place, FIRST, SECOND)
    assert place.repository().uploads.resume(upload_id).status() == SECOND
    assert send(place, upload_id, FIRST, SECOND, again=True) == SECOND


def test_what_comes_after_bytes_that_were_taken_is_taken(place: Place) -> None:
    upload_id = begun(place, FIRST, SECOND)
    assert send(place, upload_id, FIRST, LAST, again=True) == LAST
    assert_committed(place, upload_id, LAST)


def test_a_request_before_the_last_is_acknowledged_where_that_is_known(place: Place) -> None:
    upload_id = begun(place, FIRST, SECOND, LAST)
    if place.driver.capabilities.parked_notes:
        with pytest.raises(UploadOffsetError) as caught:
            send(place, upload_id, FIRST, SECOND, again=True)
        assert caught.value.offset == LAST
    else:
        assert send(place, upload_id, FIRST, SECOND, again=True) == LAST
    assert_committed(place, upload_id, LAST)


@pytest.mark.parametrize("at", [FIRST, SECOND - 1])
@pytest.mark.parametrize("end", [SECOND, LAST])
def test_other_bytes_are_refused_with_the_true_offset(place: Place, at: int, end: int) -> None:
    upload_id = begun(place, FIRST, SECOND)
    other = bytearray(BLOB)
    other[at] ^= 1
    with pytest.raises(UploadOffsetError) as caught:
        send(place, upload_id, FIRST, end, bytes(other), again=True)
    assert (caught.value.offset, caught.value.given) == (SECOND, FIRST)
    assert_committed(place, upload_id, SECOND)


def test_other_bytes_of_an_earlier_request_are_refused(place: Place) -> None:
    upload_id = begun(place, FIRST, SECOND)
    other = bytearray(BLOB)
    other[FIRST - 1] ^= 1
    with pytest.raises(UploadOffsetError):
        send(place, upload_id, 0, FIRST, bytes(other), again=True)
    assert_committed(place, upload_id, SECOND)


def test_bytes_from_where_no_request_began_are_refused_or_compared(place: Place) -> None:
    upload_id = begun(place, FIRST, SECOND)
    is_read = place.driver.capabilities.uncommitted_visible
    if is_read:
        assert send(place, upload_id, FIRST + 5, SECOND, again=True) == SECOND
    else:
        with pytest.raises(UploadOffsetError):
            send(place, upload_id, FIRST + 5, SECOND, again=True)
    assert_committed(place, upload_id, SECOND)


@pytest.mark.parametrize("start", [0, FIRST, SECOND + 1])
def test_who_does_not_allow_it_refuses_all(place: Place, start: int) -> None:
    upload_id = begun(place, FIRST, SECOND)
    with pytest.raises(UploadOffsetError):
        send(place, upload_id, start, LAST)
    assert_committed(place, upload_id, SECOND)


def test_bytes_beyond_the_end_are_no_repetition(place: Place) -> None:
    upload_id = begun(place, FIRST)
    with pytest.raises(UploadOffsetError):
        send(place, upload_id, FIRST + 1, LAST, again=True)
    with pytest.raises(BlobUploadUnknownError):
        send(place, "unknown", 0, FIRST, again=True)


def test_a_repetition_that_was_cut_is_no_acknowledgement(place: Place) -> None:
    upload_id = begun(place, FIRST, SECOND)
    repo = place.repository()
    with repo.uploads.resume(upload_id) as upload, pytest.raises(SizeInvalidError):
        upload.receive([BLOB[FIRST : FIRST + 9]], FIRST, SECOND - FIRST, may_repeat=True)
    assert_committed(place, upload_id, SECOND)


def test_what_is_read_again_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = places.local(tmp_path / "store")
    upload_id = begun(place, FIRST, SECOND)
    monkeypatch.setattr("regstore.upload_resend.READ_BACK_BYTES", SECOND - FIRST - 1)
    driver = Hooked(place.driver)
    place = Place(driver, place.root)
    assert send(place, upload_id, FIRST, SECOND, again=True) == SECOND
    assert not [call for call in driver.calls if call.name.startswith("reader")]


def test_a_repetition_costs_a_store_of_objects_nothing_more(tmp_path: Path) -> None:
    del tmp_path
    place = Place(ObjectDriver(MemoryObjects(limits=Limits(min_part=100_000))))
    upload_id = begun(place, FIRST, SECOND)

    def calls(act: Callable[[Repository], object]) -> list[str]:
        driver = Hooked(place.driver)
        act(Place(driver).repository("library/app"))
        return [call.name for call in driver.calls]

    looked = calls(lambda repo: repo.uploads.resume(upload_id).status())

    def resend(repo: Repository) -> None:
        with repo.uploads.resume(upload_id) as upload:
            upload.receive([BLOB[FIRST:SECOND]], FIRST, may_repeat=True)

    assert calls(resend) == looked
