"""Puts objects together that were sent as parts: ``compose``, in a tree where they are many.

https://cloud.google.com/storage/docs/composite-objects
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from regstore._run import Runtime
from regstore.driver import ANY, Condition, FileInfo
from regstore.drivers.gcs.calls import NAME, Call, generation_match
from regstore.drivers.gcs.deletion import Deletion
from regstore.drivers.gcs.place import Place
from regstore.drivers.gcs.promises import METADATA
from regstore.drivers.gcs.transport import Transport
from regstore.drivers.objects.port import Part, Session
from regstore.errors import DriverError, TransientError

SOURCES = 32
"""Objects that one request puts together, at most."""
_AT_A_TIME = 8


@dataclass(frozen=True, slots=True)
class Source:
    """An object of known version that becomes a part of another."""

    key: str
    size: int
    version: str


def part_key(session: Session, number: int) -> str:
    """Return the key of the object that holds a part."""
    return f"{session.scratch}/{session.token}-{number}"


def prefix_of(session: Session) -> str:
    """Return what the keys of all objects of *session* begin with."""
    return f"{session.scratch}/{session.token}-"


def referring(number: int, source: FileInfo) -> Part:
    """Return the part that the whole of a stored object is; its tag says which."""
    return Part(number, source.size, f"{source.version}/{source.path}")


def source_of(session: Session, part: Part) -> Source:
    """Return the object that *part* is; the tag of one of the session's own is its version."""
    version, foreign, key = part.tag.partition("/")
    return Source(key if foreign else part_key(session, part.number), part.size, version)


class Assembly:
    """Composes objects of one place."""

    def __init__(
        self,
        transport: Transport,
        place: Place,
        runtime: Runtime,
        deletion: Deletion,
    ) -> None:
        self._transport = transport
        self._place = place
        self._runtime = runtime
        self._deletion = deletion

    async def complete(self, session: Session, parts: Sequence[Part], condition: Condition) -> str:
        """Make *parts*, at least one, the object ``session.key``; return its version.

        After a failure all parts are still there. Afterwards those of the session are deleted; that
        this failed is not told, since the object is there and the rest lies in the scratch
        directory, which goes with all that is in it.

        :raises DriverError: as ``ObjectStore.complete`` does.
        """
        sources = [source_of(session, part) for part in parts]
        made: list[str] = []
        level = 0
        while len(sources) > SOURCES:
            sources = await self._level(session, level, sources)
            made += [each.key for each in sources if each.key.startswith(prefix_of(session))]
            level += 1
        whole = await self._compose(session.key, sources, condition)
        own = [part_key(session, part.number) for part in parts if "/" not in part.tag]
        with suppress(DriverError):
            await self._runtime.shield(self._deletion.all(list(dict.fromkeys([*own, *made]))))
        return whole.version

    async def _level(self, session: Session, level: int, sources: Sequence[Source]) -> list[Source]:
        groups = [sources[first : first + SOURCES] for first in range(0, len(sources), SOURCES)]

        async def one(number: int) -> Source:
            if len(groups[number]) == 1:
                return groups[number][0]
            return await self._compose(f"{prefix_of(session)}{level}.{number}", groups[number], ANY)

        return await self._runtime.map(one, range(len(groups)), limit=_AT_A_TIME)

    async def _compose(self, key: str, sources: Sequence[Source], condition: Condition) -> Source:
        body = {
            "sourceObjects": [
                {"name": self._place.name_of(each.key), "generation": each.version}
                for each in sources
            ],
            "destination": METADATA,
        }
        call = Call(
            "POST",
            f"{self._place.object(key)}/compose",
            key,
            query={"fields": "size,generation", **generation_match(condition)},
            headers={"Content-Type": "application/json"},
            condition=condition,
            body=json.dumps(body).encode(),
        )
        resource = await self._transport.resource(call)
        size = sum(each.size for each in sources)
        if int(resource["size"]) != size:
            raise TransientError(key, NAME, "composed to another size", outcome_unknown=True)
        return Source(key, size, resource["generation"])
