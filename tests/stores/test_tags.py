"""Tags: small, moved as a whole, compared before they are swapped where the caller asks for it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest
from typing_extensions import override

from regstore import ABSENT, ANY, Registry, Repository, layout
from regstore.consistency import Checked, WrapperDriver
from regstore.digest import Digest
from regstore.driver import ANY as ANYTHING
from regstore.driver import Capabilities, Condition, StorageDriver
from regstore.drivers.memory import MemoryDriver
from regstore.errors import (
    ConfigurationError,
    ManifestUnknownError,
    NameUnknownError,
    TagConflictError,
    TagImmutableError,
    UnsupportedMethodError,
)
from regstore.policy import ImmutableTags, Policy
from regstore.tags import Expect
from tests import places
from tests.images import make_image
from tests.paging import pages
from tests.places import Place, VirtualRuntime

NAME = "library/app"
ONE, TWO, THREE = images = [
    make_image("x", layers=0, annotations={"number": number}) for number in ("1", "2", "3")
]
UNKNOWN = Digest.of(b"never pushed")
EXPECTATIONS: tuple[Expect, ...] = (ANY, ABSENT, ONE.digest, TWO.digest, THREE.digest)


@pytest.fixture
def repo(registry: Registry) -> Repository:
    """A repository that has three manifests, and no tag."""
    repo = registry.repository(NAME)
    repo.blobs.put(ONE.blobs[0])
    for image in images:
        image.push_manifest(repo)
    return repo


def test_a_tag_names_what_it_was_last_set_to(place: Place, repo: Repository) -> None:
    for image in (ONE, TWO, ONE):
        repo.tags.set("v1", image.digest)
        assert repo.tags.get("v1") == image.digest
        assert place.read(layout.TagCurrentLink(NAME, "v1").path) == image.digest.encode()


def swaps() -> Iterator[tuple[str, Digest | None, Digest, Expect]]:
    """Every kind of expectation, for a tag that is absent, equal to the new value or not."""
    combinations = itertools.product(
        (None, ONE.digest),
        (ONE.digest, TWO.digest),
        EXPECTATIONS,
    )
    for number, (present, new, expect) in enumerate(combinations):
        yield f"tag-{number}", present, new, expect


def takes_effect(present: Digest | None, new: Digest, expect: Expect) -> bool:
    # By value: to find there what one wants to write is success.
    if expect is ANY or present == new:
        return True
    return present is None if expect is ABSENT else present == expect


def test_compare_and_swap(repo: Repository) -> None:
    for tag, present, new, expect in swaps():
        if present is not None:
            repo.tags.set(tag, present)
        if takes_effect(present, new, expect):
            repo.tags.set(tag, new, expect)
            assert repo.tags.get(tag) == new
        else:
            with pytest.raises(TagConflictError) as caught:
                repo.tags.set(tag, new, expect)
            assert (caught.value.tag, caught.value.current) == (tag, present)
            assert (tag in repo.tags.all()) == (present is not None)


def test_a_swap_that_loses_tells_what_is_there_now(place: Place, repo: Repository) -> None:
    repo.tags.set("v1", ONE.digest)
    place.repository().tags.set("v1", TWO.digest, expect=ONE.digest)
    with pytest.raises(TagConflictError) as caught:
        repo.tags.set("v1", THREE.digest, expect=ONE.digest)
    assert caught.value.current == TWO.digest
    assert repo.tags.get("v1") == TWO.digest


@pytest.mark.parametrize("expect", [ANY, ONE.digest])
def test_delete_takes_the_tag_and_its_history(
    place: Place, repo: Repository, expect: Expect
) -> None:
    before = place.files()
    repo.tags.set("v1", TWO.digest)
    repo.tags.set("v1", ONE.digest)
    repo.tags.delete("v1", expect)
    assert place.files() == before
    for step in (repo.tags.get, repo.tags.delete, repo.tags.history):
        with pytest.raises(ManifestUnknownError) as caught:
            step("v1")
        assert (caught.value.name, caught.value.reference) == (NAME, "v1")
    assert repo.manifests.exists(ONE.digest)


def test_delete_of_something_else_is_refused(place: Place, repo: Repository) -> None:
    repo.tags.set("v1", ONE.digest)
    before = place.files()
    for expect in (ABSENT, TWO.digest):
        with pytest.raises(TagConflictError) as caught:
            repo.tags.delete("v1", expect)
        assert caught.value.current == ONE.digest
    assert place.files() == before


def test_only_a_manifest_of_this_repository_can_be_tagged(
    place: Place, registry: Registry, repo: Repository
) -> None:
    elsewhere = make_image("elsewhere")
    elsewhere.push(registry.repository("library/other"))
    before = place.files()
    digests = (UNKNOWN, elsewhere.digest, Digest.of(ONE.blobs[0]))
    for digest, expect in itertools.product(digests, EXPECTATIONS):
        with pytest.raises(ManifestUnknownError):
            repo.tags.set("v1", digest, expect)
    assert place.files() == before


def test_history_is_newest_first_each_value_once(runtime: VirtualRuntime) -> None:
    repo = places.memory(runtime).repository(NAME)
    for image in (ONE, TWO, THREE, ONE):
        image.push(repo, "v1")
        runtime.clock.seconds += 60
    history = repo.tags.history("v1")
    assert [change.digest for change in history] == [ONE.digest, THREE.digest, TWO.digest]
    moments = [change.modified.minute for change in history]
    assert moments == [7, 6, 5]


def test_history_knows_every_value(repo: Repository) -> None:
    for image in (ONE, TWO):
        repo.tags.set("v1", image.digest)
    assert {change.digest for change in repo.tags.history("v1")} == {ONE.digest, TWO.digest}


def test_tags_are_listed_in_byte_order(repo: Repository) -> None:
    tags = ["1.0", "1.0-rc1", "1.0.1", "10", "B", "_x", "a", "a-b", "a.b", "aB", "a_b", "ab"]
    for tag in reversed(tags):
        repo.tags.set(tag, ONE.digest)
    assert list(repo.tags.all()) == tags
    for limit in (1, 2, 5, len(tags), len(tags) + 1):
        assert pages(repo.tags.page, limit) == [
            tags[at : at + limit] for at in range(0, len(tags), limit)
        ]
    for last in ("", "1.0-", "1.0.", "Z", "a-", "a0", "zz"):
        page = repo.tags.page(100, last)
        assert (list(page.items), page.more) == ([tag for tag in tags if tag > last], False)


def test_a_page_may_be_empty(repo: Repository) -> None:
    page = repo.tags.page(10)
    assert (page.items, page.last, page.more) == ((), None, False)
    repo.tags.set("v1", ONE.digest)
    page = repo.tags.page(0)
    assert (page.items, page.last, page.more) == ((), None, True)


def test_a_page_cannot_be_negative(repo: Repository) -> None:
    for limit in (-1, -2, -1000):
        with pytest.raises(ValueError, match="a page cannot have"):
            repo.tags.page(limit)


def test_a_repository_that_is_not_there_has_no_tags(registry: Registry) -> None:
    missing = registry.repository("library/missing")
    with pytest.raises(NameUnknownError):
        list(missing.tags.all())
    with pytest.raises(NameUnknownError):
        missing.tags.page(10)
    missing.blobs.put(b"a blob is enough")
    assert list(missing.tags.all()) == []


def test_a_ghost_is_listed_and_nothing_else(place: Place, repo: Repository) -> None:
    repo.tags.set("v1", ONE.digest)
    place.write(layout.TagIndexLink(NAME, "ghost", ONE.digest).path, ONE.digest.encode())
    assert list(repo.tags.all()) == ["ghost", "v1"]
    assert list(repo.tags.all(verify=True)) == ["v1"]
    with pytest.raises(ManifestUnknownError):
        repo.tags.get("ghost")
    repo.manifests.delete(ONE.digest)
    repo.tags.set("ghost", TWO.digest, expect=ABSENT)
    assert repo.tags.get("ghost") == TWO.digest


def test_a_delete_that_was_cut_short_can_be_repeated(place: Place, repo: Repository) -> None:
    before = place.files()
    repo.tags.set("v1", ONE.digest)
    place.delete(layout.TagCurrentLink(NAME, "v1").path)
    with pytest.raises(ManifestUnknownError):
        repo.tags.delete("v1")
    assert place.files() == before


def test_who_names_a_manifest(place: Place, repo: Repository) -> None:
    assert repo.tags.naming(ONE.digest) == []
    for tag, image in (("a", ONE), ("b", TWO), ("c", ONE)):
        repo.tags.set(tag, image.digest)
    place.write(layout.TagIndexLink(NAME, "ghost", ONE.digest).path, ONE.digest.encode())
    assert repo.tags.naming(ONE.digest) == ["a", "c"]
    assert place.repository("library/missing").tags.naming(ONE.digest) == []


def test_immutable_tags_are_set_once(place: Place, repo: Repository) -> None:
    guarded = place.open(Policy(tags=ImmutableTags("v*", "release-?"))).repository(NAME)
    guarded.tags.set("v1", ONE.digest)
    for expect in (ANY, ABSENT, ONE.digest, THREE.digest):
        guarded.tags.set("v1", ONE.digest, expect)
        with pytest.raises(TagImmutableError) as caught:
            guarded.tags.set("v1", TWO.digest, expect)
        assert (caught.value.name, caught.value.tag) == (NAME, "v1")
    for expect in (ANY, ONE.digest):
        with pytest.raises(TagImmutableError):
            guarded.tags.delete("v1", expect)
    assert repo.tags.get("v1") == ONE.digest
    guarded.tags.set("release-10", ONE.digest)
    guarded.tags.set("release-10", TWO.digest)
    guarded.tags.delete("release-10")


def test_an_immutable_tag_is_set_as_expected_only(place: Place, repo: Repository) -> None:
    guarded = place.open(Policy(tags=ImmutableTags("v*"))).repository(NAME)
    with pytest.raises(TagConflictError):
        guarded.tags.set("v1", ONE.digest, expect=TWO.digest)
    assert list(repo.tags.all()) == []


class Meddling(WrapperDriver):
    """Lets somebody else in between what a swap reads and what it writes."""

    def __init__(self, inner: StorageDriver) -> None:
        super().__init__(inner)
        self.meddle: list[Callable[[], object]] = []

    @override
    async def put_content(
        self, path: str, data: bytes, condition: Condition = ANYTHING
    ) -> str | None:
        if self.meddle and path == layout.TagCurrentLink(NAME, "v1").path:
            self.meddle.pop()()
        return await super().put_content(path, data, condition)


def test_a_swap_decides_again_where_somebody_came_between() -> None:
    quiet = places.memory()
    driver = Meddling(quiet.driver)
    between, repo = quiet.repository(NAME), Place(driver).repository(NAME)
    meddle = driver.meddle
    for image in images:
        image.push(repo)

    meddle.append(lambda: between.tags.set("v1", TWO.digest))
    with pytest.raises(TagConflictError) as caught:
        repo.tags.set("v1", ONE.digest, expect=ABSENT)
    assert caught.value.current == TWO.digest

    meddle.append(lambda: between.tags.set("v1", THREE.digest))
    with pytest.raises(TagConflictError) as caught:
        repo.tags.set("v1", ONE.digest, expect=TWO.digest)
    assert caught.value.current == THREE.digest

    meddle.append(lambda: between.tags.set("v1", THREE.digest))  # anew, but the same
    repo.tags.set("v1", ONE.digest, expect=THREE.digest)
    meddle.append(lambda: between.tags.delete("v1"))
    with pytest.raises(TagConflictError) as caught:
        repo.tags.set("v1", TWO.digest, expect=ONE.digest)
    assert caught.value.current is None
    assert not repo.manifests.exists("v1")


class Unconditional(MemoryDriver):
    """A store that has no conditions."""

    capabilities = Capabilities(atomic_put=True)


def test_a_store_without_conditions_swaps_nothing() -> None:
    place = Place(Checked(Unconditional()))
    repo = place.repository(NAME)
    ONE.push(repo, "v1")
    TWO.push(repo, "v1")
    assert repo.tags.get("v1") == TWO.digest
    advice = r"without expect=.* store with conditional writes.* 'regstore probe URL'"
    with pytest.raises(UnsupportedMethodError, match=advice):
        repo.tags.set("v1", ONE.digest, expect=TWO.digest)
    with pytest.raises(UnsupportedMethodError, match=advice):
        repo.tags.set("v2", ONE.digest, expect=ABSENT)
    assert repo.tags.get("v1") == TWO.digest
    with pytest.raises(ConfigurationError, match="immutable"):
        place.open(Policy(tags=ImmutableTags("v*")))
    repo.manifests.delete(TWO.digest)
    assert list(repo.tags.all(verify=True)) == []
