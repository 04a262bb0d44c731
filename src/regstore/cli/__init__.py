"""The command line, for those who run a registry: ``regstore --help``."""

from __future__ import annotations

import sys

_MISSING_EXTRA = (
    "regstore: the command line needs an extra: pip install 'regstore[cli]', "
    "or in a clone: pip install -e '.[cli]'"
)


def main() -> None:
    """Run the command line and exit with its code; see :mod:`regstore.cli.answers`."""
    try:
        from regstore.cli.app import app
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] not in {"rich", "typer"}:
            raise
        print(_MISSING_EXTRA, file=sys.stderr)
        sys.exit(2)
    app(prog_name="regstore")
