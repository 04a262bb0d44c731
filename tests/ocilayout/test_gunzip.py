from __future__ import annotations

import gzip
import io
import random

import pytest

from regstore.ocilayout import gunzip
from regstore.ocilayout.gunzip import GzipReader

CONTENT = random.Random(0).randbytes(200_000) + bytes(300_000) + random.Random(1).randbytes(9)


@pytest.fixture(autouse=True)
def near_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gunzip, "SPACING", 10_000)
    monkeypatch.setattr(gunzip, "MAX_POINTS", 8)


def packed(members: int) -> bytes:
    size = len(CONTENT) // members + 1
    parts = [CONTENT[start : start + size] for start in range(0, len(CONTENT), size)]
    return b"".join(gzip.compress(part) for part in parts) + bytes(100)


@pytest.mark.parametrize("members", [1, 7])
def test_the_whole_is_read_once_and_again(members: int) -> None:
    with GzipReader(io.BytesIO(packed(members))) as reader:
        assert reader.read() == CONTENT
        assert reader.read(1) == b""
        reader.seek(0)
        assert reader.read() == CONTENT


@pytest.mark.parametrize("members", [1, 7])
@pytest.mark.parametrize("again", [False, True])
def test_any_place_is_found_from_any_other(members: int, again: bool) -> None:
    reader = GzipReader(io.BytesIO(packed(members)))
    if again:
        reader.read()
        reader = GzipReader(io.BytesIO(packed(members)), reader.points)
    rng = random.Random(2)
    for _ in range(300):
        offset = rng.randrange(len(CONTENT) + 1)
        size = rng.choice([1, 100, 30_000])
        assert reader.seek(offset) == offset
        found = b""
        while len(found) < size and (data := reader.read(size - len(found))):
            found += data
        assert found == CONTENT[offset : offset + size]


def test_points_stay_few_and_spread_over_the_whole() -> None:
    reader = GzipReader(io.BytesIO(packed(1)))
    while reader.read(1000):
        pass
    places = [point.position for point in reader.points]
    assert 4 <= len(places) <= 8
    assert places == sorted(places)
    assert places[-1] > len(CONTENT) * 3 // 4


def test_a_seek_costs_a_spacing_and_not_the_whole() -> None:
    raw = io.BytesIO(packed(1))
    reader = GzipReader(raw)
    reader.seek(len(CONTENT))
    reader.seek(190_000)
    nearest = max(p.consumed for p in reader.points if p.position <= 190_000)
    assert nearest > 50_000


def test_the_end_is_not_known_before_it_is_reached() -> None:
    reader = GzipReader(io.BytesIO(packed(1)))
    with pytest.raises(ValueError, match="not known"):
        reader.seek(0, io.SEEK_END)
    assert reader.seek(len(CONTENT) + 50) == len(CONTENT)


def test_a_cut_file_raises() -> None:
    with pytest.raises(EOFError):
        GzipReader(io.BytesIO(packed(1)[:1000])).read()
