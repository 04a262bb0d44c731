"""What is wrong with a run, or with what it left."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_DIGEST: Final = re.compile(r"\b(?:[a-z0-9]+:)?([0-9a-f]{8})[0-9a-f]{24,}\b")


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

    def __str__(self) -> str:
        text = _DIGEST.sub(r"\1", self.text)
        return f"{self.invariant}: {text}"
