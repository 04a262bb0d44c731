"""What is wrong with a run, or with what it left."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken promise.

    :ivar invariant: its number, such as ``"I3"``; what each means is told where it is checked.
    :ivar text: what is wrong, for a person to read.
    :ivar key: the object or the tag that shows it; ``""`` where none does.
    :ivar time: when it was seen, in seconds since the start; ``None`` where it is what was left.
    """

    invariant: str
    text: str
    key: str
    time: float | None = None
