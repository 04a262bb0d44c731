"""The command line, for those who run a registry: ``regstore --help``."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its code; see :mod:`regstore.cli.answers`."""
    try:
        from regstore.cli.app import app
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] not in {"rich", "typer"}:
            raise
        sys.exit("regstore: the command line needs an extra: pip install 'regstore[cli]'")
    app(prog_name="regstore")
