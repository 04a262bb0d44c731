"""What nobody is prepared for: errors of no kind that the library has, and what never ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from regstore.errors import RegstoreError
from regstore.testing.simulation.loop import EndlessError, Loop, StuckError
from regstore.testing.simulation.violations import Violation
from regstore.testing.simulation.whereabouts import raised_at


class Mishaps:
    """What has happened of this in a run.

    :ivar violations: one for each.
    :ivar errors: what was raised, with the tracebacks.
    :ivar is_over: whether everybody has come to an end.
    """

    def __init__(self, loop: Loop) -> None:
        self.violations: list[Violation] = []
        self.errors: list[Exception] = []
        self.is_over: bool = True
        self._loop = loop

    @contextmanager
    def outlived(self, who: str) -> Iterator[None]:
        """Let *who* go on after any error: those of the library are in the ledger, for others."""
        try:
            yield
        except RegstoreError:
            pass
        except Exception as error:  # noqa: BLE001 - told
            text = f"{who} met {type(error).__name__}: {error}, raised {raised_at(error)}"
            self._note("error", text, error)

    @contextmanager
    def ended(self) -> Iterator[None]:
        """Notice who never comes to an end."""
        try:
            yield
        except (StuckError, EndlessError) as error:
            self.is_over = False
            self._note("endless", f"{error}; {', '.join(self._loop.whereabouts())}", error)

    def _note(self, invariant: str, text: str, error: Exception) -> None:
        self.errors.append(error)
        self.violations.append(Violation(invariant, text, "", self._loop.time))
