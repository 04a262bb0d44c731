"""How every command ends: with an exit code, and without a traceback for what users can mend."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Final, NoReturn, cast

import typer
from typer.core import TyperGroup
from typing_extensions import override

from regstore.cli.answers import Answer, ExitCode, note

_JSON: Final = "--json"
# typer brings its own click, or takes the installed one: this leads to either.
_UsageError: Final = cast("type[typer.BadParameter]", typer.BadParameter.__mro__[1])


class Commands(TyperGroup):
    """All commands, as one program."""

    @override
    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        *_rest: object,
        **_named: object,
    ) -> NoReturn:
        """Run a command and exit with its code."""
        given = list(sys.argv[1:] if args is None else args)
        try:
            sys.exit(super().main(given, prog_name, standalone_mode=False))
        except _UsageError as error:
            error.show()
            described = {"type": "UsageError", "message": error.format_message()}
            Answer(as_json=_JSON in given).give({"error": described})
            sys.exit(ExitCode.USAGE)
        except OSError as error:
            if error.filename is not None:
                raise
            _give_up_stdout(error)
            sys.exit(ExitCode.FAILED)


def _give_up_stdout(error: OSError) -> None:
    """Tell of *error*, and keep Python from trying again at its end, where it prints more."""
    note(f"the answer cannot be written to standard output: {error.strerror}")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
