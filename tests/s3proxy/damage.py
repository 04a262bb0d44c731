"""What is done to requests, and how a test chooses which ones.

What fails is chosen by the number, the method and the target of a request, so that a run can be
repeated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Literal

Damage = Literal["cut", "cut-body", "lost", "busy", "truncated", "late", "twice"]
"""``cut`` and ``cut-body`` lose a request, ``lost`` and ``truncated`` its answer; ``busy`` is 503;
``late`` keeps a request back; ``twice`` is answered, and sent again when the test says so."""
DAMAGES: tuple[Damage, ...] = ("cut", "cut-body", "lost", "busy", "truncated", "late")
"""Those that a client must live with whatever it asked for; not so a write that comes twice."""


@dataclass(frozen=True)
class Asked:
    """One request, and what was done to it."""

    number: int
    method: str
    target: str
    damage: Damage | None


Choice = Callable[[int, str, str], Damage | None]
"""What to do to a request, by its number (from 1), method and target."""


def at(number: int, damage: Damage) -> Choice:
    """Do *damage* to one request."""
    return lambda now, _method, _target: damage if now == number else None


def first(matches: Callable[[str, str], bool], damage: Damage) -> Choice:
    """Do *damage* to the first request whose method and target match."""
    left = [damage]

    def choose(_: int, method: str, target: str) -> Damage | None:
        return left.pop() if left and matches(method, target) else None

    return choose


def now_and_then(share: float, seed: int, *damages: Damage) -> Choice:
    """Do one of *damages* to a share of the requests."""
    random = Random(seed)
    return lambda _number, _method, _target: (
        random.choice(damages) if random.random() < share else None
    )


def harmless(_number: int, _method: str, _target: str) -> None:
    """Do no damage."""
