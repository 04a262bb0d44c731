"""What drivers and stores refuse to be told, so that no test passes because nothing ever fails."""

from __future__ import annotations

import math
from collections.abc import Collection

from regstore.testing.faults.intercepted import CALLS


def require_calls(methods: Collection[str]) -> None:
    """Refuse what is the name of no storage call.

    :raises ValueError: one is not among :data:`~regstore.testing.faults.intercepted.CALLS`.
    """
    for each in methods:
        if each not in CALLS:
            known = ", ".join(sorted(CALLS))
            raise ValueError(f"methods: {each!r} is no storage call; there are {known}")


def require_known(name: str, value: object, choices: Collection[str]) -> None:
    """Refuse what is none of *choices*.

    :raises ValueError: it is not.
    """
    if value not in choices:
        known = ", ".join(map(repr, choices))
        raise ValueError(f"{name}={value!r} is not known; there are {known}")


def require_shares(**shares: float) -> None:
    """Refuse what is no share.

    :raises ValueError: one is not from 0 to 1.
    """
    for name, value in shares.items():
        if not 0 <= value <= 1:
            raise ValueError(f"{name}={value!r} is no share: give a number from 0 to 1")


def require_counts(**counts: int) -> None:
    """Refuse what there cannot be so many of.

    :raises ValueError: one is no whole number above 0.
    """
    for name, value in counts.items():
        if value < 1 or value != int(value):
            raise ValueError(f"{name}={value!r} is no count: give a whole number, 1 or more")


def require_times(**times: float) -> None:
    """Refuse what is no time, nor a factor of one.

    :raises ValueError: one is below 0, or not finite.
    """
    for name, value in times.items():
        if not 0 <= value < math.inf:
            raise ValueError(f"{name}={value!r} is out of range: give a finite number, 0 or more")
