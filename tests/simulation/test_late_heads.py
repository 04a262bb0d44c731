"""A head record that is under way when its writer is cancelled, and lands after all else."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

import pytest
from typing_extensions import override

from regstore import AsyncRegistry
from regstore.consistency import Layers, deadline
from regstore.driver import FileWriter
from regstore.errors import TransientError
from regstore.testing.simulation import Knobs, Process, Request, World
from regstore.testing.simulation.audit import audit
from regstore.testing.simulation.knobs import Conditions
from regstore.testing.simulation.loop import Promise
from regstore.testing.simulation.network import RandomNetwork

T = TypeVar("T")

DATA = bytes(range(200))
LATE = 100.0


class LateHeads(RandomNetwork):
    """Carries the first record of each upload so slowly that nobody waits for it."""

    is_slow = True
    is_unheard = False

    @override
    async def carry(self, process: Process, request: Request, effect: Callable[[], T]) -> T:
        if self.is_slow and request.name == "put" and request.key.endswith("/head"):
            self.is_slow = False
            self._loop.call_at(self._loop.time + LATE, partial(self._repeat, request, effect))
            if self.is_unheard:
                raise TransientError(request.key, "test", "no answer", outcome_unknown=True)
            return await Promise[T](self._loop)
        return await super().carry(process, request, effect)


class Ground:
    """A world whose first head record is late."""

    def __init__(self, conditions: Conditions = "enforced", *, is_unheard: bool = False) -> None:
        knobs = Knobs(conditions=conditions)
        self.world = World(1, knobs)
        self.process = self.world.process("p")
        network = LateHeads(self.world.loop, self.world.trace, knobs, self.process.random)
        network.is_unheard = is_unheard
        self.world.network = network
        self.driver = self.world.driver(self.process)

    def run(self, coro: Coroutine[Any, Any, T]) -> T:
        return self.world.loop.run(self.world.loop.spawn(coro, self.process, "p"))

    def wait(self) -> None:
        self.run(self.driver.runtime.sleep(2 * LATE))


@pytest.mark.parametrize("conditions", ["enforced", "absent"])
@pytest.mark.parametrize("is_unheard", [False, True])
def test_what_a_late_record_names_is_there(conditions: Conditions, *, is_unheard: bool) -> None:
    ground = Ground(conditions, is_unheard=is_unheard)

    async def begin() -> FileWriter:
        writer = await ground.driver.writer("upload", append=True, begin=True)
        await writer.write(DATA)
        with pytest.raises(TransientError if is_unheard else TimeoutError):
            await ground.driver.runtime.within(1.0, writer.park())
        return writer

    async def commit() -> None:
        writer = await ground.driver.writer("upload", append=True)
        await writer.commit()

    ground.run(ground.run(begin()).cancel())
    ground.wait()
    ground.run(commit())
    assert ground.run(ground.driver.get_content("upload")).data == DATA


@pytest.mark.parametrize("conditions", ["enforced", "absent"])
def test_an_upload_goes_on_after_a_late_record(conditions: Conditions) -> None:
    ground = Ground(conditions)
    stack = Layers.needed_by(ground.driver, remote=True).around(ground.driver)
    uploads = AsyncRegistry(stack).repository("app").uploads

    async def begin() -> str:
        upload = await uploads.create()
        with pytest.raises(TransientError), deadline(stack.runtime, 1.0):
            async with upload:
                await upload.write(DATA)
        return upload.id

    upload_id = ground.run(begin())
    ground.wait()
    assert not audit(ground.world.bucket)
    assert ground.run(uploads.resume(upload_id).status()) == len(DATA)


def test_a_late_record_of_a_cancelled_upload_is_litter() -> None:
    ground = Ground()
    stack = Layers.needed_by(ground.driver, remote=True).around(ground.driver)
    uploads = AsyncRegistry(stack).repository("app").uploads

    async def begin_and_cancel() -> str:
        upload = await uploads.create()
        await upload.write(DATA)
        with pytest.raises(TransientError), deadline(stack.runtime, 1.0):
            await upload.park()
        await upload.cancel()
        return upload.id

    upload_id = ground.run(begin_and_cancel())
    ground.wait()
    assert ground.world.bucket.contents
    ground.run(uploads.purge_one(upload_id))
    assert not ground.world.bucket.contents
