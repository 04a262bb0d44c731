"""``regstore conformance``: hold a store to the contract."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress

from regstore.cli.answers import ExitCode, answering, columns
from regstore.cli.options import AsJson, StorageOptions, Url, parse_storage_options
from regstore.drivers import open_driver
from regstore.errors import ConfigurationError
from regstore.testing.interruption import interruptible

if TYPE_CHECKING:
    from regstore.testing import ClauseResult

_OUTCOMES = ("kept", "broken", "not tested")


def conformance(
    url: Url,
    clause: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NUMBER",
            help="Prove this clause only, such as W3. Repeatable.",
            show_default=False,
        ),
    ] = None,
    junit: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write JUnit XML there, too.", show_default=False),
    ] = None,
    storage_option: StorageOptions = None,
    as_json: AsJson = False,
) -> None:
    """Prove a store against the storage contract, clause by clause.

    Works below a fresh prefix, which is removed at the end, also after Ctrl-C. Says of each clause
    whether it is kept, broken or not tested, and what was seen: what failed, or why something of it
    could not be asked. The exit code is 3 where one is broken.
    """
    with answering(as_json=as_json) as answer:
        options = parse_storage_options(storage_option)
        only = [each.upper() for each in clause or ()]
        if junit is not None and not junit.absolute().parent.is_dir():
            raise ConfigurationError(f"--junit: there is no directory {junit.absolute().parent}")
        results = _prove(url, options, only)
        if junit is not None:
            _write_junit(junit, results)
        rows = [(each.clause, each.outcome, each.title, each.seen) for each in results]
        for line in columns(rows):
            answer.show(line)
        counts = Counter[str](result.outcome for result in results)
        answer.show(", ".join(f"{counts[outcome]} {outcome}" for outcome in _OUTCOMES))
        answer.give({"clauses": [asdict(result) for result in results]})
        if counts["broken"]:
            raise typer.Exit(ExitCode.BROKEN)


def _prove(url: str, options: dict[str, object], only: Sequence[str]) -> list[ClauseResult]:
    try:
        from regstore.testing import run_conformance
    except ModuleNotFoundError as error:
        msg = "the conformance suite needs an extra: pip install 'regstore[testing]'"
        raise ConfigurationError(msg) from error
    store = (lambda: open_driver(url, storage_options=options)) if options else url
    with interruptible() as interruption, _counting() as count:

        def progress(done: int, total: int) -> None:
            count(done, total)
            interruption.raise_if_asked()

        return run_conformance(store, only=only, progress=progress)
    raise KeyboardInterrupt


def _write_junit(file: Path, results: Sequence[ClauseResult]) -> None:
    from regstore.testing.junit import as_junit

    try:
        file.write_bytes(as_junit(results))
    except OSError as error:
        raise ConfigurationError(f"--junit: {file} cannot be written: {error.strerror}") from error


@contextmanager
def _counting() -> Iterator[Callable[[int, int], None]]:
    """Show how many tests are done while the block runs."""
    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    stderr = Console(stderr=True)
    bar = Progress(*columns, console=stderr, disable=not sys.stderr.isatty(), transient=True)
    with bar:
        task = bar.add_task("proving")
        yield lambda done, total: bar.update(task, completed=done, total=total)
