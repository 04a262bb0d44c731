"""How commands answer: text or one JSON document on stdout, errors on stderr, an exit code."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import Final

import typer
from rich.console import Console, RenderableType

from regstore.errors import ConfigurationError, NameInvalidError, RegistryError, RegstoreError

_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


class ExitCode(IntEnum):
    """What the exit code says."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    BROKEN = 3
    INTERRUPTED = 130


class Answer:
    """What a command has to say.

    :param as_json: show nothing but one JSON document.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._console = Console(markup=False, highlight=False)

    def show(self, text: RenderableType) -> None:
        """Show a part of the answer to a person."""
        if not self.as_json:
            shown = printable(text) if isinstance(text, str) else text
            self._console.print(shown, soft_wrap=isinstance(text, str))

    def give(self, document: object) -> None:
        """Give the whole answer to a program; call it once."""
        if self.as_json:
            print(json.dumps(document, indent=2), flush=True)

    def fail(self, error: RegstoreError) -> typer.Exit:
        """Tell of *error*, and return what ends the command."""
        note(str(error))
        described = {"type": type(error).__name__, "message": str(error)}
        if isinstance(error, RegistryError):
            described["code"] = error.code
        self.give({"error": described})
        is_usage = isinstance(error, ConfigurationError | NameInvalidError)
        return typer.Exit(ExitCode.USAGE if is_usage else ExitCode.FAILED)


@contextmanager
def answering(*, as_json: bool) -> Iterator[Answer]:
    """Give what a command answers with; what goes wrong inside is told without a traceback."""
    answer = Answer(as_json=as_json)
    try:
        yield answer
    except RegstoreError as error:
        raise answer.fail(error) from error
    except KeyboardInterrupt as interruption:
        note("interrupted")
        answer.give({"error": {"type": "KeyboardInterrupt", "message": "interrupted"}})
        raise typer.Exit(ExitCode.INTERRUPTED) from interruption


def columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield *rows* under each other, never cut: digests are there to be copied."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def note(text: str) -> None:
    """Tell a person something that is no part of the answer."""
    print(f"regstore: {printable(text)}", file=sys.stderr)


def printable(text: str) -> str:
    """Return *text* without what could command a terminal: stores hold what anybody pushed."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)
