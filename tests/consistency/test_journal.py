"""The journal finds what lies below a directory, whatever was recorded and forgotten before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from itertools import product
from typing import Literal, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from regstore.consistency.directories import Directories
from regstore.consistency.journal import Entries, Entry

T = TypeVar("T")
V = TypeVar("V")

names = st.sampled_from(["a", "b", "ab", "a.b"])
paths = st.lists(names, min_size=1, max_size=4).map("/".join)
kinds = st.sampled_from(["put", "delete", "tree"])
changes = st.lists(st.tuples(paths, st.one_of(kinds, st.sampled_from(["forget", "expire"]))))


def entry(kind: Literal["put", "delete", "tree"], time: float) -> Entry:
    return Entry(kind, time, datetime.fromtimestamp(time, UTC))


def scanned(entries: Entries, directory: str, since: float) -> dict[str, Entry]:
    start = f"{directory}/" if directory else ""
    every = entries._entries.items()  # noqa: SLF001 - what the index is to find
    return {
        path[len(start) :]: each
        for path, each in every
        if path.startswith(start) and each.time >= since
    }


@given(changes, st.integers(1, 6), st.integers(0, 10))
def test_what_lies_below_is_what_a_scan_of_all_finds(
    changes: list[tuple[str, str]], limit: int, age: int
) -> None:
    entries = Entries(limit)
    for time, (path, how) in enumerate(changes):
        if how == "expire":
            entries.expire(time - age)
        elif how == "forget":
            known = entries.find(path)
            if known is not None:
                entries.forget(path, known)
        else:
            entries.record(path, entry(how, time))  # type: ignore[arg-type] # is a kind
        for directory in ("", "a", "ab", "a/b", "a/b/a", path):
            for since in (0.0, time - 2.0):
                assert entries.below(directory, since) == scanned(entries, directory, since)


def test_directories_that_are_empty_are_forgotten() -> None:
    entries = Entries(limit=10)
    empty = len(entries._directories._inside)  # noqa: SLF001 - what must not grow
    for number in range(1000):
        entries.record(f"a/{number}/b/c/d", entry("put", number))
    assert len(entries._directories._inside) == empty + 1 + 10 * 3  # noqa: SLF001
    entries.expire(1000)
    assert len(entries._directories._inside) == empty  # noqa: SLF001


def test_what_lies_below_comes_in_an_order_that_tells_nothing_of_hashes() -> None:
    entries = Entries()
    for path in ("c/z", "c/x/b", "a", "c/y", "b/b", "c/x/a"):
        entries.record(path, entry("put", 1))
    assert list(entries.below("", 0)) == ["a", "b/b", "c/z", "c/y", "c/x/b", "c/x/a"]


class Steps:
    """Counts steps, and lets another thread's work be done at one of them."""

    def __init__(self, at: int, other: Callable[[], None]) -> None:
        self.left = at
        self.other = other

    def take(self) -> None:
        self.left -= 1
        if self.left == 0:
            self.other()


class Stepped(dict[str, V]):
    """A dict whose operations are steps: something may happen before each, and after it."""

    steps = Steps(0, lambda: None)

    @override
    def get(self, *args: object) -> V | None:  # type: ignore[override] # as it is called here
        return self._between(super().get, *args)

    @override
    def pop(self, *args: object) -> V | None:  # type: ignore[override]
        return self._between(super().pop, *args)

    @override
    def setdefault(self, *args: object) -> V | None:  # type: ignore[override]
        return self._between(super().setdefault, *args)

    @override
    def __contains__(self, key: object) -> bool:
        return self._between(super().__contains__, key)

    def _between(self, act: Callable[..., T], *args: object) -> T:
        self.steps.take()
        try:
            return act(*args)
        finally:
            self.steps.take()


def change(entries: dict[str, None], directories: Directories, path: str, *, adds: bool) -> None:
    if adds:
        entries[path] = None
        directories.added(path)
    else:
        entries.pop(path, None)
        directories.removed(path)


@pytest.mark.parametrize("before", [(), ("d/e/x",), ("d/e/x", "d")])
@pytest.mark.parametrize("adds", [*product([True, False], repeat=2)])
@pytest.mark.parametrize("mine", ["d/e/x", "d/e", "d"])
@pytest.mark.parametrize("others", ["d/e/x", "d/e/y", "d/y", "d"])
def test_threads_that_change_one_directory_lose_nothing_of_it(
    before: tuple[str, ...], adds: tuple[bool, bool], mine: str, others: str
) -> None:
    for at in range(1, 60):
        entries: Stepped[None] = Stepped()
        directories = Directories(entries)
        directories._inside = inside = Stepped(directories._inside)  # noqa: SLF001 - to come between
        for path in before:
            change(entries, directories, path, adds=True)
        other = partial(change, entries, directories, others, adds=adds[1])
        entries.steps = inside.steps = Steps(at, other)
        change(entries, directories, mine, adds=adds[0])
        entries.steps.left = 0
        assert sorted(directories.below("")) == sorted(entries)


def test_what_another_thread_records_meanwhile_is_not_forgotten() -> None:
    for at in range(1, 10):
        entries, old, new = Entries(), entry("put", 0.0), entry("put", 5.0)
        entries.record("d/a", old)
        entries._entries = stepped = Stepped(entries._entries)  # noqa: SLF001 - to come between
        entries._directories = Directories(stepped)  # noqa: SLF001
        entries._directories.added("d/a")  # noqa: SLF001
        stepped.steps = Steps(at, partial(entries.record, "d/a", new))
        entries.forget("d/a", old)
        is_recorded = stepped.steps.left <= 0
        stepped.steps.left = 0
        assert not is_recorded or entries.find("d/a") is new
        assert not is_recorded or entries.below("d", 0.0) == {"a": new}
