"""Every clause of the contract has a test in the conformance suite."""

from __future__ import annotations

import re

import pytest

from regstore import driver
from regstore.testing import clauses
from regstore.testing.contract import UNTESTED

RANGE = re.compile(r"\*\*([A-Z])(\d+)\*\*(?:\s+to\s+\*\*[A-Z](\d+)\*\*)?")


def written() -> list[str]:
    """Return the clauses that the text of the contract names, in its order."""
    return [
        f"{letter}{number}"
        for letter, first, last in RANGE.findall(driver.__doc__ or "")
        for number in range(int(first), int(last or first) + 1)
    ]


def test_the_text_names_what_the_suite_names() -> None:
    assert sorted(written()) == sorted(set(clauses()) - {"ALL"})


@pytest.mark.parametrize("clause", written())
def test_clause_is_proved(clause: str) -> None:
    if clause in UNTESTED:
        assert not clauses()[clause].tests
        pytest.skip(f"{clause} has no test: {UNTESTED[clause]}")
    assert clauses()[clause].tests


def test_every_test_belongs_to_a_clause() -> None:
    from regstore.testing import StorageDriverTests  # noqa: PLC0415 - pytest would collect it

    names = {name for name in dir(StorageDriverTests) if name.startswith("test")}
    assert names == {name for clause in clauses().values() for name in clause.tests}
