"""Scenes of stores that show a write late, or show again what was before."""

from __future__ import annotations

from examples.lies.stage import TAG, Scene, Stage, index
from regstore import AsyncRepository, Digest, layout
from regstore.errors import BlobUnknownError
from regstore.testing.simulation import Knobs, Process

_LAYER = b"a layer"


def own_write(seed: int, *, layer: bool) -> Scene:
    """Show a process that reads the blob which it has just pushed."""
    stage = Stage(Knobs(stale_get=0.4), seed=seed)
    data = layout.BlobData(Digest.of(_LAYER)).path

    async def push_and_read(process: Process) -> None:
        repository = stage.repository(process, layer=layer)
        pushed = await repository.blobs.put(_LAYER)
        stage.note(process, "has pushed")
        read = repository.blobs.get(pushed.digest)
        if not await stage.attempt(process, read, "has read it", BlobUnknownError):
            text = "the process is told that the blob which it has pushed does not exist"
            stage.break_promise("A writer reads what it has written", text, data)

    process = stage.process("registry")
    stage.run((process, push_and_read(process)))
    link = layout.LayerLink("app", Digest.of(_LAYER)).path
    return stage.scene("A blob is pushed and read", data, link)


def flapping_tag(seed: int, *, layer: bool) -> Scene:
    """Show a tag that has moved, read through front ends each of which lags by itself."""
    stage = Stage(Knobs(stale_get=1.0, new_is_seen=True, front_ends=3), seed=seed)
    old, new = index("old"), index("new")
    seen: dict[str, list[Digest]] = {"writer": [], "reader": []}

    async def read(process: Process, repository: AsyncRepository) -> None:
        digest = await repository.tags.get("latest")
        seen[process.name].append(digest)

    async def move(process: Process) -> None:
        repository = stage.repository(process, layer=layer)
        await repository.manifests.put(old, tags=["latest"])
        await stage.sleep_until(4)
        await repository.manifests.put(new, tags=["latest"])
        stage.note(process, "has moved the tag")
        for _ in range(3):
            await read(process, repository)
        if any(digest != Digest.of(new) for digest in seen["writer"]):
            text = "the process that has moved the tag sees where it was before"
            stage.break_promise("A writer reads what it has written", text)

    async def watch(process: Process) -> None:
        repository = stage.repository(process, layer=layer)
        await stage.sleep_until(4.5)
        for _ in range(4):
            await read(process, repository)
        await stage.sleep_until(6)
        await read(process, repository)

    writer, reader = stage.process("writer"), stage.process("reader")
    stage.run((writer, move(writer)), (reader, watch(reader)))
    scene = stage.scene("A tag moves", TAG)
    for name, digests in seen.items():
        scene.seen[name] = [digest == Digest.of(new) for digest in digests]
    return scene
