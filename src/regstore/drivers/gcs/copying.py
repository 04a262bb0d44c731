"""Copies objects on the server, however long it takes."""

from __future__ import annotations

from dataclasses import replace

from regstore.driver import ANY, Condition
from regstore.drivers.gcs.calls import NAME, Call, generation, generation_match
from regstore.drivers.gcs.place import Place
from regstore.drivers.gcs.resources import version_of
from regstore.drivers.gcs.transport import Transport
from regstore.errors import (
    PathExistsError,
    PathNotFoundError,
    PreconditionFailedError,
    TransientError,
)


class Copying:
    """Copies objects of one place.

    https://cloud.google.com/storage/docs/json_api/v1/objects/rewrite
    """

    def __init__(self, transport: Transport, place: Place) -> None:
        self._transport = transport
        self._place = place

    async def copy(
        self, source: str, destination: str, condition: Condition, source_version: str | None
    ) -> str:
        """Copy as ``ObjectStore.copy`` does, and return the version."""
        query = generation_match(condition)
        if source_version is not None:
            query["ifSourceGenerationMatch"] = generation(source_version)
        # Either condition answers 412. Which one it was is asked only where it must be known.
        unclear = condition.kind == "absent" and source_version is not None
        blamed = ANY if unclear else condition
        call = Call(
            "POST",
            f"{self._place.object(source)}/rewriteTo/{self._place.object(destination)}",
            destination if condition.kind == "absent" else source,
            query=query,
            condition=blamed,
        )
        try:
            return await self._rewrite(call)
        except PreconditionFailedError as error:
            if unclear and await self._exists(destination):
                raise PathExistsError(destination, NAME) from error
            raise
        except PathNotFoundError as error:
            raise PathNotFoundError(source, NAME) from error

    async def _rewrite(self, call: Call) -> str:
        """Ask until all is copied: one request copies what it can in about half a minute."""
        token = ""
        while True:
            query = {**call.query, "rewriteToken": token} if token else call.query
            answer = await self._transport.resource(replace(call, query=query))
            if answer.get("done"):
                return version_of(call.key, answer.get("resource", {}))
            token = answer.get("rewriteToken", "")
            if not token:
                detail = "a copy that is not done gives no token to go on"
                raise TransientError(call.key, NAME, detail, outcome_unknown=True)

    async def _exists(self, key: str) -> bool:
        try:
            await self._transport.send(Call("GET", self._place.object(key), key))
        except PathNotFoundError:
            return False
        return True
