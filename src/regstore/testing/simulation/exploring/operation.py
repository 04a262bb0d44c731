"""What one process does to a store, what may come of it, and what holds once it is acknowledged."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from regstore import AsyncRegistry, Registry
from regstore.consistency import Checked, Retrying
from regstore.drivers.objects.driver import ObjectDriver
from regstore.errors import RegstoreError
from regstore.testing.objects import MemoryObjects
from regstore.testing.simulation.bucket import Bucket
from regstore.testing.simulation.process import Process
from regstore.testing.simulation.violations import Violation
from regstore.testing.simulation.whereabouts import raised_at
from regstore.testing.simulation.world import World

NAME: Final = "app"
"""The repository in which everything takes place."""

Run = Callable[[AsyncRegistry, str], Coroutine[Any, Any, object]]
"""Code of one process; it is told what the preparation has returned."""


@dataclass(frozen=True)
class Ending:
    """What has come of one operation or several.

    :ivar results: what each has returned, or the error that it has raised.
    :ivar bucket: the truth.
    :ivar told: what the operations were told.
    :ivar has_lost: whether an answer was lost.
    """

    results: tuple[object, ...]
    bucket: Bucket
    told: str
    has_lost: bool = False

    @cached_property
    def registry(self) -> Registry:
        """What a process sees that begins now; to be read only."""
        shown = MemoryObjects(self.bucket.contents, self.bucket.open_sessions, self.bucket.limits)
        return Registry(ObjectDriver(shown), read_only=True)


Check = Callable[[Ending], Iterator[Violation]]
"""Tells what is wrong."""


def nothing(ending: Ending) -> Iterator[Violation]:
    """Ask for nothing."""
    del ending
    yield from ()


@dataclass(frozen=True)
class Operation:
    """What one process does.

    :ivar run: does it.
    :ivar holds: what must hold once it was acknowledged, whatever others do at the same time.
    :ivar may_raise: what else may come of it where others are at work.
    :ivar repeated: what else may come of it where it was done before, unheard.
    :ivar overtaken: by what it says that somebody was at work at the same time, and that it can be
        done again; each of *may_raise*.
    """

    name: str
    run: Run
    holds: Check = nothing
    may_raise: tuple[type[RegstoreError], ...] = ()
    repeated: tuple[type[RegstoreError], ...] = ()
    overtaken: tuple[type[RegstoreError], ...] = ()

    async def perform(self, world: World, process: Process, told: str) -> object:
        """Do it as *process*; return what comes of it, errors too."""
        driver = Checked(Retrying(world.driver(process), limit=2))
        try:
            return await self.run(AsyncRegistry(driver), told)
        except Exception as error:  # noqa: BLE001 - judged, as what comes of it
            return error


def is_done(result: object) -> bool:
    """Return whether an operation was acknowledged."""
    return not isinstance(result, Exception)


def failure(who: str, result: object) -> str:
    """Return what *who* has raised, and where."""
    where = raised_at(result) if isinstance(result, BaseException) else "nowhere"
    return f"{who} has raised {type(result).__name__}: {result}, {where}"
