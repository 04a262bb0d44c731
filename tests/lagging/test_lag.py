"""SeaweedFS, behind a proxy that shows what was: what the layer hides, shows without it.

Each scenario names the row of ``docs/consistency.md`` that it proves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest

from regstore import Digest, Registry
from regstore.errors import (
    BlobUnknownError,
    BlobUploadUnknownError,
    ManifestBlobUnknownError,
    PreconditionFailedError,
    UploadOffsetError,
)
from regstore.testing.faults import Lag
from tests.images import make_image
from tests.lagging.place import NAME, Place

T = TypeVar("T")
ATTEMPTS = 100
FIRST, SECOND = make_image("first"), make_image("second")
CONTENT = b"a layer " * 500


def push_and_read_back(place: Place) -> None:
    """A writer reads what it has written."""
    place.lag()
    repo = place.repository()
    FIRST.push(repo, "v1")
    assert repo.manifests.get("v1").body == FIRST.manifest
    assert [repo.blobs.get(Digest.of(blob)) for blob in FIRST.blobs] == [*FIRST.blobs]


def read_a_tag_that_moved(place: Place) -> None:
    """A writer reads what it has written: not what it has replaced."""
    repo = place.repository()
    for image in (FIRST, SECOND):
        image.push(repo, "v1" if image is FIRST else "other")
    place.lag()
    repo.tags.set("v1", SECOND.digest)
    assert repo.tags.get("v1") == SECOND.digest
    assert repo.manifests.get("v1").body == SECOND.manifest


def read_a_tag_over_and_over(place: Place) -> None:
    """The same, of front ends that disagree: what was seen once does not become older again."""
    repo = place.repository()
    for image in (FIRST, SECOND):
        image.push(repo, "v1" if image is FIRST else "other")
    place.lag(flapping=1)
    repo.tags.set("v1", SECOND.digest)
    assert {repo.tags.get("v1") for _ in range(20)} == {SECOND.digest}


def list_what_was_put(place: Place) -> None:
    """Its listings have its own writes."""
    repo = place.repository()
    FIRST.push(repo, "v1")
    place.proxy.begin(lag=Lag(list=place.seconds))
    repo.tags.set("v2", FIRST.digest)
    assert list(repo.tags.all()) == ["v1", "v2"]


def miss_what_was_deleted(place: Place) -> None:
    """Its listings lack its deletions, and a writer misses what it has deleted."""
    repo = place.repository()
    FIRST.push(repo, "v1", "v2")
    blob = repo.blobs.put(CONTENT).digest
    place.lag()
    repo.blobs.delete(blob)
    assert not repo.blobs.exists(blob)
    repo.tags.delete("v1")
    assert list(repo.tags.all()) == ["v2"]
    repo.manifests.delete(FIRST.digest)
    assert not repo.manifests.exists(FIRST.digest)


def write_what_was_missed(place: Place) -> None:
    """A plain miss costs one request, and does not stand in the way of a write after it."""
    place.proxy.begin(lag=Lag(negative=place.seconds))
    repo = place.repository()
    assert not repo.blobs.exists(Digest.of(CONTENT))
    digest = repo.blobs.put(CONTENT).digest
    assert repo.blobs.get(digest) == CONTENT


def resume_an_upload(place: Place) -> None:
    """A writer reads what it has written: through another registry over the same driver too."""
    place.lag()
    driver = place.registry().driver
    first, second, third = (Registry(driver).repository(NAME).uploads for _ in range(3))
    with first.create() as upload:
        upload.write(CONTENT[:1000])
    with second.resume(upload.id) as upload:
        upload.receive([CONTENT[1000:2000]], offset=1000)
    last = third.resume(upload.id)
    assert last.finish(Digest.of(CONTENT), [CONTENT[2000:]], 2000).size == len(CONTENT)


def follow_a_link(place: Place) -> None:
    """Another process that follows a link before the content shows waits up to the bound."""
    place.proxy.begin(lag=Lag(stat=place.seconds))
    writer, reader = place.repository(), place.repository()
    digest = writer.blobs.put(CONTENT).digest
    assert reader.blobs.stat(digest).size == len(CONTENT)


HAZARDS: list[tuple[Callable[[Place], None], type[Exception]]] = [
    (push_and_read_back, ManifestBlobUnknownError),
    (read_a_tag_that_moved, AssertionError),
    (read_a_tag_over_and_over, AssertionError),
    (list_what_was_put, AssertionError),
    (miss_what_was_deleted, AssertionError),
    (write_what_was_missed, BlobUnknownError),
    (resume_an_upload, BlobUploadUnknownError),
    (follow_a_link, BlobUnknownError),
]


@pytest.mark.parametrize("scenario", [scenario for scenario, _ in HAZARDS])
def test_the_layer_hides_the_lag(scenario: Callable[[Place], None], layered: Place) -> None:
    scenario(layered)


@pytest.mark.parametrize(("scenario", "error"), HAZARDS)
def test_without_the_layer_it_shows(
    scenario: Callable[[Place], None], error: type[Exception], bare: Place
) -> None:
    with pytest.raises(error):
        scenario(bare)


def until_not_refused(act: Callable[[], T]) -> T:
    """Ask again, as a client would that is told 416."""
    for _ in range(ATTEMPTS):
        try:
            return act()
        except (UploadOffsetError, PreconditionFailedError):
            continue
    return act()


def test_another_process_goes_on_with_an_upload_once_it_sees_all_of_it(layered: Place) -> None:
    """No acknowledged byte is lost: what it does not see yet it refuses to go on with."""

    def receive(start: int) -> None:
        with layered.repository().uploads.resume(upload.id) as resumed:
            resumed.receive([CONTENT[start : start + 1000]], start)

    def finish() -> None:
        last = layered.repository().uploads.resume(upload.id)
        last.finish(Digest.of(CONTENT), [CONTENT[3000:]], 3000)

    layered.lag(flapping=2)
    with layered.repository().uploads.create() as upload:
        upload.write(CONTENT[:1000])
    for start in (1000, 2000):
        until_not_refused(lambda start=start: receive(start))  # type: ignore[misc]
    until_not_refused(finish)
    layered.proxy.begin()
    assert layered.repository().blobs.get(Digest.of(CONTENT)) == CONTENT
