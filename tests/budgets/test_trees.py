"""What is asked of trees too large for one listing costs pages, not keys."""

from __future__ import annotations

import pytest

from regstore.errors import PathNotFoundError
from tests.budgets.checking import IS_FULL, check
from tests.budgets.operations import NAME, counted
from tests.budgets.stores import Place, Store
from tests.budgets.table import BUDGETS, delete_limit
from tests.budgets.trees import current_links, repositories, tag_names
from tests.budgets.wire import watched

SCALED = 1200
"""Keys on a store that is filled request by request: more than one listing shows on S3."""


def size(store: Store, full: int) -> int:
    return full if store.is_quick or IS_FULL else SCALED


@pytest.fixture(scope="module")
def tagged(store: Store) -> tuple[Place, list[str]]:
    """A repository of many tags, and their names in order."""
    names = sorted(tag_names(size(store, 20_000)))
    return store.planted(current_links(NAME, names)), names


@pytest.mark.parametrize("after", [None, "b00400", "v1.20", "v4"])
def test_a_page_of_tags(
    store: Store, tagged: tuple[Place, list[str]], after: str | None
) -> None:
    """The page's last name tells how many parents it may have, which list after it: one each."""
    place, names = tagged
    expected = [name for name in names if after is None or name > after][:100]
    with place.open() as registry, watched() as wire:
        page = registry.repository(NAME).tags.page(100, after)
    assert (list(page.items), page.more) == (expected, True)
    parents = sum(expected[-1].count(mark) for mark in "-.")
    skipped = listings_before(store, names, after)
    assert len(wire.sent) <= 2 + parents + skipped, wire
    if after is None:
        check("page of 100 tags out of 20,000", store, wire)


def listings_before(store: Store, names: list[str], after: str | None) -> int:
    """Azurite knows no ``startFrom``, unlike Azure: there the listing begins at the beginning."""
    if store.kind != "azure" or after is None:
        return 0
    return sum(name <= after for name in names) // 5000


def test_a_page_of_repositories(store: Store) -> None:
    names = [f"r{number:05}" for number in range(size(store, 10_000))]
    place = store.planted(repositories(names))
    with place.open() as registry, watched() as wire:
        page = registry.repositories.page(100)
    assert (list(page.items), page.more) == (names[:100], True)
    check("page of 100 repositories out of 10,000", store, wire)


def test_a_tree_is_deleted_in_batches(store: Store) -> None:
    count = size(store, 10_000)
    place = store.planted({f"tree/{number % 100}/{number}": b"x" for number in range(count)})
    driver = place.driver()
    with watched() as wire:
        driver.runtime.run(driver.delete("tree"))
    with pytest.raises(PathNotFoundError):
        driver.runtime.run(driver.stat("tree"))
    driver.runtime.run(driver.aclose())
    assert len(wire.sent) <= delete_limit(store.kind, count), wire
    check("delete of a tree of 10,000 keys", store, wire)


@pytest.mark.parametrize("kind", ["s3", "gcs", "azure"])
def test_what_a_scaled_tree_may_cost_is_what_a_full_one_may(kind: str) -> None:
    budget = BUDGETS["delete of a tree of 10,000 keys"]
    assert delete_limit(kind, 10_000) <= budget.at_most.of(kind)
