"""Every step of an upload, struck by every fault at every one of its requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from typing_extensions import override

from regstore import layout
from regstore._run import LoopRuntime, Runtime
from regstore.digest import Digest
from regstore.drivers.objects.port import Limits
from regstore.errors import BlobUploadUnknownError, DriverError
from tests.drivers.objects.faulty import (
    CANCELLATIONS,
    CRASHES,
    ERRORS,
    Bucket,
    Crash,
    Fault,
    Kind,
)
from tests.drivers.objects.scenes import (
    LIMITS,
    NAME,
    OPERATIONS,
    Operation,
    Scene,
    furnish,
    open_core,
    purge,
)
from tests.places import VirtualRuntime

KEEPING = replace(LIMITS, keeps_sessions=True)
TELLING = replace(KEEPING, tells_missing=True)


class HastyRuntime(LoopRuntime):
    """Sleeps no longer than a turn of the loop."""

    @override
    async def sleep(self, seconds: float) -> None:
        await anyio.lowlevel.checkpoint()


async def act(scene: Scene, operation: Operation, runtime: Runtime, fault: Fault) -> bool:
    """Do it, and do it again with the same object until it succeeds, if that is of any use.

    Returns whether the first time was good enough.
    """
    core = open_core(scene.driver(runtime, fault))
    upload = core.repository(NAME).uploads.resume(scene.upload_id)
    try:
        await _struck(operation.step(core, scene, upload), fault)
    except (DriverError, asyncio.CancelledError):
        fault.kind = "none"
        await operation.step(core, scene, upload)
        return False
    return True


async def _struck(step: Coroutine[Any, Any, None], fault: Fault) -> None:
    if fault.kind not in CANCELLATIONS:
        await step
        return
    fault.victim = asyncio.create_task(step)
    try:
        await fault.victim
    finally:
        fault.victim = None


async def cut_short(scene: Scene, operation: Operation, runtime: Runtime, fault: Fault) -> None:
    """Do it, and nothing more with the same object."""
    core = open_core(scene.driver(runtime, fault))
    upload = core.repository(NAME).uploads.resume(scene.upload_id)
    with suppress(DriverError, asyncio.CancelledError, Crash):
        await _struck(operation.step(core, scene, upload), fault)


def check_untorn(scene: Scene) -> None:
    """No digest names other bytes."""
    for path, found in scene.bucket.contents.items():
        spec = layout.parse(path) if path.startswith("docker/registry/v2/blobs/") else None
        if isinstance(spec, layout.BlobData):
            assert Digest.of(found.data, spec.digest.algorithm) == spec.digest, path


async def check_done(scene: Scene, operation: Operation, runtime: Runtime) -> None:
    """What was acknowledged can be had, by somebody else."""
    repo = open_core(scene.driver(runtime)).repository(NAME)
    if operation.ends == "committed":
        assert await repo.blobs.get(operation.digest) == scene.blob
    elif operation.ends == "cancelled":
        with pytest.raises(BlobUploadUnknownError):
            await repo.uploads.resume(scene.upload_id).status()
    else:
        await check_goes_on(scene, runtime)


async def check_goes_on(scene: Scene, runtime: Runtime) -> None:
    repo = open_core(scene.driver(runtime)).repository(NAME)
    upload = repo.uploads.resume(scene.upload_id)
    stands = await upload.status()
    assert scene.parked <= stands <= len(scene.blob)
    await upload.write(scene.blob[stands:], stands)
    await upload.commit(Digest.of(scene.blob))
    assert await repo.blobs.get(Digest.of(scene.blob)) == scene.blob


async def check_purged(scene: Scene, runtime: Runtime) -> None:
    await purge(scene, runtime)
    assert scene.litter() == []
    check_untorn(scene)


async def check_repeated(scene: Scene, operation: Operation, runtime: Runtime) -> None:
    """Another process does it again; or goes on where it stands, or begins again."""
    core = open_core(scene.driver(runtime))
    upload = core.repository(NAME).uploads.resume(scene.upload_id)
    try:
        await operation.step(core, scene, upload)
    except BlobUploadUnknownError:
        assert operation.ends == "committed"
        assert scene.parked == 0, "what was acknowledged is gone"
        return
    await check_done(scene, operation, runtime)


Run = Callable[[Coroutine[Any, Any, Any]], Any]


def strike(operation: Operation, kind: Kind, limits: Limits, run: Run, runtime: Runtime) -> None:
    """Strike everywhere; each time go on in several ways."""
    furnished = Scene(Bucket(), limits, operation.blob)
    run(furnish(furnished, open_core(furnished.driver(runtime)), operation.before))
    at = 0
    while True:
        at += 1
        fault = Fault(kind, at)
        try:
            scene = furnished.copy()
            if kind not in CRASHES:
                run(act(scene, operation, runtime, fault))
                check_untorn(scene)
                left = scene.copy()
                run(check_done(scene, operation, runtime))
                run(check_purged(scene, runtime))
                run(check_purged(left, runtime))
                fault = Fault(kind, at)
                scene = furnished.copy()
            run(cut_short(scene, operation, runtime, fault))
            check_untorn(scene)
            left = scene.copy()
            run(check_repeated(scene, operation, runtime))
            run(check_purged(scene, runtime))
            run(check_purged(left, runtime))
        except BaseException as error:
            error.add_note(f"{kind} at {at}: {fault.seen[at - 1 : at]}; all: {fault.seen}")
            raise
        if not fault.has_struck:
            break
    assert at > 1


@pytest.mark.parametrize("kind", [*ERRORS, *CRASHES])
@pytest.mark.parametrize("name", OPERATIONS)
def test_struck(name: str, kind: Kind) -> None:
    runtime = VirtualRuntime()
    strike(OPERATIONS[name], kind, KEEPING, runtime.run, runtime)


@pytest.mark.parametrize("kind", ["lost", "twice"])
@pytest.mark.parametrize("name", ["go-on-after-little", "cancel-parked", "rest-and-commit"])
def test_struck_where_the_store_tells_what_was_missing(name: str, kind: Kind) -> None:
    runtime = VirtualRuntime()
    strike(OPERATIONS[name], kind, TELLING, runtime.run, runtime)


@pytest.mark.parametrize("kind", CANCELLATIONS)
@pytest.mark.parametrize("name", OPERATIONS)
def test_cancelled(name: str, kind: Kind) -> None:
    with asyncio.Runner() as runner:
        strike(OPERATIONS[name], kind, KEEPING, runner.run, HastyRuntime())
