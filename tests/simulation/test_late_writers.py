"""Somebody pushes, and was away for so long meanwhile that a collector has gone all the way."""

from __future__ import annotations

import pytest

from regstore._protections import without
from regstore.testing.simulation.running import simulate
from tests.simulation.meeting import LAGGING, UNCONDITIONAL, Meeting
from tests.simulation.stalling import Stall

BEFORE_THE_BODY = Stall("pusher-1", "/blobs/", 250.0)
BEFORE_THE_REVISION = Stall("pusher-1", "/revisions/", 100.0)
BEFORE_THE_LINK = Stall("pusher-1", "/_layers/", 170.0)


def broken_by(meeting: Meeting, stall: Stall) -> set[str]:
    with stall.happening():
        results = [simulate(meeting.run(seed)) for seed in range(1, 5)]
    return {each.invariant for result in results for each in result.violations}


@pytest.mark.parametrize(
    ("stall", "meeting"),
    [
        (BEFORE_THE_BODY, Meeting("push manifest", stage="condemned")),
        (BEFORE_THE_BODY, Meeting("push manifest", UNCONDITIONAL, stage="condemned")),
        (BEFORE_THE_BODY, Meeting("push manifest", LAGGING, stage="condemned")),
        (BEFORE_THE_REVISION, Meeting("push manifest", stage="condemned")),
        (BEFORE_THE_REVISION, Meeting("push manifest", UNCONDITIONAL, stage="condemned")),
        (BEFORE_THE_REVISION, Meeting("push manifest", LAGGING, stage="condemned")),
        (BEFORE_THE_LINK, Meeting("mount", stage="condemned", repository=1)),
        (BEFORE_THE_LINK, Meeting("mount", UNCONDITIONAL, stage="condemned", repository=1)),
    ],
)
def test_who_comes_late_looks_again(stall: Stall, meeting: Meeting) -> None:
    assert not broken_by(meeting, stall)
    with without("late_check"):
        assert "I1" in broken_by(meeting, stall)
