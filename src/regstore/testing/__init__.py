"""The conformance suite: prove your own driver, or a live bucket, against the contract."""

import pytest

# Before the suite is imported: a failing assertion then shows what was seen.
pytest.register_assert_rewrite("regstore.testing.suite", "regstore.testing.stateful")

from regstore.testing.suite.base import BackDoor  # noqa: E402
from regstore.testing.suite.tests import StorageDriverTests  # noqa: E402

__all__ = ["BackDoor", "StorageDriverTests"]
