"""The conformance suite: prove your own driver, or a live store, against the contract.

Needs the packages of ``regstore[testing]``.
"""

from typing import TYPE_CHECKING

import pytest

# Before the suite is imported: a failing assertion then tells what it saw.
pytest.register_assert_rewrite("regstore.testing.suite", "regstore.testing.stateful")

from regstore.testing.conformance import ClauseResult, run_conformance  # noqa: E402
from regstore.testing.contract import Clause, clauses  # noqa: E402
from regstore.testing.prefix import PrefixDriver  # noqa: E402

if TYPE_CHECKING:
    from regstore.testing.suite.base import BackDoor
    from regstore.testing.suite.tests import StorageDriverTests

__all__ = [
    "BackDoor",
    "Clause",
    "ClauseResult",
    "PrefixDriver",
    "StorageDriverTests",
    "clauses",
    "run_conformance",
]


def __getattr__(name: str) -> object:
    """Import the suite when it is asked for, so that a live run can let pytest rewrite it."""
    if name == "BackDoor":
        from regstore.testing.suite.base import BackDoor  # noqa: PLC0415

        return BackDoor
    if name == "StorageDriverTests":
        from regstore.testing.suite.tests import StorageDriverTests  # noqa: PLC0415

        return StorageDriverTests
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
