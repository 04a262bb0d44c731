"""All wrappers together ask a store that shows its writes at once for nothing more."""

from __future__ import annotations

from tests.consistency.life import asked
from tests.consistency.traffic import stacked


def test_no_request_is_added() -> None:
    assert asked(stacked) == asked(lambda driver: driver)
