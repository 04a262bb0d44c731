"""The clauses of the contract, and which tests prove each of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

TITLES: Mapping[str, str] = {
    "P1": "paths are stored as given; the driver's own are never shown",
    "P2": "bad paths are refused",
    "P3": "directories exist exactly while something lies below",
    "P4": "prefixes are whole segments",
    "P5": "nothing leaves the root",
    "R1": "stat gives size, time and a version that changes with the content",
    "R2": "as many bytes can be read as stat says",
    "R3": "an object is read whole, never a mixture",
    "R4": "ranges are streamed; what is missing or short raises",
    "R5": "a read ends on the version it began on, or raises",
    "W1": "no reader ever sees a part",
    "W2": "directories are made as needed",
    "W3": "of many writers with one condition exactly one wins",
    "W4": "conditions that cannot be kept are refused",
    "W5": "concurrent writes never interleave",
    "W6": "a full store keeps the old content",
    "A1": "writers begin, discard and continue as asked",
    "A2": "parked content is durable, and goes on at its size",
    "A3": "uncommitted content is nowhere else",
    "A4": "a commit appears at once, here or elsewhere",
    "A5": "cancel leaves nothing",
    "A6": "the table of a writer's states",
    "A7": "two writers of one path never mix",
    "A8": "writing past the end fills with zeros",
    "A9": "parking is the driver's worry: any size, kept apart",
    "A10": "chunks are neither reordered, repeated nor dropped",
    "M1": "move replaces, and a missing source changes nothing",
    "M2": "copy replaces, as its conditions allow",
    "M3": "delete is recursive, and raises where nothing lies",
    "M4": "delete_file deletes one object, of one version where asked",
    "L1": "names come in byte order, from any name on",
    "L2": "a missing directory raises, the root never does",
    "L3": "walk gives every object once",
    "L4": "more than a thousand children",
    "L5": "listings and reads follow changes as promised",
    "U1": "redirect_url gives a URL, or None",
    "U2": "a URL grants no more, and no longer, than asked",
    "U3": "local_file gives a file, or None",
    "X1": "blocking drivers never suspend",
    "X2": "what ends early leaves nothing",
    "X3": "no retry of what is not idempotent",
    "X4": "errors are typed and name path and driver",
    "X5": "a driver works after a fork",
    "X6": "a driver says what it is, and closes",
    "X7": "calls end by the deadline of their context",
    "ALL": "random histories agree with a dictionary",
}
UNTESTED: Mapping[str, str] = {
    "X3": "retries show only on a store that fails on demand",
    "X7": "the wrapper that retries keeps it for every driver that keeps X2",
}
"""Clauses without a test, and why."""

_TEST = re.compile(r"test_([a-z]\d+|all)_")


class Clause(NamedTuple):
    """A clause and the names of the tests that prove it."""

    title: str
    tests: tuple[str, ...]


def clause_of(test: str) -> str | None:
    """Return the clause that the test of this name proves, such as ``"W1"``."""
    match = _TEST.match(test)
    return match[1].upper() if match else None


def clauses() -> Mapping[str, Clause]:
    """Return every clause by its number, in the order of the contract."""
    # Late: pytest must find the suite not yet imported, to let its assertions tell what they saw.
    from regstore.testing import StorageDriverTests  # noqa: PLC0415

    names = [name for name in dir(StorageDriverTests) if clause_of(name)]
    return {
        number: Clause(title, tuple(name for name in names if clause_of(name) == number))
        for number, title in TITLES.items()
    }
