"""Where registries of the tests lie, with a back door to what they store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from anyio.from_thread import BlockingPortal
from typing_extensions import override

from regstore import AsyncRegistry, Registry, Repository
from regstore._clock import Clock
from regstore._run import BlockingRuntime
from regstore.driver import StorageDriver
from regstore.drivers.local import LocalDriver
from regstore.drivers.memory import MemoryDriver
from regstore.errors import PathNotFoundError
from regstore.events import Event
from regstore.policy import Policy
from tests.facade import plain

SCRATCH = ".regstore-tmp"
"""Where a local driver keeps temporary files; the directory itself may stay."""


class VirtualClock(Clock):
    """Stands still until it is set forward.

    :ivar ahead: seconds by which the time of day is wrong.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.ahead = 0.0

    @override
    def now(self) -> datetime:
        since = timedelta(seconds=self.seconds + self.ahead)
        return datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC) + since

    @override
    def monotonic(self) -> float:
        return self.seconds


class VirtualRuntime(BlockingRuntime):
    """Sleeps in no time: the clock goes on instead.

    :ivar plans: what happens, and at which second; each happens in the sleep that reaches it.
    """

    def __init__(self) -> None:
        self.clock = VirtualClock()
        super().__init__(self.clock)
        self.plans: list[tuple[float, Callable[[], object]]] = []

    @override
    async def sleep(self, seconds: float) -> None:
        self.clock.seconds += seconds
        while self.plans and self.plans[0][0] <= self.clock.seconds:
            _, act = self.plans.pop(0)
            act()


class Recorder:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def notify(self, event: Event) -> None:
        self.events.append(event)


@dataclass
class Place:
    """A store, and the registries that are opened over it.

    :ivar driver: a blocking one.
    :ivar root: its directory, where it has one.
    :ivar portal: where asynchronous registries run; without it they are blocking ones.
    """

    driver: StorageDriver
    root: Path | None = None
    portal: BlockingPortal | None = None
    observer: Recorder = field(default_factory=Recorder)

    def open(self, policy: Policy | None = None, *, read_only: bool = False) -> Registry:
        """Open another registry over the same store."""
        if self.portal is None:
            return Registry(self.driver, policy=policy, observer=self.observer, read_only=read_only)
        core = AsyncRegistry(
            self.driver, policy=policy, observer=self.observer, read_only=read_only
        )
        return plain(core, self.portal)

    def repository(self, name: str = "library/app") -> Repository:
        """Open another registry over the same store, and one repository of it."""
        return self.open().repository(name)

    def read(self, path: str) -> bytes:
        return self.driver.runtime.run(self.driver.get_content(path)).data

    def has(self, path: str) -> bool:
        try:
            self.driver.runtime.run(self.driver.stat(path))
        except PathNotFoundError:
            return False
        return True

    def write(self, path: str, data: bytes) -> None:
        """Store *data* as other software would."""
        if self.root is None:
            self.driver.runtime.run(self.driver.put_content(path, data))
        else:
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_bytes(data)

    def delete(self, path: str) -> None:
        self.driver.runtime.run(self.driver.delete(path))

    def files(self) -> dict[str, bytes]:
        """What is stored, by path; of a directory all that is in it, hidden files too."""
        if self.root is not None:
            return files_below(self.root)
        paths = [info.path for info in self.driver.runtime.iterate(self.driver.walk(""))]
        return {path: self.read(path) for path in paths}


def files_below(root: Path) -> dict[str, bytes]:
    """Return every file below *root*, and every empty directory, whose path ends in a slash."""
    return {
        f"{path.relative_to(root)}{'/' if path.is_dir() else ''}": _content(path)
        for path in root.rglob("*")
        if path != root / SCRATCH and not (path.is_dir() and any(path.iterdir()))
    }


def _content(path: Path) -> bytes:
    return b"" if path.is_dir() else path.read_bytes()


def memory(runtime: BlockingRuntime | None = None) -> Place:
    return Place(MemoryDriver(runtime=runtime))


def local(root: Path, runtime: BlockingRuntime | None = None) -> Place:
    return Place(LocalDriver(root, runtime=runtime), root)
