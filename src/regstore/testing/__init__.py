"""The conformance suite: prove your own driver, or a live store, against the contract.

Needs the packages of ``regstore[testing]``, and imports them when it is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from regstore.testing.contract import Clause, clauses
from regstore.testing.prefix import PrefixDriver

if TYPE_CHECKING:
    from regstore.testing.conformance import ClauseResult, run_conformance
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

_LATE: Final = {
    "BackDoor": "regstore.testing.suite.base",
    "ClauseResult": "regstore.testing.conformance",
    "StorageDriverTests": "regstore.testing.suite.tests",
    "run_conformance": "regstore.testing.conformance",
}


def __getattr__(name: str) -> object:
    """Import what needs pytest when it is asked for: faulty drivers and the simulator do not.

    By then pytest runs, and the suite's assertions are rewritten: without that they would fail
    without telling what they saw.
    """
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import pytest  # noqa: PLC0415

    pytest.register_assert_rewrite("regstore.testing.suite", "regstore.testing.stateful")
    found: object = getattr(import_module(_LATE[name]), name)
    return found
