"""The moment by which every storage call of a request must have ended, handed down unseen (X7)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from regstore._run import Runtime

MOMENT: Final = 1e-6
"""Seconds that tell before from after: sums of floats are off by less."""

_ENDS: ContextVar[float | None] = ContextVar("regstore_deadline", default=None)


@contextmanager
def deadline(runtime: Runtime, seconds: float) -> Iterator[None]:
    """Let no storage call made in this context, or in tasks begun in it, outlast *seconds*.

    Within another one the earlier of the two holds. :class:`~regstore.consistency.Retrying` keeps
    it: it begins nothing and sleeps for nothing that would end later, and cancels what is under way
    then, which raises :exc:`TransientError`. Where calls block they cannot be cancelled: the one
    under way ends by its driver's own time limits. What cleans up (``cancel`` and ``aclose``) is
    not held to it.

    :param runtime: the driver's; its clock is meant.
    """
    ends = runtime.monotonic() + seconds
    outer = _ENDS.get()
    token = _ENDS.set(ends if outer is None else min(outer, ends))
    try:
        yield
    finally:
        _ENDS.reset(token)


@contextmanager
def no_deadline() -> Iterator[None]:
    """Let what cleans up take the time that it needs."""
    token = _ENDS.set(None)
    try:
        yield
    finally:
        _ENDS.reset(token)


def ends_at() -> float | None:
    """Return the ``monotonic()`` time of this context's deadline; ``None`` where it has none."""
    return _ENDS.get()


def time_left(runtime: Runtime) -> float | None:
    """Return the seconds until this context's deadline, 0 once it has passed, ``None`` without."""
    ends = _ENDS.get()
    return None if ends is None else max(0.0, ends - runtime.monotonic())


async def sleep_in_time(runtime: Runtime, seconds: float) -> bool:
    """Sleep, and return whether there was time: no where this context's deadline comes first."""
    left = time_left(runtime)
    if left is not None and left <= seconds:
        return False
    await runtime.sleep(seconds)
    return True
