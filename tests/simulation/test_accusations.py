"""An honest store is not accused of what others have done."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from regstore.consistency import Layers, Violation
from regstore.driver import StorageDriver
from regstore.testing.simulation import Knobs, World


class Ground:
    """A process with a driver that accuses, and another one on the same store.

    :ivar accused: what the store was accused of.
    """

    def __init__(self, seed: int, knobs: Knobs) -> None:
        self.accused: list[Violation] = []
        self.world = World(seed, knobs)
        bare = self.world.driver(self.world.process("own"))
        layers = Layers.needed_by(bare, remote=True)
        self.own: StorageDriver = layers.around(bare, self.accused.append)
        self.others: StorageDriver = self.world.driver(self.world.process("others"))


async def deleted_by_others(ground: Ground) -> None:
    """A list that lacks it is right, and what shows it all the same is behind."""
    await ground.own.put_content("a/b", b"own")
    await ground.own.runtime.sleep(2.0)
    await ground.others.delete_file("a/b", missing_ok=True)
    _ = [name async for name in ground.own.list("")]
    _ = [info async for info in ground.own.walk("")]


async def replaced_by_others(ground: Ground) -> None:
    """A front end may still show one's own, though another one has shown the newer."""
    await ground.own.put_content("a/b", b"own")
    await ground.own.runtime.sleep(10.0)
    await ground.others.put_content("a/b", b"theirs")
    for _ in range(40):
        await ground.own.get_content("a/b")


@pytest.mark.parametrize("play", [deleted_by_others, replaced_by_others])
def test_nobody_is_accused(play: Callable[[Ground], Coroutine[Any, Any, None]]) -> None:
    for seed in range(1, 21):
        knobs = Knobs(stale_get=3.0, stale_head=3.0, front_ends=3, unique_versions=True, dated=True)
        ground = Ground(seed, knobs)
        loop = ground.world.loop
        loop.run(loop.spawn(play(ground), ground.world.process("own"), "own"))
        assert not ground.accused
