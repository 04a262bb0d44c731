"""Whether what was sent is within the budget."""

from __future__ import annotations

import os

from tests.budgets.stores import Store
from tests.budgets.table import BUDGETS
from tests.budgets.wire import Wire

IS_FULL = os.environ.get("REGSTORE_BUDGETS") == "full"
"""Trees of full size on every store, and exactly as many requests as the table has counted."""
_EXACT = {"moto", "fake-gcs", "azurite"}


def check(operation: str, store: Store, wire: Wire) -> None:
    budget = BUDGETS[operation]
    assert len(wire.sent) <= budget.at_most.of(store.kind), f"{operation}: {wire}"
    assert wire.round_trips <= budget.round_trips, f"{operation}: {wire}"
    if IS_FULL and store.name in _EXACT:
        assert len(wire.sent) == budget.counted.of(store.kind), f"{operation}: {wire}"
