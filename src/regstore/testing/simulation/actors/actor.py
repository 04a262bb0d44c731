"""One process that uses the registry: what all kinds of actors share."""

from __future__ import annotations

from collections.abc import Awaitable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, TypeVar

from regstore import AsyncRegistry, AsyncRepository
from regstore.catalog import AsyncRepositories
from regstore.consistency import deadline
from regstore.driver import StorageDriver
from regstore.layout import Stage
from regstore.testing.simulation.keyspace import BLOBS, IMAGES, REPOSITORIES, TAGS, Blob, Image
from regstore.testing.simulation.loop import Loop, Promise
from regstore.testing.simulation.operations import Kind, Ledger, Operation
from regstore.testing.simulation.pace import Pace
from regstore.testing.simulation.process import Process
from regstore.testing.simulation.scenario import Step

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class KnownUpload:
    """An upload that anybody may go on with.

    :ivar blob: what it is meant to become.
    """

    repository: str
    upload_id: str
    blob: Blob


@dataclass(slots=True)
class Board:
    """Where the actors tell each other what they have begun.

    :ivar pace: of collectors.
    :ivar sent: where the last bytes began that were sent to each upload, by its id.
    """

    loop: Loop
    pace: Pace | None = None
    uploads: list[KnownUpload] = field(default_factory=list)
    sent: dict[str, int] = field(default_factory=dict)
    _stages: dict[Stage, Promise[None]] = field(default_factory=dict)

    def collecting(self) -> Pace:
        """Return the pace of collectors.

        :raises LookupError: the scenario has none.
        """
        if self.pace is None:
            msg = "a scenario with steps of collectors needs a pace"
            raise LookupError(msg)
        return self.pace

    def stage(self, stage: Stage) -> Promise[None]:
        """Return what is settled as soon as a collector begins with *stage* for any digest."""
        return self._stages.setdefault(stage, Promise(self.loop))

    def tell(self, stage: Stage) -> None:
        """Let those go on who wait for *stage*."""
        if stage in self._stages:
            self._stages.pop(stage).settle(None)


class Actor:
    """A process with a registry of its own.

    :param driver: the driver with all its wrappers.
    :param store: the driver alone, for those who are not this library.
    """

    def __init__(
        self,
        process: Process,
        driver: StorageDriver,
        store: StorageDriver,
        ledger: Ledger,
        board: Board,
    ) -> None:
        self.process: Process = process
        self.driver: StorageDriver = driver
        self.store: StorageDriver = store
        self.board: Board = board
        self._ledger = ledger
        self._registry = AsyncRegistry(driver)

    def repository(self, name: str) -> AsyncRepository:
        """Return the repository *name*, as this process sees it."""
        return self._registry.repository(name)

    @property
    def repositories(self) -> AsyncRepositories:
        """The repositories, as this process sees them."""
        return self._registry.repositories

    async def call(
        self,
        call: Awaitable[T],
        kind: Kind,
        name: str,
        subject: str,
        step: Step,
        **facts: Any,  # noqa: ANN401 - fields of an Operation
    ) -> T:
        """Await *call*, within the limit of *step*, and write down how it went."""
        operation = Operation(
            self.process.name, kind, name, str(subject), limit=step.limit, **facts
        )
        runtime = self.driver.runtime
        limit = nullcontext() if step.limit is None else deadline(runtime, step.limit)
        with limit:
            return await self._ledger.record(operation, call)


def name_of(step: Step) -> str:
    """Return the repository of *step*."""
    return REPOSITORIES[step.repository % len(REPOSITORIES)]


def tag_of(step: Step) -> str:
    """Return the tag of *step*."""
    return TAGS[step.tag % len(TAGS)]


def image_of(step: Step) -> Image:
    """Return the image of *step*."""
    return IMAGES[step.item % len(IMAGES)]


def blob_of(step: Step) -> Blob:
    """Return the blob of *step*."""
    return BLOBS[step.item % len(BLOBS)]
