"""Somebody ends an upload while its client goes on with it: another one does, too, or looks."""

from __future__ import annotations

from collections.abc import Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Any, Literal, TypeVar

import pytest

from regstore import AsyncRegistry, AsyncRepository
from regstore.consistency import Layers
from regstore.errors import BlobUploadUnknownError
from regstore.testing.simulation import Knobs, World

T = TypeVar("T")

HALF = bytes(range(100))
AGE = timedelta(hours=1)


class Ground:
    """An upload of which half was taken long ago, and how its client fared with the rest."""

    def __init__(self, seed: int, knobs: Knobs) -> None:
        self.world = World(seed, knobs)
        self._sleep = self.world.runtime(self.world.process("clock")).sleep
        self.is_acknowledged = False
        self.upload_id = self.run(self._begin())
        self.run(self._sleep(2 * AGE.total_seconds()))

    def repository(self) -> AsyncRepository:
        driver = self.world.driver(self.world.process("registry"))
        stack = Layers.needed_by(driver, remote=True).around(driver)
        return AsyncRegistry(stack).repository("app")

    def run(self, coro: Coroutine[Any, Any, T]) -> T:
        loop = self.world.loop
        return loop.run(loop.spawn(coro, self.world.process("registry"), "registry"))

    async def _begin(self) -> str:
        async with await self.repository().uploads.create() as upload:
            await upload.write(HALF)
        return upload.id

    async def _purge(self) -> None:
        await self.repository().uploads.purge_one(self.upload_id, AGE)

    async def _go_on(self, after: float) -> None:
        await self._sleep(after)
        async with self.repository().uploads.resume(self.upload_id) as upload:
            await upload.write(HALF, len(HALF))
        self.is_acknowledged = True

    async def _patiently(self, coro: Coroutine[Any, Any, None]) -> None:
        with suppress(BlobUploadUnknownError):
            await coro

    async def _look(self, after: float) -> None:
        await self._sleep(after)
        await self.repository().uploads.resume(self.upload_id).status()

    def meet(self, after: float) -> None:
        """Let two purges and the client do what they do at the same time."""
        self._at_once(self._purge(), self._purge(), self._go_on(after))

    def be_looked_at(self, after: float, looked_at: float) -> None:
        """Let a purge, the client and somebody who looks do what they do at the same time."""
        self._at_once(self._purge(), self._go_on(after), self._look(looked_at))

    def _at_once(self, *doing: Coroutine[Any, Any, None]) -> None:
        for each in doing:
            process = self.world.process("registry")
            self.world.loop.spawn(self._patiently(each), process, "registry")
        self.run(self._sleep(60))


@pytest.mark.parametrize("conditions", ["enforced", "absent"])
def test_what_was_acknowledged_is_kept(conditions: Literal["enforced", "absent"]) -> None:
    acknowledged = 0
    for seed in range(80):
        ground = Ground(seed, Knobs(latency=0.5, conditions=conditions))
        ground.meet(after=seed % 16 / 5)
        if ground.is_acknowledged:
            acknowledged += 1
            status = ground.repository().uploads.resume(ground.upload_id).status()
            assert ground.run(status) == 2 * len(HALF), seed
    assert acknowledged


@pytest.mark.parametrize("stale", [0.0, 2.0])
def test_who_finds_no_upload_takes_nothing_from_whoever_ends_it(stale: float) -> None:
    knobs = Knobs(
        latency=0.5, slow=0.1, stale_get=stale, stale_head=stale, stale_list=stale, front_ends=3
    )
    acknowledged = 0
    for seed in range(200):
        ground = Ground(seed, knobs)
        ground.be_looked_at(after=seed % 16 / 5, looked_at=2 + seed % 11 / 2)
        if ground.is_acknowledged:
            acknowledged += 1
            status = ground.repository().uploads.resume(ground.upload_id).status()
            assert ground.run(status) == 2 * len(HALF), seed
    assert acknowledged
