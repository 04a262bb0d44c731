"""Ctrl-C, where much is done in small steps: it ends after the present one."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


class Interruption:
    """Whether Ctrl-C was pressed."""

    def __init__(self) -> None:
        self.is_asked = False

    def asks(self) -> bool:
        """Return whether to end before the next step."""
        return self.is_asked

    def raise_if_asked(self) -> None:
        """End what is inside.

        :raises KeyboardInterrupt: Ctrl-C was pressed.
        """
        if self.is_asked:
            raise KeyboardInterrupt


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Let Ctrl-C ask for an end, and end what is inside at once where it is pressed again.

    An exception of a signal is raised anywhere: the first one could be lost in a ``__del__``.
    """
    interruption = Interruption()

    def ask(*_: object) -> None:
        interruption.is_asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield interruption
    except KeyboardInterrupt:
        interruption.is_asked = True
    finally:
        signal.signal(signal.SIGINT, before)
