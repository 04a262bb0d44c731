"""The conformance suite: prove your own driver, or a live store, against the contract.

Needs the packages of ``regstore[testing]``.
"""

from typing import TYPE_CHECKING

import pytest

from regstore.testing.conformance import ClauseResult, run_conformance
from regstore.testing.contract import Clause, clauses
from regstore.testing.prefix import PrefixDriver

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
    """Import the suite when it is asked for: by then pytest runs, and its assertions are rewritten.

    Without that they would fail without telling what they saw.
    """
    pytest.register_assert_rewrite("regstore.testing.suite", "regstore.testing.stateful")
    if name == "BackDoor":
        from regstore.testing.suite.base import BackDoor  # noqa: PLC0415

        return BackDoor
    if name == "StorageDriverTests":
        from regstore.testing.suite.tests import StorageDriverTests  # noqa: PLC0415

        return StorageDriverTests
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
