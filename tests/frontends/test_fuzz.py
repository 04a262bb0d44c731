"""A few thousand hostile requests to each server; ``make fuzz`` sends as many as you like."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.frontends.frontends import KINDS
from tests.frontends.fuzzing.doors import DOORS, Asked
from tests.frontends.fuzzing.running import Tally, fuzz_in_process, fuzz_on_the_wire

SEED = 20240215
BREADTH = {200, 201, 202, 204, 206, 400, 404, 405, 412, 416}


@pytest.mark.parametrize("kind", KINDS)
def test_no_sequence_of_requests_fails_leaks_or_gets_outside(kind: str) -> None:
    """What Hypothesis draws also hangs on which modules are loaded: go on until all was met."""
    met: set[int | None] = set()
    for seed in range(SEED, SEED + 6):
        tally = Tally(kind, wanted=2500)
        fuzz_in_process(kind, seed, tally)
        met |= tally.statuses.keys()
        if met >= BREADTH:
            break
    assert met >= BREADTH


@pytest.mark.parametrize("kind", KINDS)
def test_no_octets_make_a_server_fail_or_leak(kind: str) -> None:
    tally = Tally(kind, wanted=600)
    fuzz_on_the_wire(kind, SEED, tally)
    assert {200, 201, 400, 404, 405} <= tally.statuses.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_a_query_may_hold_any_octets(kind: str, tmp_path: Path) -> None:
    with DOORS[kind](tmp_path) as door:
        assert door.ask(Asked("GET", "/v2/_catalog?last=\xe9%ff")).status == 200
