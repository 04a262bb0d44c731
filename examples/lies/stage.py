"""What every scene needs: processes on a simulated store, and a note of what they see."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

from typing_extensions import override

from regstore import AsyncRegistry, AsyncRepository, layout
from regstore.consistency import Layers
from regstore.driver import StorageDriver
from regstore.errors import RegstoreError
from regstore.testing.simulation import Crashed, Crashing, Knobs, Process, Request, Trace, World
from regstore.testing.simulation.network import Network, RandomNetwork, no_crashes
from regstore.testing.simulation.violations import Violation

T = TypeVar("T")

REPOSITORY = "app"
TAG = layout.TagCurrentLink(REPOSITORY, "latest").path


@dataclass
class Scene:
    """A run, and what was wrong with it.

    :ivar keys: what its diagram is about.
    :ivar final: what the store held in the end, by key.
    :ivar seen: by process, whether each of its reads has shown the newest version.
    """

    title: str
    keys: tuple[str, ...]
    trace: Trace
    wrong: list[Violation] = field(default_factory=list)
    final: dict[str, bytes] = field(default_factory=dict)
    seen: dict[str, list[bool]] = field(default_factory=dict)


class Stage:
    """A simulated store, and those who use it.

    :param chosen: requests whose fate *fate* decides, instead of *knobs*.
    """

    def __init__(
        self,
        knobs: Knobs,
        *,
        seed: int = 1,
        crashing: Crashing = no_crashes,
        chosen: Callable[[Request], bool] | None = None,
        fate: Knobs | None = None,
    ) -> None:
        self.world = World(seed, knobs, crashing)
        self.wrong: list[Violation] = []
        if chosen is not None and fate is not None:
            self.world.network = _Fated(self.world, chosen, fate)

    def process(self, name: str) -> Process:
        """Begin a process."""
        return self.world.process(name)

    def driver(self, process: Process, *, layer: bool) -> StorageDriver:
        """Return the store as *process* uses it: as ``regstore.open`` wraps a bucket, or bare."""
        driver = self.world.driver(process)
        return Layers.needed_by(driver, remote=True).around(driver) if layer else driver

    def repository(self, process: Process, *, layer: bool) -> AsyncRepository:
        """Return a repository on :meth:`driver`."""
        return AsyncRegistry(self.driver(process, layer=layer)).repository(REPOSITORY)

    def run(self, *parts: tuple[Process, Coroutine[Any, Any, object]]) -> None:
        """Run all of *parts* at once, until they have ended."""
        tasks = [self.world.loop.spawn(coro, process, process.name) for process, coro in parts]
        for task in tasks:
            try:
                self.world.loop.run(task)
            except Crashed:
                continue

    def rest(self) -> None:
        """Wait until nothing is under way any more."""
        self.world.loop.drain()

    async def sleep_until(self, time: float) -> None:
        """Wait until *time*, in seconds since the start."""
        await self.world.loop.sleep(time - self.world.loop.time)

    async def attempt(
        self, process: Process, work: Awaitable[object], done: str, refusal: type[RegstoreError]
    ) -> bool:
        """Await *work*, and note that *process* has *done* it, or what it is told instead."""
        try:
            await work
        except refusal as error:
            self.note(process, type(error).__name__)
            return False
        self.note(process, done)
        return True

    def note(self, process: Process, text: str) -> None:
        """Note in the trace what *process* sees."""
        self.world.trace.note(self.world.loop.time, process.name, text)

    def break_promise(self, promise: str, text: str, key: str = TAG) -> None:
        """Record that *promise* was broken just now."""
        self.wrong.append(Violation(promise, text, key, self.world.loop.time))

    def content(self, key: str) -> bytes | None:
        """Return what *key* truly is now."""
        content = self.world.bucket.contents.get(key)
        return None if content is None else content.data

    def scene(self, title: str, *keys: str) -> Scene:
        """End the run, and return it."""
        self.world.loop.close()
        final = {key: content.data for key, content in self.world.bucket.contents.items()}
        return Scene(title, keys, self.world.trace, self.wrong, final)


class _Fated(Network):
    """Has the fate of some requests decided by other knobs."""

    def __init__(self, world: World, chosen: Callable[[Request], bool], fate: Knobs) -> None:
        super().__init__(world.loop, world.trace)
        random = Random(world.seed)  # noqa: S311 - no secret
        self._fated = RandomNetwork(world.loop, world.trace, fate, random)
        self._others = world.network
        self._chosen = chosen

    @override
    async def carry(self, process: Process, request: Request, effect: Callable[[], T]) -> T:
        network = self._fated if self._chosen(request) else self._others
        return await network.carry(process, request, effect)


def index(note: str) -> bytes:
    """Return a manifest that refers to nothing, different for each *note*."""
    media_type = "application/vnd.oci.image.index.v1+json"
    fields = {"schemaVersion": 2, "mediaType": media_type, "manifests": []}
    return json.dumps(fields | {"annotations": {"note": note}}).encode()


def is_nth(number: int, process: str, name: str, key: str) -> Callable[[Request], bool]:
    """Return what tells the *number*-th such request of *process* from all others."""
    met: list[int] = []

    def is_it(request: Request) -> bool:
        if (request.process, request.name, request.key) != (process, name, key):
            return False
        met.append(request.number)
        return len(met) == number

    return is_it
