"""Switches for tests that show what each protection is good for: without it, something is lost.

Nothing of this can be reached through :class:`~regstore.policy.Policy` or any public name::

    with without("tombstone_check"), waiting(Waits(state=10.0, reach=30.0)):
        simulate()
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True, slots=True)
class Protections:
    """What writers and readers do so that nothing is lost; all of it, outside of tests.

    :ivar tombstone_check: a writer that has written its link looks whether its content is being
        collected.
    :ivar quarantine_read: what a link names and is not at its place is read from quarantine.
    :ivar saved_claim: a writer that cannot compare and swap a tombstone leaves a claim of its own.
    :ivar child_check: a manifest push looks whether what it refers to is being collected.
    :ivar late_check: a writer that was away for longer than collectors wait looks at its content.
    :ivar settled_claim: a claim on a store that lags is not counted on before collectors see it.
    :ivar startedat_first: the start of an upload is removed before all else of it.
    :ivar start_recheck: bytes of an upload are acknowledged once its start was seen after them.
    :ivar size_check: what was published is looked at before it is linked.
    """

    tombstone_check: bool = True
    quarantine_read: bool = True
    saved_claim: bool = True
    child_check: bool = True
    late_check: bool = True
    settled_claim: bool = True
    startedat_first: bool = True
    start_recheck: bool = True
    size_check: bool = True


@dataclass(frozen=True, slots=True)
class Waits:
    """How long collectors wait for writers; simulations have all of it shorter. In seconds.

    :ivar state: for so long it is believed that no collector is at work; one that begins waits
        longer than that before it condemns anything.
    :ivar reach: for a writer to finish what it has begun.
    """

    state: float = 60.0
    reach: float = 15 * 60.0


_ALL: Final = Protections()
_USUAL: Final = Waits()
_IN_FORCE: ContextVar[Protections] = ContextVar("protections", default=_ALL)
_WAITS: ContextVar[Waits] = ContextVar("waits", default=_USUAL)


def protections() -> Protections:
    """Return what holds in this context."""
    return _IN_FORCE.get()


@contextmanager
def without(*names: str) -> Iterator[None]:
    """Switch protections off in this context and what is begun in it, until the block ends.

    :raises TypeError: there is no such protection.
    """
    before = _IN_FORCE.set(replace(protections(), **dict.fromkeys(names, False)))
    try:
        yield
    finally:
        _IN_FORCE.reset(before)


def waits() -> Waits:
    """Return how long collectors wait in this context."""
    return _WAITS.get()


@contextmanager
def waiting(other: Waits) -> Iterator[None]:
    """Let collectors wait as *other* says in this context and what is begun in it."""
    before = _WAITS.set(other)
    try:
        yield
    finally:
        _WAITS.reset(before)
