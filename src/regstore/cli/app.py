"""The commands, gathered."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from regstore.cli.commands import Commands
from regstore.cli.conformance import conformance
from regstore.cli.demo import demo
from regstore.cli.layouts import export_command, import_command
from regstore.cli.ls import ls
from regstore.cli.probe import probe

app: typer.Typer = typer.Typer(
    cls=Commands,
    help=(
        "Look into the storage of a container registry, and move images in and out of it. "
        "URL is a directory, file:///path, s3://bucket/prefix or any other fsspec URL. "
        "Exit codes: 0 done, 1 failed, 2 the command makes no sense like this, "
        "3 a clause of the contract is broken, 130 interrupted."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(demo)
app.command("import")(import_command)
app.command("export")(export_command)
app.command()(ls)
app.command()(probe)
app.command()(conformance)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"regstore {version('regstore')}")
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Take what stands before a command."""
