"""Progress on stderr, where somebody watches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from regstore import ocilayout
from regstore.oci import Descriptor


@contextmanager
def watching(verb: str) -> Iterator[ocilayout.Progress]:
    """Show a bar for a transfer of content while the block runs."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    )
    with bar:
        yield _Transfer(bar, bar.add_task(verb, total=0), verb).take


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show that something goes on while the block runs."""
    if not sys.stderr.isatty():
        yield
        return
    with Console(stderr=True).status(what):
        yield


@contextmanager
def telling(what: str) -> Iterator[Callable[[str], None]]:
    """Show that something goes on, and which part of it, while the block runs."""
    if not sys.stderr.isatty():
        yield lambda _part: None
        return
    with Console(stderr=True).status(what) as status:
        yield lambda part: status.update(f"{what}: {part}")


class _Transfer:
    """Adds up what is announced and what is done."""

    def __init__(self, bar: Progress, task: TaskID, verb: str) -> None:
        self._bar = bar
        self._task = task
        self._verb = verb
        self._total = 0
        self._done: dict[str, int] = {}

    def take(self, descriptor: Descriptor, done: int) -> None:
        if not done:
            self._total += descriptor.size
        more = done - self._done.get(descriptor.digest, 0)
        self._done[descriptor.digest] = done
        description = f"{self._verb} {descriptor.digest[:19]}"
        self._bar.update(self._task, total=self._total, advance=more, description=description)
