from __future__ import annotations

import pytest

from regstore.testing.simulation.linearizable import Event, Read, Swap, Write, is_linearizable

A, B, NONE = "a", "b", ""


def must(effect: Read | Write | Swap, invoked: float, returned: float) -> Event:
    return Event(effect, invoked, returned)


def may(effect: Read | Write | Swap, invoked: float, returned: float) -> Event:
    return Event(effect, invoked, returned, must=False)


HISTORIES = {
    "nothing": [],
    "read before a write": [must(Read(NONE), 0, 1), must(Write(A), 2, 3)],
    "read during a write": [must(Write(A), 0, 9), must(Read(NONE), 1, 2), must(Read(A), 3, 4)],
    "writes at the same time": [must(Write(A), 0, 5), must(Write(B), 0, 5), must(Read(A), 6, 7)],
    "swaps in a row": [must(Swap(NONE, A), 0, 9), must(Swap(A, B), 0, 9), must(Read(B), 10, 11)],
    "own value found": [must(Write(A), 0, 1), must(Swap(B, A), 2, 3)],
    "what nobody knows of": [may(Write(A), 0, 5), must(Read(NONE), 1, 2), must(Read(A), 3, 9)],
    "and what has not happened": [may(Write(A), 0, 5), must(Read(NONE), 6, 7)],
    "what repeats": [
        Event(Write(A), 0, 9, must=False, repeats=True),
        must(Read(A), 1, 2),
        must(Write(B), 3, 4),
        must(Read(A), 5, 6),
    ],
}

BROKEN = {
    "a late look at the old value": [
        must(Write(B), 0, 1),
        must(Swap(B, A), 2, 3),
        must(Read(B), 4, 5),
    ],
    "read of what nobody wrote": [must(Read(A), 0, 1)],
    "a write is lost": [must(Write(A), 0, 1), must(Read(NONE), 2, 3)],
    "the past is back": [must(Write(A), 0, 1), must(Write(B), 2, 3), must(Read(A), 4, 5)],
    "read twice, backwards": [must(Write(A), 0, 9), must(Read(A), 1, 2), must(Read(NONE), 3, 4)],
    "two swaps win": [must(Swap(NONE, A), 0, 9), must(Swap(NONE, B), 0, 9)],
    "what nobody knows of, twice": [
        may(Write(A), 0, 9),
        must(Read(A), 1, 2),
        must(Write(B), 3, 4),
        must(Read(A), 5, 6),
    ],
    "what nobody knows of, too late": [
        may(Write(A), 0, 2),
        must(Read(NONE), 3, 4),
        must(Read(A), 5, 6),
    ],
}


@pytest.mark.parametrize("name", HISTORIES)
def test_an_order_is_found(name: str) -> None:
    assert is_linearizable(HISTORIES[name])


@pytest.mark.parametrize("name", BROKEN)
def test_there_is_no_order(name: str) -> None:
    assert not is_linearizable(BROKEN[name])


def test_many_at_the_same_time_take_no_time() -> None:
    writes = [must(Write(f"{number}"), 0, 100) for number in range(12)]
    reads = [must(Read(f"{number}"), 100 + number, 100.5 + number) for number in (3, 3, 3)]
    assert is_linearizable([*writes, *reads])
