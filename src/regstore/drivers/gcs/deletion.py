"""Deletes many objects with one request where the server takes such."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from regstore._run import Runtime
from regstore.drivers.gcs.calls import NAME, Answer, Call
from regstore.drivers.gcs.errors import refusal
from regstore.drivers.gcs.multipart import batch, batch_answers
from regstore.drivers.gcs.place import Place
from regstore.drivers.gcs.promises import BATCH
from regstore.drivers.gcs.transport import Transport
from regstore.errors import PathNotFoundError, TransientError

_WITHOUT = {400, 404, 405, 501}
_REFUSED = 300
_AT_A_TIME = 16


class Deletion:
    """Deletes objects of one place.

    :ivar batched: whether the server takes batches, as far as is known; emulators need not.
    """

    def __init__(self, transport: Transport, place: Place, runtime: Runtime) -> None:
        self._transport = transport
        self._place = place
        self._runtime = runtime
        self.batched: bool = True

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete as many objects as a batch takes at most; missing ones are no error.

        :raises DriverError: one was not deleted.
        """
        if len(keys) > 1 and self.batched:
            await self._together(keys)
        else:
            await self._runtime.map(self._one, keys, limit=_AT_A_TIME)

    async def all(self, keys: Sequence[str]) -> None:
        """Delete any number of objects; missing ones are no error.

        :raises DriverError: one was not deleted.
        """
        for first in range(0, len(keys), BATCH):
            await self.delete(keys[first : first + BATCH])

    async def _one(self, key: str) -> None:
        try:
            await self._transport.send(Call("DELETE", self._place.object(key), key))
        except PathNotFoundError:
            return

    async def _together(self, keys: Sequence[str]) -> None:
        query = urlencode(await self._transport.payer())
        lines = [
            f"DELETE /storage/v1/{self._place.object(key)}{'?' if query else ''}{query}"
            for key in keys
        ]
        kind, body = batch(lines, self._runtime.random)
        call = Call("POST", "", keys[0], service="batch", headers={"Content-Type": kind}, body=body)
        answer = await self._transport.answer(call)
        if answer.status in _WITHOUT:
            self.batched = False
            await self.delete(keys)
            return
        if answer.status >= _REFUSED:
            raise refusal(call, answer)
        _check(keys, batch_answers(answer))


def _check(keys: Sequence[str], answers: dict[int, Answer]) -> None:
    """Raise the first error among the answers to the deletion of each key."""
    for number, key in enumerate(keys):
        answer = answers.get(number)
        if answer is None:
            raise TransientError(key, NAME, "the batch tells nothing of it", outcome_unknown=True)
        if answer.status >= _REFUSED:
            error = refusal(Call("DELETE", "", key), answer)
            if not isinstance(error, PathNotFoundError):
                raise error
