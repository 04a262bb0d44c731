"""Deleting many blobs in one request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from regstore.drivers.azure.errors import DRIVER, of_answer
from regstore.drivers.azure.service import Service, translated
from regstore.errors import DriverError

_MISSING: Final = 404
_FIRST_FAILURE: Final = 300


async def delete_blobs(service: Service, keys: Sequence[str]) -> None:
    """Delete at most 256 blobs: Blob Batch. Missing ones are no error.

    :raises DriverError: one was not deleted; the first of them tells which.
    """
    if not keys:
        return
    names = [service.blob_name(key) for key in keys]
    with translated(keys[0], writing=True):
        answers = await service.connection.container.delete_blobs(
            *names, raise_on_any_failure=False
        )
        answered = [answer async for answer in answers]
    if len(answered) != len(keys):
        detail = f"{len(answered)} answers to {len(keys)} deletions: look what is left"
        raise DriverError(keys[0], DRIVER, detail)
    for key, answer in zip(keys, answered, strict=True):
        if answer.status_code >= _FIRST_FAILURE and answer.status_code != _MISSING:
            raise of_answer(answer, key, writing=True)
