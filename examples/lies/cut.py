"""Scenes of work that is cut short, or goes on in two places."""

from __future__ import annotations

from examples.lies.stage import REPOSITORY, TAG, Scene, Stage, index
from regstore import Digest, layout
from regstore.driver import StorageDriver
from regstore.errors import DigestInvalidError, ManifestUnknownError, PreconditionFailedError
from regstore.testing.simulation import CrashPoint, Knobs, Process, Request

CHUNKS = (b"first, ", b"second, ", b"third")
_LOST = (
    "What was acknowledged is kept",
    "the third chunk, of which the client was told that it is kept, is gone",
)
_UPLOAD = "11111111-2222-4333-8444-555555555555"


def two_writers(seed: int, *, layer: bool, knobs: Knobs | None = None) -> Scene:
    """Show a chunk that takes long in one process, while the client goes on in another."""
    return (_fenced if layer else _unfenced)(seed, knobs or Knobs())


def _fenced(seed: int, knobs: Knobs) -> Scene:
    stage = Stage(knobs, seed=seed)
    slow, quick = stage.process("slow"), stage.process("quick")
    whole = Digest.of(b"".join(CHUNKS))
    ids: list[str] = []

    async def begin() -> None:
        upload = await stage.repository(slow, layer=True).uploads.create()
        await upload.write(CHUNKS[0])
        await upload.park()
        ids.append(upload.id)

    async def be_slow() -> None:
        upload = stage.repository(slow, layer=True).uploads.resume(ids[0])
        await upload.write(CHUNKS[1], len(CHUNKS[0]))
        await stage.sleep_until(4)
        await stage.attempt(slow, upload.park(), "has kept chunk 2", PreconditionFailedError)

    async def be_quick() -> None:
        await stage.sleep_until(2)
        upload = stage.repository(quick, layer=True).uploads.resume(ids[0])
        for chunk in CHUNKS[1:]:
            await upload.write(chunk)
        await upload.park()
        stage.note(quick, "has kept chunks 2, 3")

    async def commit() -> None:
        upload = stage.repository(quick, layer=True).uploads.resume(ids[0])
        await stage.attempt(quick, upload.commit(whole), "has committed", DigestInvalidError)

    stage.run((slow, begin()))
    stage.run((slow, be_slow()), (quick, be_quick()))
    stage.run((quick, commit()))
    data = layout.BlobData(whole).path
    if stage.content(data) != b"".join(CHUNKS):
        stage.break_promise(*_LOST, data)
    keys = {r.key for r in stage.world.trace.requests}
    heads = sorted(key for key in keys if key.endswith("/head"))
    return stage.scene("Two processes go on with one upload", *heads, data)


def _unfenced(seed: int, knobs: Knobs) -> Scene:
    stage = Stage(knobs, seed=seed)
    slow, quick = stage.process("slow"), stage.process("quick")
    path = layout.UploadData(REPOSITORY, _UPLOAD).path

    async def append(process: Process, driver: StorageDriver, chunk: bytes, pause: float) -> None:
        found = await driver.get_content(path)
        await stage.world.loop.sleep(pause)
        await driver.put_content(path, found.data + chunk)
        stage.note(process, f"has kept chunk {CHUNKS.index(chunk) + 1}")

    async def be_slow() -> None:
        driver = stage.driver(slow, layer=False)
        await driver.put_content(path, CHUNKS[0])
        await append(slow, driver, CHUNKS[1], 3)

    async def be_quick() -> None:
        driver = stage.driver(quick, layer=False)
        await stage.sleep_until(2)
        for chunk in CHUNKS[1:]:
            await append(quick, driver, chunk, 0)

    stage.run((slow, be_slow()), (quick, be_quick()))
    if stage.content(path) != b"".join(CHUNKS):
        stage.break_promise(*_LOST, path)
    return stage.scene("Two processes append to one upload", path)


def crashed_push(
    seed: int, *, layer: bool, at: int | None = None, point: CrashPoint = "before"
) -> Scene:
    """Show the push of a manifest whose process crashes, and a pull after that.

    :param at: the number of the request at which it crashes; by default the most telling.
    :param point: how that request ends.
    """
    at = at or (4 if layer else 2)
    sent: list[int] = []

    def crashing(process: Process, request: Request) -> CrashPoint | None:
        if process.name != "pusher":
            return None
        sent.append(request.number)
        return point if len(sent) == at else None

    stage = Stage(Knobs(), seed=seed, crashing=crashing)
    body = index("new")
    digest = Digest.of(body)
    revision = layout.RevisionLink(REPOSITORY, digest).path
    data = layout.BlobData(digest).path

    async def push(process: Process) -> None:
        await stage.repository(process, layer=True).manifests.put(body, tags=["latest"])
        stage.note(process, "has pushed")

    async def push_tag_first(process: Process) -> None:
        driver = stage.driver(process, layer=False)
        await driver.put_content(TAG, str(digest).encode())
        await driver.put_content(revision, str(digest).encode())
        await driver.put_content(data, body)

    async def pull(process: Process) -> None:
        await stage.sleep_until(1)
        get = stage.repository(process, layer=layer).manifests.get("latest")
        await stage.attempt(process, get, "has pulled", ManifestUnknownError)

    pusher, puller = stage.process("pusher"), stage.process("puller")
    stage.run((pusher, push(pusher) if layer else push_tag_first(pusher)), (puller, pull(puller)))
    stage.rest()
    if stage.content(TAG) and not (stage.content(revision) and stage.content(data)):
        text = "the tag names a manifest that is not there, and stays so"
        stage.break_promise("A tag names what exists", text)
    if layer:
        restarted = stage.process("restarted")
        stage.run((restarted, push(restarted)))
    return stage.scene("A process crashes amid a push", TAG, revision, data)
