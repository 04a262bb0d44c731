from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from regstore.consistency.capabilities import Saved, lower
from regstore.driver import Capabilities
from regstore.errors import CorruptContentError

SAVED = Saved("s3", datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC), Capabilities(atomic_put=True))


@pytest.mark.parametrize(
    ("name", "better", "worse"),
    [
        ("atomic_put", True, False),
        ("ghost_directories", False, True),
        ("uncommitted_visible", False, True),
        ("resume_scope", "host", "object"),
        ("staleness_bound", 0.0, 5.0),
        ("staleness_bound", 5.0, None),
        ("clock_resolution", 1e-6, 1.0),
        ("max_object_size", None, 100),
        ("max_parts", 100, 10),
    ],
)
def test_of_two_the_worse_is_kept(name: str, better: object, worse: object) -> None:
    one: dict[str, Any] = {name: better}
    other: dict[str, Any] = {name: worse}
    for claimed, seen in [(one, other), (other, one)]:
        assert lower(Capabilities(**claimed), Capabilities(**seen)) == Capabilities(**other)


@pytest.mark.parametrize(
    "change",
    [
        {"format": "other"},
        {"version": 2},
        {"time": "yesterday"},
        {"time": "2026-05-04T03:02:01"},
        {"capabilities": None},
        {"capabilities": {"atomic_put": "yes"}},
        {"capabilities": {"resume_scope": "galaxy"}},
        {"capabilities": {"clock_resolution": None}},
    ],
    ids=repr,
)
def test_what_is_no_such_file_is_corrupt(change: dict[str, object]) -> None:
    document = json.loads(SAVED.encode()) | change
    with pytest.raises(CorruptContentError, match="regstore probe --save"):
        Saved.decode(json.dumps(document).encode())


@pytest.mark.parametrize("data", [b"", b"[]", b"7", b"\xff", b"{}"])
def test_what_is_no_document_is_corrupt(data: bytes) -> None:
    with pytest.raises(CorruptContentError):
        Saved.decode(data)


def test_fields_of_other_releases_are_left_alone() -> None:
    document = json.loads(SAVED.encode())
    document["capabilities"] = {"atomic_put": True, "of_a_later_release": 7}
    assert Saved.decode(json.dumps(document).encode()) == SAVED
