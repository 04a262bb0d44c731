"""Pushes of an asynchronous caller, cancelled while a certain request is under way."""

from __future__ import annotations

import asyncio
from random import Random

from regstore import AsyncRegistry
from regstore.digest import Digest
from tests.s3proxy.damage import Damage
from tests.torture.pushing import SHAPES
from tests.torture.rig import NAME, Rig


async def _push(
    registry: AsyncRegistry, content: bytes, cuts: tuple[int, ...], ids: list[str]
) -> None:
    uploads = registry.repository(NAME).uploads
    async with await uploads.create() as upload:
        ids.append(upload.id)
    stands = 0
    for end in cuts:
        async with uploads.resume(upload.id) as upload:
            await upload.receive([content[stands:end]], stands)
        stands = end
    async with uploads.resume(upload.id) as upload:
        await upload.finish(Digest.of(content), [content[stands:]], stands)


async def _cancelled(rig: Rig, content: bytes, cuts: tuple[int, ...], number: int) -> list[str]:
    """Cancel the push when request *number* arrives; return the id of the upload."""
    loop = asyncio.get_running_loop()
    ids: list[str] = []
    pushing = asyncio.create_task(
        _push(AsyncRegistry(rig.registries[0].driver), content, cuts, ids)
    )

    def choose(now: int, _method: str, _target: str) -> Damage | None:
        if now == number:
            loop.call_soon_threadsafe(pushing.cancel)
            return "late"
        return None

    rig.proxy.begin(choose)
    await asyncio.wait([pushing])
    if not pushing.cancelled() and (error := pushing.exception()) is not None:
        raise error
    return ids


def cancel_push(rig: Rig, random: Random, shape: str, number: int) -> bool:
    """Push, cancel, drop what is left; return whether it was cancelled before its end."""
    size, cuts = SHAPES[shape]
    content = random.randbytes(size)
    ids = asyncio.run(_cancelled(rig, content, cuts, number))
    asked = len(rig.proxy.asked)
    rig.proxy.settle()  # else what was cancelled may come after all that is dropped
    rig.proxy.begin()
    for upload_id in ids:
        rig.drop(upload_id)
    if not ids:  # it was cancelled before anybody knew its id
        for info in rig.direct.repository(NAME).uploads.all():
            rig.drop(info.upload_id)
    litter = rig.litter()
    assert litter == [], f"{shape} cancelled at request {number}: {litter}"
    return asked >= number
