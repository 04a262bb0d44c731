"""Counts the HTTP requests that leave this process, at the client that all three SDKs stand on.

aiohttp's ``ClientRequest.send`` writes one request to one connection, so what is sent again, by
whoever of those above it, is counted again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock
from urllib.parse import unquote

import aiohttp
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import BaseConnector, Connection

_TURN_SECONDS = 0.002
_QUIET_TURNS = 5
"""Turns of the event loop without another request, after which those made are all there are."""
_PATIENCE = 250
"""Turns after which an answer that nobody reads to its end holds nothing up any more."""


@dataclass(frozen=True)
class Request:
    """One request.

    :ivar round_trip: requests of the same number were under way at the same time.
    """

    method: str
    target: str
    round_trip: int


@dataclass
class Wire:
    """What was sent while it was watched.

    Each request is held back until all those that are made at the same time have been made too,
    and all earlier ones are answered: so round trips do not depend on how fast a server answers.
    """

    sent: list[Request] = field(default_factory=list)
    _under_way: list[aiohttp.ClientResponse] = field(default_factory=list)
    _gathering: asyncio.Event | None = None
    _waiting: int = 0
    _round_trips: int = 0

    @property
    def round_trips(self) -> int:
        return len({request.round_trip for request in self.sent})

    def __str__(self) -> str:
        lines = [f"{each.round_trip:5} {each.method:7}{each.target}" for each in self.sent]
        return "\n".join([f"{len(lines)} requests, {self.round_trips} round trips", *lines])

    async def departure(self) -> None:
        """Wait until the next request may leave."""
        self._waiting += 1
        if self._gathering is None:
            self._gathering = together = asyncio.Event()
            self._round_trips += 1
            await self._until_quiet()
            self._gathering = None
            together.set()
        else:
            await self._gathering.wait()

    def note(self, request: ClientRequest) -> None:
        target = unquote(request.url.raw_path_qs)
        self.sent.append(Request(request.method, target, self._round_trips))

    def answered_by(self, response: aiohttp.ClientResponse) -> None:
        self._under_way.append(response)

    async def _until_quiet(self) -> None:
        seen, quiet, turns = 0, 0, 0
        while quiet < _QUIET_TURNS or (turns < _PATIENCE and not self._is_idle()):
            await asyncio.sleep(_TURN_SECONDS)
            seen, quiet = self._waiting, quiet + 1 if self._waiting == seen else 0
            turns += 1

    def _is_idle(self) -> bool:
        self._under_way = [each for each in self._under_way if not _has_ended(each)]
        return not self._under_way


def _has_ended(response: aiohttp.ClientResponse) -> bool:
    content: aiohttp.StreamReader | None = response.content
    return response.closed or (content is not None and content.is_eof())


@contextmanager
def watched() -> Iterator[Wire]:
    """Watch all requests of this process until the block ends."""
    wire, connect, send = Wire(), BaseConnector.connect, ClientRequest.send

    async def held(
        connector: BaseConnector,
        request: ClientRequest,
        *rest: Any,  # noqa: ANN401 - aiohttp's own
        **options: Any,  # noqa: ANN401
    ) -> Connection:
        # Not once it has a connection: servers close those that nothing comes through.
        await wire.departure()
        return await connect(connector, request, *rest, **options)

    async def counted(request: ClientRequest, connection: Connection) -> aiohttp.ClientResponse:
        wire.note(request)
        response = await send(request, connection)
        wire.answered_by(response)
        return response

    with (
        mock.patch.object(BaseConnector, "connect", held),
        mock.patch.object(ClientRequest, "send", counted),
    ):
        yield wire
