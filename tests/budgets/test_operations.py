"""No operation sends more requests than the table allows, counted at the HTTP client."""

from __future__ import annotations

import pytest

from tests.budgets.checking import check
from tests.budgets.operations import OPERATIONS, Stage


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_keeps_its_budget(operation: str, stage: Stage) -> None:
    check(operation, stage.store, OPERATIONS[operation](stage))
