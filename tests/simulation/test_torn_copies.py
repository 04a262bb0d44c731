"""A store that puts down less than it copies, and says that all is well."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from regstore.driver import FileWriter
from regstore.errors import TransientError
from regstore.testing.simulation import Knobs, World
from regstore.testing.simulation.running import draw, simulate

T = TypeVar("T")

DATA = bytes(range(200))
LAGGING = Knobs(torn_copies=1.0, stale_head=2.0)


class Ground:
    """A world, one process in it, and its driver."""

    def __init__(self, knobs: Knobs) -> None:
        self.world = World(1, knobs)
        self.process = self.world.process("p")
        self.driver = self.world.driver(self.process)

    def run(self, coro: Coroutine[Any, Any, T]) -> T:
        return self.world.loop.run(self.world.loop.spawn(coro, self.process, "p"))

    def put(self, path: str, data: bytes) -> None:
        self.run(self.driver.put_content(path, data))

    def get(self, path: str) -> bytes:
        return self.run(self.driver.get_content(path)).data

    async def sent(self) -> None:
        """Send the data straight to its place."""
        writer = await self.driver.writer("upload", destination="blob")
        await writer.write(DATA)
        await writer.commit("blob")

    def parked(self, *pieces: bytes) -> FileWriter:
        """Park *pieces*, each by itself, and go on."""

        async def work() -> FileWriter:
            for piece in pieces:
                writer = await self.driver.writer("upload", append=True, begin=True)
                await writer.write(piece)
                await writer.park()
            return await self.driver.writer("upload", append=True)

        return self.run(work())


@pytest.mark.parametrize("pieces", [(DATA,), (DATA[:100], DATA[100:])])
def test_a_copy_ends_early(pieces: tuple[bytes, ...]) -> None:
    ground = Ground(Knobs(torn_copies=1.0))
    writer = ground.parked(*pieces)
    with pytest.raises(TransientError):
        ground.run(writer.commit("blob"))
    there = ground.get("blob")
    assert len(there) < len(DATA)
    assert DATA.startswith(there)


def test_what_is_sent_is_whole() -> None:
    ground = Ground(Knobs(torn_copies=1.0))
    ground.run(ground.sent())
    assert ground.get("blob") == DATA


def test_an_assembly_ends_early() -> None:
    ground = Ground(Knobs(torn_assemblies=1.0))
    with pytest.raises(TransientError):
        ground.run(ground.sent())
    assert len(ground.get("blob")) < len(DATA)


def test_what_was_there_before_does_not_stand_for_what_is_sent() -> None:
    ground = Ground(Knobs(torn_assemblies=1.0, stale_head=2.0))
    ground.put("blob", DATA)
    with pytest.raises(TransientError):
        ground.run(ground.sent())


@pytest.mark.parametrize("pieces", [(DATA,), (DATA[:100], DATA[100:])])
def test_what_was_there_before_does_not_stand_for_what_is_committed(
    pieces: tuple[bytes, ...],
) -> None:
    ground = Ground(LAGGING)
    ground.put("blob", DATA)
    writer = ground.parked(*pieces)
    with pytest.raises(TransientError):
        ground.run(writer.commit("blob"))


def test_what_was_there_before_does_not_stand_for_what_is_moved() -> None:
    ground = Ground(LAGGING)
    ground.put("blob", DATA)
    ground.put("whole", DATA)
    ground.run(ground.driver.runtime.sleep(LAGGING.bound))
    with pytest.raises(TransientError):
        ground.run(ground.driver.move("whole", "blob"))
    assert ground.get("whole") == DATA


@pytest.mark.parametrize("kind", ["uploader", "pusher"])
@pytest.mark.parametrize("store", ["conditional", "strong", "eventual"])
def test_nothing_short_is_acknowledged(store: str, kind: str) -> None:
    for seed in range(1, 26):
        run = draw(seed, store, kinds=(kind,))
        torn = replace(run, knobs=replace(run.knobs, torn_copies=0.5, torn_assemblies=0.3))
        assert not simulate(torn).violations, torn
