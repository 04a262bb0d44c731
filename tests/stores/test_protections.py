"""Each protection can be switched off, and then what it protects from happens."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from regstore import Repository, layout
from regstore._protections import protections, without
from regstore.digest import Digest
from regstore.errors import BlobUploadUnknownError, CorruptContentError
from tests import places
from tests.places import Place
from tests.stores.faults import Hook, Hooked, once

NAME = "library/app"
BLOB = b"content" * 100
DIGEST, SHA512 = Digest.of(BLOB), Digest.of(BLOB, "sha512")


@pytest.fixture(params=["memory", "local"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return places.memory() if request.param == "memory" else places.local(tmp_path / "store")


def hooked(place: Place, hook: Hook = lambda _call, _moment: None) -> Repository:
    return Place(Hooked(place.driver, hook), place.root).repository(NAME)


def parked(repo: Repository) -> str:
    with repo.uploads.create() as upload:
        upload.write(BLOB)
    return upload.id


def either(name: str, *, is_on: bool) -> AbstractContextManager[None]:
    return nullcontext() if is_on else without(name)


def test_all_are_on_and_come_on_again() -> None:
    with without("size_check", "startedat_first"):
        with without("tombstone_check"):
            assert not protections().tombstone_check
        assert (protections().size_check, protections().tombstone_check) == (False, True)
    assert protections().size_check
    with pytest.raises(TypeError), without("nonsense"):
        pass


@pytest.mark.parametrize("is_on", [True, False])
def test_bytes_of_an_upload_that_has_ended_are_not_acknowledged(
    place: Place, *, is_on: bool
) -> None:
    upload_id = place.repository().uploads.create().id

    def end() -> None:
        place.delete(layout.UploadStartedAt(NAME, upload_id).path)

    repo = hooked(place, once(lambda call: call.name == "writer.park", end, "after"))
    upload = repo.uploads.resume(upload_id)
    upload.write(BLOB)
    with either("start_recheck", is_on=is_on):
        if is_on:
            with pytest.raises(BlobUploadUnknownError):
                upload.park()
        else:
            upload.park()


@pytest.mark.parametrize("is_on", [True, False])
def test_what_was_published_is_looked_at_before_it_is_linked(place: Place, *, is_on: bool) -> None:
    data = layout.BlobData(SHA512).path

    def truncate() -> None:
        place.write(data, BLOB[:5])

    hook = once(lambda call: call.name == "move", truncate, "after")
    repo = hooked(place, hook)
    upload = repo.uploads.resume(parked(place.repository()))
    with either("size_check", is_on=is_on):
        if is_on:
            with pytest.raises(CorruptContentError):
                upload.commit(SHA512)
        else:
            upload.commit(SHA512)
    assert place.has(layout.LayerLink(NAME, SHA512).path) != is_on


def cancel(repo: Repository, upload_id: str) -> None:
    repo.uploads.resume(upload_id).cancel()


def commit(repo: Repository, upload_id: str) -> None:
    repo.uploads.resume(upload_id).commit(DIGEST)


@pytest.mark.parametrize("end", [cancel, commit])
@pytest.mark.parametrize("is_on", [True, False])
def test_the_start_of_an_upload_goes_first(
    place: Place, end: Callable[[Repository, str], None], *, is_on: bool
) -> None:
    upload_id = parked(place.repository())
    driver = Hooked(place.driver)
    with either("startedat_first", is_on=is_on):
        end(Place(driver, place.root).repository(NAME), upload_id)
    ends = {"delete", "delete_file", "writer.cancel"}
    first = next(call for call in driver.calls if call.name in ends)
    start = layout.UploadStartedAt(NAME, upload_id).path
    assert ((first.name, first.path) == ("delete_file", start)) == is_on
