"""What the commands of the simulator have in common."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, NoReturn, Protocol, TypeVar

from regstore.testing.interruption import Interruption


class Named(Protocol):
    """Something that is chosen by its name."""

    @property
    def name(self) -> str:
        """What a part of is asked for."""
        ...


INTERRUPTED: Final = 130
"""The exit code of what was interrupted: 128 and the number of SIGINT."""

N = TypeVar("N", bound=Named)
V = TypeVar("V")


def positive(text: str) -> int:
    """Read an integer above 0.

    :raises argparse.ArgumentTypeError: it is none.
    """
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no integer above 0")
    return int(text)


def add_store(parser: argparse.ArgumentParser, stores: Collection[str]) -> None:
    """Let one of *stores* be asked for."""
    parser.add_argument(
        "--store",
        choices=["all", *stores],
        default="all",
        help="only on this one (default: %(default)s)",
    )


def chosen(stores: Mapping[str, V], asked: str) -> dict[str, V]:
    """Return those that ``--store`` asks for."""
    return {name: store for name, store in stores.items() if asked in {"all", name}}


def with_part(parser: argparse.ArgumentParser, choices: Sequence[N], part: str) -> list[N]:
    """Return those whose names have *part* in them; let *parser* refuse it where there are none."""
    found = [each for each in choices if part in each.name]
    if not found:
        names = "; ".join(dict.fromkeys(each.name for each in choices))
        parser.error(f"no name has {part!r} in it; there are: {names}")
    return found


@contextmanager
def named(what: str) -> Iterator[None]:
    """Say *what* it was before a traceback that ends all, also where somebody interrupts it."""
    try:
        yield
    except BaseException:
        say(f"{what}\n")
        raise


def say(text: str) -> None:
    """Write *text*, and let whoever reads along see it."""
    sys.stdout.write(text)
    sys.stdout.flush()


def end(interruption: Interruption, *, is_well: bool) -> NoReturn:
    """Exit with the code of what has happened."""
    if interruption.is_asked:
        say("interrupted: that is what was done until now\n")
        sys.exit(INTERRUPTED)
    sys.exit(not is_well)
