"""Whether what clients saw of one register can have happened one after the other.

The search of Wing and Gong with the memory of Lowe: it takes the operations in every order that
agrees with real time, and goes on from each pair of operations taken and value only once.
Source: G. Lowe, Testing for linearizability, Concurrency and Computation 29(4), 2017.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from typing_extensions import override

Value = str
"""What the register holds; ``""`` where it holds nothing."""


class Effect(ABC):
    """What an operation sees and does at the one moment at which it happens."""

    @abstractmethod
    def after(self, value: Value) -> tuple[Value, ...]:
        """Return what the register may hold after it; nothing where it cannot happen at *value*."""


@dataclass(frozen=True, slots=True)
class Read(Effect):
    """Sees *found*."""

    found: Value

    @override
    def after(self, value: Value) -> tuple[Value, ...]:
        return (value,) if value == self.found else ()


@dataclass(frozen=True, slots=True)
class Write(Effect):
    """Leaves *new*, whatever was there."""

    new: Value

    @override
    def after(self, value: Value) -> tuple[Value, ...]:
        return (self.new,)


@dataclass(frozen=True, slots=True)
class Swap(Effect):
    """Replaces *old* by *new*; finding *new* is success."""

    old: Value
    new: Value

    @override
    def after(self, value: Value) -> tuple[Value, ...]:
        return (self.new,) if value in {self.old, self.new} else ()


@dataclass(frozen=True, slots=True)
class Event:
    """An operation on the register, between two moments.

    :ivar must: it has happened; else it may have.
    :ivar repeats: it may have happened any number of times.
    """

    effect: Effect
    invoked: float
    returned: float
    must: bool = True
    repeats: bool = False


def is_linearizable(events: Sequence[Event]) -> bool:
    """Return whether there is an order of *events*, beginning with an empty register."""
    search = _Search(sorted(events, key=lambda event: event.invoked))
    return search.finds_order()


class _Search:
    """Depth first; what is taken is a bit of a mask."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._events = events
        self._must = sum(1 << index for index, event in enumerate(events) if event.must)
        self._seen: set[tuple[int, Value]] = set()

    def finds_order(self) -> bool:
        waiting: list[tuple[int, float, Value]] = [(0, 0.0, "")]
        while waiting:
            taken, now, value = waiting.pop()
            if taken & self._must == self._must:
                return True
            if (taken, value) not in self._seen:
                self._seen.add((taken, value))
                waiting += self._next(taken, now, value)
        return False

    def _next(self, taken: int, now: float, value: Value) -> list[tuple[int, float, Value]]:
        """Return what the search can go on with.

        :param now: the latest beginning of what was taken: what has ended before that is too late.
        """
        found = []
        for index in self._possible(taken, now):
            event = self._events[index]
            bit = 0 if event.repeats else 1 << index
            for after in event.effect.after(value):
                if after == value and not event.must:
                    continue  # it would change nothing, and need not have happened
                step = taken | bit, max(now, event.invoked), after
                if after == value and isinstance(event.effect, Read):
                    return [step]  # nothing is lost by taking at once what fits
                found.append(step)
        return found

    def _possible(self, taken: int, now: float) -> list[int]:
        """Return the events that may be next: nothing else had to come before they began."""
        first_end = float("inf")
        possible = []
        for index, event in enumerate(self._events):
            if event.invoked > first_end:
                break
            if taken >> index & 1:
                continue
            if event.must:
                first_end = min(first_end, event.returned)
            if event.must or event.returned >= now:
                possible.append(index)
        return [index for index in possible if self._events[index].invoked <= first_end]
