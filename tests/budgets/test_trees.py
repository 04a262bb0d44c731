"""What is asked of trees too large for one listing costs pages, not keys."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from regstore import layout
from regstore.errors import PathNotFoundError
from tests.budgets.checking import IS_FULL, check
from tests.budgets.operations import NAME
from tests.budgets.stores import Kind, Place, Store
from tests.budgets.table import BUDGETS, delete_limit
from tests.budgets.trees import current_links, repositories, tag_names
from tests.budgets.wire import watched

SCALED = 1010
"""Keys on a store that is filled request by request: more than one listing shows on S3."""
OTHERS = 101


@dataclass(frozen=True)
class Forest:
    """A place with one repository of many tags, and many repositories.

    :ivar tags: their names, in order.
    :ivar doomed: a tree that nobody else needs, or needs before the last test.
    """

    place: Place
    tags: list[str]
    repositories: list[str]
    doomed: str
    doomed_keys: int


@pytest.fixture(scope="module")
def forest(store: Store) -> Forest:
    is_large = store.is_quick or IS_FULL
    tags = sorted(tag_names(20_000 if is_large else SCALED))
    others = [f"r{number:05}" for number in range(10_000 if is_large else OTHERS)]
    contents = current_links(NAME, tags) | repositories(others)
    if not is_large:
        doomed, keys = layout.TagsRoot(NAME).path, len(tags)
    else:
        doomed, keys = "tree", 10_000 if IS_FULL else SCALED
        contents |= {f"tree/{number % 100}/{number}": b"x" for number in range(keys)}
    return Forest(store.planted(contents), tags, sorted([NAME, *others]), doomed, keys)


@pytest.mark.parametrize("after", [None, "b00400", "v1.20", "v2"])
def test_a_page_of_tags(store: Store, forest: Forest, after: str | None) -> None:
    """Parents of the page's last name, which are listed after it, are asked for one by one."""
    expected = [name for name in forest.tags if after is None or name > after][:101]
    with forest.place.open() as registry, watched() as wire:
        page = registry.repository(NAME).tags.page(100, after)
    assert (list(page.items), page.more) == (expected[:100], len(expected) > 100)
    parents = sum(expected[-1].count(mark) for mark in "-.")
    allowed = 2 + parents + listings_before(store, forest.tags, after)
    assert len(wire.sent) <= allowed, wire
    if after is None:
        check("page of 100 tags out of 20,000", store, wire)


def listings_before(store: Store, names: list[str], after: str | None) -> int:
    """Azurite knows no ``startFrom``, unlike Azure: there the listing begins at the beginning."""
    if store.kind != "azure" or after is None:
        return 0
    return sum(name <= after for name in names) // 5000


def test_a_page_of_repositories(store: Store, forest: Forest) -> None:
    with forest.place.open() as registry, watched() as wire:
        page = registry.repositories.page(100)
    assert (list(page.items), page.more) == (forest.repositories[:100], True)
    check("page of 100 repositories out of 10,000", store, wire)


def test_a_tree_is_deleted_in_batches(store: Store, forest: Forest) -> None:
    """The last test: this may have been the tree of the tags."""
    with forest.place.driver() as driver:
        with watched() as wire:
            driver.runtime.run(driver.delete(forest.doomed))
        with pytest.raises(PathNotFoundError):
            list(driver.runtime.iterate(driver.walk(forest.doomed)))
    assert len(wire.sent) <= delete_limit(store.kind, forest.doomed_keys), wire
    if IS_FULL:
        check("delete of a tree of 10,000 keys", store, wire)


@pytest.mark.parametrize("kind", ["s3", "gcs", "azure"])
def test_a_tree_of_ten_thousand_keys_keeps_its_budget(kind: Kind) -> None:
    """By the same arithmetic as the trees that are deleted here."""
    budget = BUDGETS["delete of a tree of 10,000 keys"]
    assert delete_limit(kind, 10_000) <= budget.at_most.of(kind)
