"""Uploads in pieces: begun by one, continued and ended by anybody."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from regstore.errors import BlobUploadUnknownError
from regstore.testing.simulation.actors.actor import Actor, KnownUpload, blob_of, name_of
from regstore.testing.simulation.keyspace import Blob
from regstore.testing.simulation.scenario import Step

_PIECES: Final = (30, 64, 90, 150)
"""Bytes of one request: less than a part of the simulated store, one, and more."""
_AGES: Final = (1.0, 3.0, 9.0)
"""Seconds: some uploads are younger than that, and some older."""


async def begin_upload(actor: Actor, step: Step) -> None:
    """Begin an upload that others may go on with, and send its first bytes."""
    await append(actor, step, await begin(actor, step, name_of(step), blob_of(step)))


async def begin(actor: Actor, step: Step, name: str, blob: Blob) -> KnownUpload:
    """Begin an upload of *blob*."""
    beginning = actor.repository(name).uploads.create(blob.digest)
    upload = await actor.call(beginning, "begin upload", name, blob.digest, step)
    known = KnownUpload(name, upload.id, blob)
    actor.board.uploads.append(known)
    return known


async def append_next(actor: Actor, step: Step) -> None:
    """Go on with any upload."""
    if upload := _choose(actor, step):
        await append(actor, step, upload)


async def append_other(actor: Actor, step: Step) -> None:
    """Send to any upload what its blob does not have."""
    if upload := _choose(actor, step):
        wrong = bytes(byte ^ 1 for byte in upload.blob.data)
        await append(actor, step, upload, wrong)


async def append(actor: Actor, step: Step, upload: KnownUpload, data: bytes | None = None) -> None:
    """Send some bytes of *data*, from where the upload stands, as one request does."""
    whole = upload.blob.data if data is None else data
    found = actor.repository(upload.repository).uploads.resume(upload.upload_id)

    async def send() -> tuple[int, int]:
        async with found:
            start = await found.status()
            actor.board.sent[upload.upload_id] = start
            piece = whole[start : start + _PIECES[step.variant % len(_PIECES)]]
            await found.write(piece, start)
        return start, found.offset

    await actor.call(send(), "append", upload.repository, upload.upload_id, step, data=whole)


async def append_again(actor: Actor, step: Step) -> None:
    """Send again what was sent last to any upload, and more, as who has not heard of its end."""
    upload = _choose(actor, step)
    start = None if upload is None else actor.board.sent.get(upload.upload_id)
    if upload is None or start is None:
        return
    whole = upload.blob.data
    piece = whole[start : start + _PIECES[-1]]
    found = actor.repository(upload.repository).uploads.resume(upload.upload_id)

    async def send() -> tuple[int, int]:
        async with found:
            await found.receive([piece], start, may_repeat=True)
        return start, start + len(piece)

    await actor.call(send(), "append again", upload.repository, upload.upload_id, step, data=whole)


async def commit_upload(actor: Actor, step: Step) -> None:
    """Send the rest of any upload and commit it."""
    if upload := _choose(actor, step):
        await commit(actor, step, upload)


async def commit(actor: Actor, step: Step, upload: KnownUpload) -> None:
    """Send the rest of *upload*, and commit it."""
    uploads = actor.repository(upload.repository).uploads
    found = uploads.resume(upload.upload_id)
    blob = upload.blob

    async def send() -> int | None:
        async with found:
            try:
                start = await found.status()
            except BlobUploadUnknownError:  # perhaps it was committed
                await uploads.resume(upload.upload_id).commit(blob.digest)
                return None
            await found.finish(blob.digest, [blob.data[start:]], start)
        return start

    await actor.call(
        send(), "commit upload", upload.repository, upload.upload_id, step, value=blob.digest
    )


async def cancel_upload(actor: Actor, step: Step) -> None:
    """End any upload as its client does that does not want it any more."""
    if upload := _choose(actor, step):
        cancelling = actor.repository(upload.repository).uploads.resume(upload.upload_id).cancel()
        await actor.call(cancelling, "cancel upload", upload.repository, upload.upload_id, step)


async def purge_upload(actor: Actor, step: Step) -> None:
    """End any upload that was left alone for long enough."""
    if upload := _choose(actor, step):
        age = _AGES[step.variant // 2 % len(_AGES)]
        uploads = actor.repository(upload.repository).uploads
        purging = uploads.purge_one(upload.upload_id, timedelta(seconds=age))
        name, upload_id = upload.repository, upload.upload_id
        await actor.call(purging, "purge upload", name, upload_id, step, older_than=age)


def _choose(actor: Actor, step: Step) -> KnownUpload | None:
    """Return one of the latest uploads, so that several actors meet in it."""
    latest = actor.board.uploads[-2:]
    return latest[step.variant % len(latest)] if latest else None
