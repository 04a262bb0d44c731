"""The catalog: repositories by their components, so that every store can page them alike."""

from __future__ import annotations

import pytest

from regstore import Registry, layout
from regstore.digest import Digest
from regstore.errors import ManifestUnknownError, NameInvalidError, NameUnknownError
from tests.images import make_image
from tests.paging import pages
from tests.places import Place

IMAGE = make_image("x", layers=0)
# By name components: in plain byte order "a-b" would come before "a/b".
NAMES = ["a", "a/a", "a/b", "a/b/c", "a-b", "a-b/c", "a.b", "a0", "ab", "b/c/d/e", "b0/x"]


def by_components(name: str) -> list[str]:
    return name.split("/")


@pytest.fixture
def filled(place: Place) -> Registry:
    """A registry that has a manifest in each of NAMES."""
    for name in NAMES:
        link = layout.RevisionLink(name, IMAGE.digest)
        place.write(link.path, IMAGE.digest.encode())
    return place.open()


def test_an_empty_registry_has_no_repositories(registry: Registry) -> None:
    assert list(registry.repositories.all()) == []
    page = registry.repositories.page(10)
    assert (page.items, page.last, page.more) == ((), None, False)


def test_repositories_are_ordered_by_components(filled: Registry) -> None:
    assert list(filled.repositories.all()) == NAMES
    assert sorted(NAMES, key=by_components) == NAMES


def test_pages_of_every_size_say_the_same(filled: Registry) -> None:
    for limit in range(1, len(NAMES) + 2):
        assert pages(filled.repositories.page, limit) == [
            NAMES[at : at + limit] for at in range(0, len(NAMES), limit)
        ]


def test_a_page_begins_after_any_name(filled: Registry) -> None:
    missing = ["", "0", "a/", "a/0", "a/b/b", "a/b/c/d", "a-", "a/zz", "b", "b/c/d", "b/c/z", "zz"]
    for last in [*NAMES, *missing]:
        page = filled.repositories.page(100, last)
        expected = [name for name in NAMES if by_components(name) > by_components(last)]
        assert (list(page.items), page.more) == (expected, False)


def test_a_page_cannot_be_negative(filled: Registry) -> None:
    with pytest.raises(ValueError, match="a page cannot have"):
        filled.repositories.page(-1)
    page = filled.repositories.page(0)
    assert (page.items, page.last, page.more) == ((), None, True)


def test_a_repository_is_there_with_its_first_manifest(registry: Registry) -> None:
    repo = registry.repository("library/app")
    repo.blobs.put(b"x")
    repo.uploads.create()
    assert list(registry.repositories.all()) == []
    IMAGE.push(repo)
    assert list(registry.repositories.all()) == ["library/app"]
    repo.manifests.delete(IMAGE.digest)
    assert list(registry.repositories.all()) == []


def test_delete_keeps_those_below_and_beside(place: Place, registry: Registry) -> None:
    names = ["a", "a/b", "a/b/c", "a-b", "ab"]
    subject = make_image("subject", layers=0)
    image = make_image("x", layers=0, subject=subject.described())
    for name in names:
        image.push(registry.repository(name), "v1")
        list(registry.repository(name).referrers.all(subject.digest))
        registry.repository(name).uploads.create()
    registry.delete_repository("a/b")
    kept = [name for name in names if name != "a/b"]
    assert list(registry.repositories.all()) == sorted(kept, key=by_components)
    for name in kept:
        repo = registry.repository(name)
        assert repo.manifests.get("v1").body == image.manifest
        assert repo.blobs.get(Digest.of(image.blobs[0])) == image.blobs[0]
        assert len(list(repo.referrers.all(subject.digest))) == 1
        assert len(list(repo.uploads.all())) == 1
    left = [path for path in place.files() if "/a/b/" in path and "/a/b/c/" not in path]
    assert left == []


def test_delete_leaves_nothing_but_content(place: Place, registry: Registry) -> None:
    repo = registry.repository("library/app")
    IMAGE.push(repo, "v1", "v2")
    with repo.uploads.create() as upload:
        upload.write(b"in progress")
    registry.repositories.delete("library/app")
    assert set(place.files()) == {
        layout.BlobData(Digest.of(content)).path for content in (IMAGE.manifest, *IMAGE.blobs)
    }
    with pytest.raises(ManifestUnknownError):
        repo.manifests.get("v1")
    with pytest.raises(NameUnknownError):
        repo.tags.page(1)


def test_only_what_is_there_can_be_deleted(place: Place, registry: Registry) -> None:
    IMAGE.push(registry.repository("a/b/c"))
    before = place.files()
    for name in ("a", "a/b", "a/b/c/d", "b"):
        with pytest.raises(NameUnknownError) as caught:
            registry.delete_repository(name)
        assert caught.value.name == name
    for name in ("", "A", "../a", "a/../a", "a/_manifests", "a" * 256):
        with pytest.raises(NameInvalidError):
            registry.delete_repository(name)
    assert place.files() == before


@pytest.mark.parametrize("rest", ["_uploads/x/startedat", "_layers/sha256/ab/link", "_manifests"])
def test_what_is_left_of_others_is_deleted_too(place: Place, registry: Registry, rest: str) -> None:
    root = layout.RepositoryRoot("library/app").path
    place.write(f"{root}/{rest}/file", b"of another software")
    registry.delete_repository("library/app")
    assert place.files() == {}
