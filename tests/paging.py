"""Walk through a listing page by page, as clients do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest

from regstore import Page

Item = TypeVar("Item")


def pages(page: Callable[[int, str | None], Page[Item]], limit: int) -> list[list[Item]]:
    """Ask for one page of *limit* items after the other; return what each one held."""
    found: list[list[Item]] = []
    last = None
    while len(found) < 100:
        this = page(limit, last)
        found.append(list(this.items))
        if not this.more:
            return found
        last = this.last
    pytest.fail("the pages do not end")
