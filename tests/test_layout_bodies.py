from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regstore import layout
from regstore.digest import ALGORITHMS, Digest
from regstore.errors import DigestInvalidError

A = Digest("sha256:" + "0123456789abcdef" * 4)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_links_hold_a_digest_and_nothing_else(algorithm: str) -> None:
    digest = Digest(f"{algorithm}:{'5e' * (ALGORITHMS[algorithm] // 2)}")
    assert layout.link_body(digest).decode("ascii") == digest
    assert layout.parse_link(layout.link_body(digest)) == digest


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        A.encode() + b"\n",
        b" " + A.encode(),
        A.encode()[:-1],
        A.encode() * 2,
        A.upper().encode(),
        b"sha256",
        A.encode("utf-16"),
        A.encode() + b"\0",
        b"\xff",
    ],
)
def test_links_are_read_strictly(data: bytes) -> None:
    with pytest.raises(DigestInvalidError):
        layout.parse_link(data)


def test_startedat_is_whole_seconds_in_utc() -> None:
    east = timezone(timedelta(hours=2))
    when = datetime(2015, 4, 2, 22, 24, 18, 999_999, tzinfo=east)
    assert layout.format_startedat(when) == b"2015-04-02T20:24:18Z"
    assert layout.format_startedat(datetime(1, 1, 1, tzinfo=UTC)) == b"0001-01-01T00:00:00Z"


def test_startedat_needs_a_time_zone() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        layout.format_startedat(datetime(2015, 4, 2))  # noqa: DTZ001 - that is the point


@given(st.datetimes(timezones=st.just(UTC)))
def test_startedat_is_read_back(when: datetime) -> None:
    found = layout.parse_startedat(layout.format_startedat(when))
    assert found == when.replace(microsecond=0)
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    ("data", "microsecond"),
    [
        (b"2015-04-02T20:24:18Z", 0),
        (b"2015-04-02T20:24:18.5Z", 500_000),
        (b"2015-04-02T20:24:18.123456789Z", 123_456),
        (b"2015-04-02T22:24:18+02:00", 0),
        (b"2015-04-02T13:24:18.25-07:00", 250_000),
    ],
)
def test_startedat_takes_what_go_writes(data: bytes, microsecond: int) -> None:
    expected = datetime(2015, 4, 2, 20, 24, 18, microsecond, tzinfo=UTC)
    assert layout.parse_startedat(data) == expected


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"2015-04-02",
        b"2015-04-02T20:24:18",
        b"2015-04-02T20:24:18Z\n",
        b"2015-13-02T20:24:18Z",
        b"0001-01-01T00:00:00+01:00",
        b"9999-12-31T23:59:59-01:00",
        b"\xff",
        b"2015-04-02T20:24:18Z" * 1000,
    ],
)
def test_other_times_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="time"):
        layout.parse_startedat(data)


def test_what_collectors_say_is_read_back() -> None:
    state = layout.Collecting(active=False, grace=60.0)
    assert layout.Collecting.parse(state.body()) == state
    verdict = layout.Verdict("deleting", fenced=True, lag=5.0, lease=30.0, nonce="1")
    assert layout.Verdict.parse(verdict.body()) == verdict


NONSENSE = [b"", b"\xff", b"[]", b"{", b"[" * 100_000, b'{"stage": [], "active": 0, "lease": "x"}']


@pytest.mark.parametrize("data", NONSENSE, ids=lambda data: repr(data[:20]))
def test_what_cannot_be_read_is_taken_for_the_more_dangerous(data: bytes) -> None:
    assert layout.Collecting.parse(data) == layout.Collecting(active=True)
    assert layout.Verdict.parse(data) == layout.Verdict("unknown")


def test_what_a_newer_regstore_adds_is_ignored() -> None:
    assert layout.Collecting.parse(b'{"active": false, "more": 1}') == layout.Collecting(
        active=False
    )
    assert layout.Verdict.parse(b'{"stage": "resting", "lag": -1, "lease": true}').lag == 0.0
