"""``regstore demo``: an image goes in, in two processes, and comes out verified."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

import regstore
from regstore.cli.answers import answering
from regstore.cli.demo.story import NAME, Story
from regstore.cli.demo.tree import draw, paths_of
from regstore.cli.options import AsJson
from regstore.errors import ConfigurationError


def demo(
    root: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Keep the registry here; it must be empty.", show_default=False
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show in some seconds what a registry's storage does, with a real image, on a local disk.

    The image is made of files of this Python. It is pushed in chunks, begun in this process and
    finished in another one, tagged, moved by compare-and-swap, read back and signed; each line says
    what was proved. The registry lies in a temporary directory, removed at the end.
    """
    with answering(as_json=as_json) as answer, _place(root) as directory:
        with regstore.open(str(directory)) as registry:
            begun = registry.driver.runtime.monotonic()
            steps = []
            for step in Story(registry, directory).tell():
                steps.append(step)
                answer.show(f"{len(steps):2}. {step}")
            seconds = registry.driver.runtime.monotonic() - begun
        paths = paths_of(directory)
        answer.show("\nWhat it left:\n")
        answer.show(draw(str(directory), paths))
        answer.show(f"\nDone in {seconds:.1f} s. {_what_next(root)}")
        answer.give(
            {
                "root": str(root) if root else None,
                "repository": NAME,
                "steps": steps,
                "tree": paths,
                "seconds": round(seconds, 3),
            }
        )


@contextmanager
def _place(root: Path | None) -> Iterator[Path]:
    if root is None:
        with TemporaryDirectory(prefix="regstore-demo-") as directory:
            yield Path(directory)
        return
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        msg = f"{root} is not an empty directory: name one, or a new one"
        raise ConfigurationError(msg)
    yield root


def _what_next(root: Path | None) -> str:
    if root is None:
        return "The directory is gone now; --root DIR keeps it."
    return f"Look at it again with: regstore ls {root} {NAME}"
