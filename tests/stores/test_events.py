"""The observer is told of everything that happens, once it has happened."""

from __future__ import annotations

import pytest

from regstore import Action, Event, Repository
from regstore.digest import Digest
from regstore.errors import RegstoreError
from tests.images import make_image
from tests.places import Place, Recorder

NAME = "library/app"
IMAGE = make_image("x", layers=0)
BLOB = b"content"
DIGEST = Digest.of(BLOB)


@pytest.fixture
def told(place: Place) -> Recorder:
    return place.observer


def push_blobs(repo: Repository) -> list[Event]:
    repo.blobs.put(BLOB)
    upload = repo.uploads.create()
    upload.write(BLOB)
    upload.commit(DIGEST)
    cancelled = repo.uploads.create()
    cancelled.cancel()
    purged = repo.uploads.create()
    repo.uploads.purge_one(purged.id)
    started, ended = Action.UPLOAD_STARTED, Action.UPLOAD_CANCELLED
    return [
        Event(Action.BLOB_PUSHED, NAME, DIGEST, size=len(BLOB)),
        Event(started, NAME, upload_id=upload.id),
        Event(Action.BLOB_PUSHED, NAME, DIGEST, size=len(BLOB), upload_id=upload.id),
        Event(started, NAME, upload_id=cancelled.id),
        Event(ended, NAME, upload_id=cancelled.id),
        Event(started, NAME, upload_id=purged.id),
        Event(Action.UPLOAD_PURGED, NAME, upload_id=purged.id),
    ]


def use_blobs(repo: Repository, other: Repository) -> list[Event]:
    other.blobs.mount(DIGEST, source=NAME)
    repo.blobs.stat(DIGEST)
    repo.blobs.get(DIGEST)
    repo.blobs.delete(DIGEST)
    return [
        Event(Action.BLOB_MOUNTED, "other/app", DIGEST, size=len(BLOB), source=NAME),
        Event(Action.BLOB_PULLED, NAME, DIGEST, size=len(BLOB)),
        Event(Action.BLOB_DELETED, NAME, DIGEST),
    ]


def use_manifests(repo: Repository) -> list[Event]:
    size, digest = len(IMAGE.manifest), IMAGE.digest
    IMAGE.push_manifest(repo, "v1")
    repo.tags.set("v2", digest)
    repo.manifests.get("v1")
    repo.tags.delete("v2")
    repo.manifests.delete(digest)
    return [
        Event(Action.TAG_SET, NAME, digest, tag="v1"),
        Event(Action.MANIFEST_PUSHED, NAME, digest, size=size),
        Event(Action.TAG_SET, NAME, digest, tag="v2"),
        Event(Action.MANIFEST_PULLED, NAME, digest, size=size),
        Event(Action.TAG_DELETED, NAME, tag="v2"),
        Event(Action.TAG_DELETED, NAME, tag="v1"),
        Event(Action.MANIFEST_DELETED, NAME, digest),
    ]


def test_every_action_is_told_in_order(place: Place, repo: Repository, told: Recorder) -> None:
    registry = place.open()
    repo.blobs.put(IMAGE.blobs[0])
    told.events.clear()
    expected = push_blobs(repo)
    expected += use_blobs(repo, registry.repository("other/app"))
    expected += use_manifests(repo)
    registry.delete_repository(NAME)
    expected.append(Event(Action.REPOSITORY_DELETED, NAME))
    assert told.events == expected
    assert {event.action for event in expected} == set(Action), "an action is not proved here"


def test_nothing_is_told_of_what_did_not_happen(repo: Repository, told: Recorder) -> None:
    absent = Digest.of(b"absent")
    for step in (
        lambda: repo.blobs.put(BLOB, absent),
        lambda: repo.blobs.get(absent),
        lambda: repo.blobs.delete(absent),
        lambda: repo.blobs.mount(absent, source="other/app"),
        lambda: repo.manifests.put(b"{}"),
        lambda: repo.manifests.get(absent),
        lambda: repo.manifests.delete(absent),
        lambda: repo.tags.set("v1", absent),
        lambda: repo.tags.delete("v1"),
    ):
        with pytest.raises(RegstoreError):
            step()
    assert told.events == []


class Refusing(Recorder):
    def notify(self, event: Event) -> None:
        super().notify(event)
        raise KeyError(event.action)


def test_what_the_observer_raises_reaches_the_caller(place: Place) -> None:
    place.observer = Refusing()
    with pytest.raises(KeyError):
        place.repository(NAME).blobs.put(BLOB)
    place.observer = Recorder()
    assert place.repository(NAME).blobs.get(DIGEST) == BLOB
