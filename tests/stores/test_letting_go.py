"""What is cancelled, raises or is overtaken lets go: of files, of threads' work, of uploads."""

from __future__ import annotations

import asyncio
import gc
import random
from collections.abc import Iterator
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
import trio
import trio.lowlevel

from regstore import AsyncRegistry, Event, Repository
from regstore._run import LoopRuntime
from regstore.digest import Digest
from regstore.drivers.threaded import ThreadedDriver
from regstore.errors import PreconditionFailedError
from tests import places
from tests.places import Place, Recorder
from tests.stores.faults import Call, Hooked, Moment

NAME = "library/app"
BLOB = random.Random(1).randbytes(1500)
DIGEST = Digest.of(BLOB)
DESCRIPTORS = Path("/proc/self/fd")
ROUNDS = 5

needs_proc = pytest.mark.skipif(not DESCRIPTORS.exists(), reason="this system has no /proc")


@pytest.fixture(params=["memory", "local"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return places.memory() if request.param == "memory" else places.local(tmp_path / "store")


@pytest.fixture
def on_disk(tmp_path: Path) -> Place:
    return places.local(tmp_path / "store")


async def push(driver: Hooked) -> None:
    await AsyncRegistry(driver).repository(NAME).blobs.put([BLOB[:700], BLOB[700:]])


def cancelled_at(place: Place, number: int) -> tuple[bool, int]:
    """Push, and cancel that at the storage call *number*; return whether it was, and the calls."""

    tasks: list[asyncio.Task[None]] = []

    def cancel(call: Call, moment: Moment) -> None:
        if call.number == number and moment == "before":
            tasks[0].cancel()

    async def run() -> bool:
        tasks.append(asyncio.ensure_future(push(driver)))
        await asyncio.wait(tasks)
        return tasks[0].cancelled()

    driver = Hooked(ThreadedDriver(place.driver), cancel)
    return asyncio.run(run()), len(driver.calls)


def test_a_cancelled_push_is_cancelled_and_leaves_nothing(place: Place) -> None:
    _, count = cancelled_at(place, 0)
    ended = []
    for number in range(1, count + 1):
        is_cancelled, _ = cancelled_at(place, number)
        ended.append(is_cancelled)
        assert not any("_uploads" in path for path in place.files())
    assert ended[0]
    assert all(ended[:-1])


def test_a_shield_outlasts_every_cancel_of_its_task() -> None:
    ended: list[str] = []

    async def work() -> str:
        await going.wait()
        ended.append("ended")
        return "result"

    async def run() -> None:
        task = asyncio.ensure_future(LoopRuntime().shield(work()))
        for _ in range(2):
            await asyncio.sleep(0)
            task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
        going.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    going = asyncio.Event()
    asyncio.run(run())
    assert ended == ["ended"]


def test_a_shield_outlasts_a_cancelled_scope_under_trio() -> None:
    ended: list[str] = []

    async def work() -> None:
        await trio.lowlevel.checkpoint()
        ended.append("ended")

    async def run() -> None:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await LoopRuntime().shield(work())
            await anyio.lowlevel.checkpoint()
            ended.append("went on although it was cancelled")

    trio.run(run)
    assert ended == ["ended"]


def open_files() -> int:
    return len(list(DESCRIPTORS.iterdir()))


class Refusing(Recorder):
    def notify(self, event: Event) -> None:
        raise LookupError(event.action)


@needs_proc
def test_an_observer_that_raises_costs_no_descriptor(on_disk: Place) -> None:
    on_disk.repository(NAME).blobs.put(BLOB)
    on_disk.observer = Refusing()
    blobs = on_disk.repository(NAME).blobs
    readers = [blobs.open(DIGEST) for _ in range(ROUNDS)]
    before = open_files()
    for reader in readers:
        with pytest.raises(LookupError):
            reader.__enter__()
    assert open_files() == before


def parked(repo: Repository) -> str:
    with repo.uploads.create() as upload:
        upload.write(BLOB)
    return upload.id


@needs_proc
def test_to_look_at_an_upload_costs_no_descriptor(on_disk: Place) -> None:
    repo = on_disk.repository(NAME)
    uploads = [repo.uploads.resume(parked(repo)) for _ in range(ROUNDS)]
    before = open_files()
    assert [upload.status() for upload in uploads] == [len(BLOB)] * ROUNDS
    assert [upload.offset for upload in uploads] == [len(BLOB)] * ROUNDS
    assert open_files() == before


@needs_proc
def test_who_was_overtaken_costs_no_descriptor(on_disk: Place) -> None:
    repo = on_disk.repository(NAME)
    uploads = [repo.uploads.resume(parked(repo)) for _ in range(ROUNDS)]
    before = open_files()
    for upload in uploads:
        upload.write(b"")
        on_disk.repository(NAME).uploads.resume(upload.id).commit(DIGEST)
        with pytest.raises(PreconditionFailedError):
            upload.write(b"late")
        assert upload.commit(DIGEST).size == len(BLOB)
    assert open_files() == before


@needs_proc
def test_to_leave_when_overtaken_costs_no_descriptor(on_disk: Place) -> None:
    """At once: an error holds on to the frames it came through until cycles are collected."""

    async def overtaken(core: AsyncRegistry, upload_id: str) -> None:
        async with core.repository(NAME).uploads.resume(upload_id) as upload:
            await upload.write(b"")
            rest = on_disk.repository(NAME).uploads.resume(upload_id)
            await asyncio.to_thread(rest.commit, DIGEST)
            await upload.write(b"late")

    async def run() -> None:
        core = AsyncRegistry(ThreadedDriver(on_disk.driver))
        for upload_id in uploads:
            with pytest.raises(PreconditionFailedError):
                await overtaken(core, upload_id)

    uploads = [parked(on_disk.repository(NAME)) for _ in range(ROUNDS)]
    before = open_files()
    gc.disable()
    try:
        asyncio.run(run())
        assert open_files() == before
    finally:
        gc.enable()


@needs_proc
def test_a_failed_push_costs_no_descriptor(on_disk: Place) -> None:
    def source() -> Iterator[bytes]:
        yield BLOB
        raise asyncio.CancelledError

    before = open_files()
    for _ in range(ROUNDS):
        with pytest.raises(asyncio.CancelledError):
            on_disk.repository(NAME).blobs.put(source())
    assert open_files() == before
    assert on_disk.files() == {}
