"""Who opens a registry to read it changes nothing, whatever they call."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from regstore import Registry, blocking
from regstore.digest import Digest
from regstore.errors import ConfigurationError, ReadOnlyError, RegstoreError
from regstore.layout import Format
from tests.images import make_image
from tests.places import Place

NAME = "library/app"
IMAGE = make_image("x", layers=0)
BLOB = IMAGE.blobs[0]
UPLOAD = "00000000-0000-4000-8000-000000000000"

CLASSES = {
    name: getattr(blocking, name)
    for name in (
        "Registry",
        "Repositories",
        "Blobs",
        "BlobReader",
        "Uploads",
        "Upload",
        "Manifests",
        "Tags",
        "Referrers",
    )
}
READS = {
    "Registry": {"open", "repository", "ping", "close"},
    "Repositories": {"all", "page"},
    "Blobs": {"get", "stat", "exists", "open", "all", "redirect_url"},
    "BlobReader": {"read", "local_file"},
    "Uploads": {"resume", "all"},
    "Upload": {"park"},  # nothing of a read-only registry can be there to be parked
    "Manifests": {"get", "stat", "exists", "all"},
    "Tags": {"get", "all", "page", "history", "naming"},
    "Referrers": {"all", "page"},
}
CHANGES: dict[str, dict[str, Callable[[Registry], object]]] = {
    "Registry": {"delete_repository": lambda registry: registry.delete_repository(NAME)},
    "Repositories": {"delete": lambda registry: registry.repositories.delete(NAME)},
    "Blobs": {
        "put": lambda registry: registry.repository(NAME).blobs.put(b"new"),
        "delete": lambda registry: registry.repository(NAME).blobs.delete(Digest.of(BLOB)),
        "mount": lambda registry: registry.repository("b").blobs.mount(Digest.of(BLOB), NAME),
    },
    "Uploads": {
        "purge_one": lambda registry: registry.repository(NAME).uploads.purge_one(UPLOAD),
        "create": lambda registry: registry.repository(NAME).uploads.create(),
    },
    "Upload": {
        # To learn where an upload stands is to take it over from whoever holds it.
        "status": lambda registry: registry.repository(NAME).uploads.resume(UPLOAD).status(),
        "digest": lambda registry: registry.repository(NAME).uploads.resume(UPLOAD).digest(),
        "write": lambda registry: registry.repository(NAME).uploads.resume(UPLOAD).write(b"x"),
        "receive": lambda registry: (
            registry.repository(NAME).uploads.resume(UPLOAD).receive([b"x"])
        ),
        "commit": lambda registry: (
            registry.repository(NAME).uploads.resume(UPLOAD).commit(Digest.of(b""))
        ),
        "finish": lambda registry: (
            registry.repository(NAME).uploads.resume(UPLOAD).finish(Digest.of(b"x"), [b"x"])
        ),
        "cancel": lambda registry: registry.repository(NAME).uploads.resume(UPLOAD).cancel(),
    },
    "Manifests": {
        "put": lambda registry: registry.repository(NAME).manifests.put(IMAGE.manifest),
        "delete": lambda registry: registry.repository(NAME).manifests.delete(IMAGE.digest),
    },
    "Tags": {
        "set": lambda registry: registry.repository(NAME).tags.set("v2", IMAGE.digest),
        "delete": lambda registry: registry.repository(NAME).tags.delete("v1"),
    },
    "Referrers": {"reindex": lambda registry: registry.repository(NAME).referrers.reindex()},
}
REFERRER = make_image("referrer", layers=0, subject=IMAGE.described())
ANOTHER = make_image("referrer", layers=0, subject=IMAGE.described(), annotations={"is": "another"})
OWN_CHANGES: dict[str, Callable[[Registry], object]] = {
    "reindex": CHANGES["Referrers"]["reindex"],
    "delete of a repository": CHANGES["Repositories"]["delete"],
    "put of a referrer": lambda registry: registry.repository(NAME).manifests.put(
        ANOTHER.manifest, tags=["v9"]
    ),
    "delete of a referrer": lambda registry: registry.repository(NAME).manifests.delete(
        REFERRER.digest
    ),
}
"""Those that change more than the stock layout."""
EACH_CHANGE = {
    f"{kind}.{name}": change
    for kind, changes in CHANGES.items()
    for name, change in changes.items()
}


@pytest.fixture
def filled(place: Place) -> Place:
    IMAGE.push(place.repository(NAME), "v1")
    place.observer.events.clear()
    return place


def refused(registry: Registry, kind: type[RegstoreError]) -> set[str]:
    """Try every change; return the names of those that raise *kind*."""
    names = set()
    for name, change in EACH_CHANGE.items():
        try:
            change(registry)
        except kind:
            names.add(name)
    return names


@pytest.mark.parametrize("kind", CLASSES)
def test_every_method_is_known_here(kind: str) -> None:
    members = vars(CLASSES[kind]).items()
    public = {
        name
        for name, member in members
        if not name.startswith("_") and not isinstance(member, property)
    }
    assert public == READS[kind] | CHANGES.get(kind, {}).keys()
    assert READS[kind].isdisjoint(CHANGES.get(kind, {}))


def test_every_change_is_refused(filled: Place) -> None:
    before = filled.files()
    assert refused(filled.open(read_only=True), ReadOnlyError) == EACH_CHANGE.keys()
    assert filled.files() == before
    assert filled.observer.events == []


def test_every_read_works(filled: Place) -> None:
    before = filled.files()
    registry = filled.open(read_only=True)
    repo = registry.repository(NAME)
    assert list(registry.repositories.all()) == [NAME]
    assert registry.repositories.page(1).items == (NAME,)
    assert repo.blobs.get(Digest.of(BLOB)) == BLOB
    assert list(repo.blobs.all()) == [repo.blobs.stat(Digest.of(BLOB)).digest]
    assert repo.manifests.get("v1").digest == repo.tags.get("v1") == IMAGE.digest
    assert list(repo.manifests.all()) == [IMAGE.digest]
    assert list(repo.tags.all()) == list(repo.tags.page(9).items) == ["v1"]
    assert [change.digest for change in repo.tags.history("v1")] == [IMAGE.digest]
    assert list(repo.uploads.all()) == []
    assert list(repo.referrers.all(IMAGE.digest)) == []
    assert repo.referrers.page(IMAGE.digest, 9).items == ()
    assert filled.files() == before


def test_state_of_a_newer_format_is_left_alone(filled: Place) -> None:
    REFERRER.push(filled.repository(NAME))
    for found in (b"2", b"10\n", b"", b"new"):
        filled.write(Format().path, found)
        before = filled.files()
        for change in OWN_CHANGES.values():
            with pytest.raises(ConfigurationError, match="upgrade"):
                change(filled.open())
        assert filled.files() == before


def test_beside_state_of_a_newer_format_the_stock_layout_is_written(filled: Place) -> None:
    """The format is regstore's own tree's, and so is not asked for before every first push."""
    filled.write(Format().path, b"2")
    repo = filled.repository(NAME)
    IMAGE.push(repo, "v2")
    assert repo.manifests.get("v2").body == IMAGE.manifest
    repo.manifests.delete(IMAGE.digest)
    assert list(repo.tags.all()) == []
    assert filled.read(Format().path) == b"2"


def test_a_store_of_a_known_format_is_written(filled: Place) -> None:
    for found in (b"1", b"1\n", b"0"):
        filled.write(Format().path, found)
        filled.repository(NAME).blobs.put(b"new")
