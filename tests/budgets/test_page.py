"""The page about costs tells what was counted."""

from __future__ import annotations

from pathlib import Path

from tests.budgets.operations import OPERATIONS
from tests.budgets.table import BUDGETS, DISTRIBUTION

PAGE = Path(__file__).parents[2] / "docs" / "costs.md"
COLUMNS = ["operation", "S3", "GCS", "Azure", "round trips at most", "CNCF distribution on S3"]


def rows() -> list[list[str]]:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    first = cells.index(COLUMNS)
    last = lines.index("", first)
    return cells[first + 2 : last]


def test_its_numbers_are_those_of_the_table() -> None:
    assert rows() == [
        [
            name,
            *map(str, budget.counted),
            str(budget.round_trips),
            str(DISTRIBUTION.get(name, "")),
        ]
        for name, budget in BUDGETS.items()
    ]


def test_nothing_was_counted_that_is_not_allowed() -> None:
    for budget in BUDGETS.values():
        numbers = zip(budget.counted, budget.at_most, strict=True)
        assert all(counted <= allowed for counted, allowed in numbers), budget


def test_every_operation_has_a_budget() -> None:
    trees = {name for name in BUDGETS if "0,000" in name}
    assert set(OPERATIONS) | trees == set(BUDGETS)
    assert set(DISTRIBUTION) <= set(BUDGETS)
