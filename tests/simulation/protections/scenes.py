"""Scenes that take a moment which chance seldom meets."""

from __future__ import annotations

from collections.abc import Coroutine
from itertools import product
from typing import Any, Final, TypeVar

from regstore import AsyncRegistry, AsyncRepository
from regstore.consistency import Layers, deadline
from regstore.digest import Digest
from regstore.errors import CorruptContentError, NotYetVisibleError, RegistryError
from regstore.layout import RepositoryRoot, TagCurrentLink, link_body, parse_link
from regstore.testing.simulation import Knobs, World
from regstore.testing.simulation.exploring.on_tags import NEW, OLD, TAG
from regstore.testing.simulation.exploring.operation import NAME

T = TypeVar("T")

_CURRENT: Final = TagCurrentLink(NAME, TAG).path


class Ground:
    """A store, and processes on it, each with a registry of its own."""

    def __init__(self, seed: int, knobs: Knobs) -> None:
        self.world = World(seed, knobs)
        self.writer = self.world.process("writer")
        registry = self.registry()
        self.repositories = registry.repositories
        self.repository: AsyncRepository = registry.repository(NAME)

    def registry(self) -> AsyncRegistry:
        """Return the registry as a new process sees it."""
        driver = self.world.driver(self.world.process("another"))
        layers = Layers.needed_by(driver, self.world.knobs.consistency, remote=True)
        return AsyncRegistry(layers.around(driver))

    def run(self, scene: Coroutine[Any, Any, T]) -> T:
        """Play it to the end."""
        return self.world.loop.run(self.world.loop.spawn(scene, self.writer, "scene"))


def own_race(seed: int) -> bool:
    """Set tags to two things at once; return whether one's own process misses what one became."""
    ground = Ground(seed, Knobs(latency=1.0, stale_get=2.0, unique_versions=True))
    tags, runtime = ground.repository.tags, ground.world.runtime(ground.writer)
    digests = [Digest.of(OLD), Digest.of(NEW)]
    names = [f"v{number}" for number in range(8)]

    async def play() -> list[str]:
        for body in (OLD, NEW):
            await ground.repository.manifests.put(body)
        await runtime.map(lambda each: tags.set(*each), list(product(names, digests)))
        await runtime.sleep(ground.world.knobs.bound)
        return [await tags.get(name) for name in names]

    found, contents = ground.run(play()), ground.world.bucket.contents
    links = [contents[TagCurrentLink(NAME, name).path] for name in names]
    return found != [parse_link(link.data) for link in links]


def no_time_left(seed: int) -> bool:
    """Read what one has written, with less time than the store may lag; return whether it fails."""
    ground = Ground(seed, Knobs(stale_get=10.0, stale_head=10.0))
    repository, runtime = ground.repository, ground.world.runtime(ground.writer)

    async def play() -> bool:
        await repository.manifests.put(OLD, tags=[TAG])
        try:
            with deadline(runtime, 2.0):
                await repository.tags.get(TAG)
        except NotYetVisibleError:
            return True
        return False

    return ground.run(play())


def soon_elsewhere(seed: int) -> bool:
    """Pull what another process has just pushed, where the store shows what is new at once.

    Unless it was asked for that before: it remembers what it has missed, as S3 did until 2020.
    """
    knobs = Knobs(stale_get=5.0, stale_head=5.0, negative=20.0, new_is_seen=True)
    ground = Ground(seed, knobs)

    async def play() -> bool:
        await ground.repository.blobs.put(OLD)
        await ground.repository.manifests.put(NEW, tags=[TAG])
        begun = ground.world.loop.time
        try:
            repository = ground.registry().repository(NAME)
            await repository.manifests.get(TAG)
            await repository.blobs.get(Digest.of(OLD))
        except RegistryError:
            return True
        return ground.world.loop.time - begun > knobs.stale_get

    return ground.run(play())


def swept_repository(seed: int) -> bool:
    """Delete a repository that one has just pushed to; return whether any of it is left."""
    ground = Ground(seed, Knobs(stale_list=5.0))

    async def play() -> None:
        await ground.repository.manifests.put(OLD, tags=[TAG])
        await ground.repositories.delete(NAME)

    ground.run(play())
    root = f"{RepositoryRoot(NAME).path}/"
    return any(key.startswith(root) for key in ground.world.bucket.contents)


def copied_at_once(seed: int) -> bool:
    """Copy what one has just replaced; return whether what was there before is copied."""
    ground = Ground(seed, Knobs(stale_get=5.0, stale_copies=True, unique_versions=True))
    bare, runtime = ground.world.driver(ground.writer), ground.world.runtime(ground.writer)
    driver = Layers.needed_by(bare, remote=True).around(bare)

    async def play() -> None:
        await driver.put_content("a", b"old")
        await runtime.sleep(ground.world.knobs.bound)
        await driver.put_content("a", b"new")
        await driver.copy("a", "b")

    ground.run(play())
    return ground.world.bucket.contents["b"].data != b"new"


def truncated_links(seed: int) -> bool:
    """Read a tag that another registry sets, which truncates it first; return whether it fails."""
    ground = Ground(seed, Knobs())
    runtime, stock = ground.world.runtime(ground.writer), ground.world.driver(ground.writer)

    async def tag_in_place() -> None:
        for body in (OLD, NEW) * 5:
            await stock.put_content(_CURRENT, b"")
            await runtime.sleep(0.3)
            await stock.put_content(_CURRENT, link_body(Digest.of(body)))
            await runtime.sleep(1.0)

    async def read() -> bool:
        for _ in range(100):
            try:
                await ground.repository.tags.get(TAG)
            except CorruptContentError:
                return True
        return False

    async def play() -> bool:
        await ground.repository.manifests.put(OLD, tags=[TAG])
        is_torn, _ = await runtime.both(read(), tag_in_place())
        return is_torn

    return ground.run(play())
