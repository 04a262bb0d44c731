"""Operations on uploads, whose ids are told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Final

from regstore import AsyncRegistry
from regstore.digest import Digest
from regstore.errors import (
    BlobUnknownError,
    BlobUploadUnknownError,
    DigestInvalidError,
    PreconditionFailedError,
    UploadOffsetError,
)
from regstore.testing.simulation.exploring.operation import (
    NAME,
    Check,
    Ending,
    Operation,
    Run,
    is_done,
)
from regstore.testing.simulation.violations import Violation

FIRST: Final = b"a" * 100
SECOND: Final = b"b" * 70
"""Longer than the least part, so that each is a chunk of its own where it was parked."""
MORE: Final = b"c" * 50
OTHER: Final = b"d" * 50


def parked(*chunks: bytes, uploads: int = 1) -> Run:
    """Begin *uploads*, in each park *chunks* one after the other, and tell the ids."""

    async def prepare(registry: AsyncRegistry, told: str) -> str:
        del told
        of = registry.repository(NAME).uploads
        ids = [(await of.create()).id for _ in range(uploads)]
        for upload_id in ids:
            for chunk in chunks:
                async with of.resume(upload_id) as upload:
                    await upload.receive([chunk])
        return " ".join(ids)

    return prepare


def commit(content: bytes, which: int = 0, algorithm: str = "sha256") -> Operation:
    """Commit the upload as *content*."""
    digest = Digest.of(content, algorithm)

    async def run(registry: AsyncRegistry, told: str) -> object:
        upload = registry.repository(NAME).uploads.resume(told.split()[which])
        return await upload.commit(digest)

    return Operation(
        "commit",
        run,
        _committed(digest, which),
        may_raise=(BlobUploadUnknownError, DigestInvalidError, PreconditionFailedError),
        overtaken=(PreconditionFailedError,),
    )


def finish(content: bytes, taken: int = 0) -> Operation:
    """Send all of *content* but what was *taken* with the last request of a push."""
    digest, rest = Digest.of(content), content[taken:]

    async def run(registry: AsyncRegistry, told: str) -> object:
        upload = registry.repository(NAME).uploads.resume(told)
        return await upload.finish(digest, [rest], taken)

    finish = Operation("finish", run, _committed(digest), may_raise=(BlobUploadUnknownError,))
    if not taken:
        return finish
    add = patch(rest, taken)
    return replace(finish, may_raise=add.may_raise, repeated=add.repeated, overtaken=add.overtaken)


def patch(data: bytes, offset: int) -> Operation:
    """Send *data* at *offset*; return where the upload stands then."""

    async def run(registry: AsyncRegistry, told: str) -> object:
        async with registry.repository(NAME).uploads.resume(told) as upload:
            await upload.receive([data], offset)
        return upload.offset

    return Operation(
        "patch",
        run,
        may_raise=(BlobUploadUnknownError, PreconditionFailedError, UploadOffsetError),
        repeated=(UploadOffsetError,),
        overtaken=(PreconditionFailedError,),
    )


def resend(data: bytes) -> Operation:
    """Send *data* from the beginning, although some of it may have been taken before."""

    async def run(registry: AsyncRegistry, told: str) -> object:
        async with registry.repository(NAME).uploads.resume(told) as upload:
            await upload.receive([data], 0, may_repeat=True)
        return upload.offset

    errors = (PreconditionFailedError,)
    return Operation("resend", run, may_raise=errors, overtaken=errors)


def write(data: bytes, offset: int) -> Operation:
    """Write *data* at *offset*, having looked where the upload stands, and let it go."""

    async def run(registry: AsyncRegistry, told: str) -> object:
        upload = registry.repository(NAME).uploads.resume(told)
        await upload.status()
        await upload.write(data, offset)
        await upload.park()
        return upload.offset

    return replace(patch(data, offset), name="write", run=run)


def commit_hashed() -> Operation:
    """Commit the upload as whatever it has become."""

    async def run(registry: AsyncRegistry, told: str) -> object:
        upload = registry.repository(NAME).uploads.resume(told)
        return await upload.commit(await upload.digest())

    errors = (BlobUploadUnknownError, PreconditionFailedError)
    return Operation("commit hashed", run, _is_over(0), errors, errors[:1], errors[1:])


def cancel() -> Operation:
    """Cancel the upload, from a process that has not begun it."""

    async def run(registry: AsyncRegistry, told: str) -> None:
        await registry.repository(NAME).uploads.resume(told).cancel()

    errors = (BlobUploadUnknownError,)
    return Operation("cancel", run, _is_over(0), errors, errors)


def purge(older_than: timedelta = timedelta(minutes=5)) -> Operation:
    """End the upload if it is abandoned; return whether it was."""

    async def run(registry: AsyncRegistry, told: str) -> object:
        return await registry.repository(NAME).uploads.purge_one(told, older_than)

    errors = (BlobUploadUnknownError,)
    return Operation("purge", run, may_raise=errors, repeated=errors)


def create() -> Operation:
    """Begin an upload."""

    async def run(registry: AsyncRegistry, told: str) -> object:
        del told
        return (await registry.repository(NAME).uploads.create(Digest.of(FIRST))).id

    return Operation("create", run)


def one_patch(ending: Ending) -> Iterator[Violation]:
    """Check that of two patches at one offset one at most was acknowledged."""
    taken = [result for result in ending.results if is_done(result)]
    if len(taken) > 1:
        yield Violation("I17", f"{len(taken)} were acknowledged at one offset", ending.told)


def none_purged(ending: Ending) -> Iterator[Violation]:
    """Check that bytes which were acknowledged are there: the purge must have seen them."""
    patched, purged = ending.results
    if is_done(patched) and purged is True:
        yield Violation("I19", "bytes were acknowledged, and the upload was purged", ending.told)


def one_commit(ending: Ending) -> Iterator[Violation]:
    """Check that an upload which was complete was committed by somebody."""
    if not any(is_done(result) for result in ending.results):
        yield Violation("I20", "nobody could commit what was complete", ending.told)


def _committed(digest: Digest, which: int = 0) -> Check:
    over = _is_over(which)

    def holds(ending: Ending) -> Iterator[Violation]:
        yield from over(ending)
        try:
            ending.registry.repository(NAME).blobs.get(digest)
        except BlobUnknownError:
            yield Violation("I1", "a commit was acknowledged, and there is no blob", digest)

    return holds


def _is_over(which: int) -> Check:
    def holds(ending: Ending) -> Iterator[Violation]:
        upload_id = ending.told.split()[which]
        uploads = ending.registry.repository(NAME).uploads.all()
        if upload_id in {upload.upload_id for upload in uploads}:
            yield Violation("I20", "its end was acknowledged, and it goes on", upload_id)

    return holds
