"""Sends requests to Cloud Storage, each of them once, and raises regstore's errors.

gcsfs' own way to send one, ``_call``, repeats it up to six times, keeps no headers of a refusal and
none of its status codes; so its session and its headers are used, and nothing above them.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

import aiohttp
from aiohttp.client_middlewares import ClientHandlerType
from yarl import URL

from regstore._run import Runtime
from regstore.drivers.gcs.calls import NAME, Answer, Call
from regstore.drivers.gcs.clients import Client, Clients
from regstore.drivers.gcs.errors import WIRE_ERRORS, broken, refusal
from regstore.errors import TransientError

_REFUSED = 300
_BUFFER = 1 << 19
"""Bytes of a body that are read ahead."""


class Transport:
    """Sends what a :class:`Call` says.

    A request that only reads may be sent once more, by aiohttp, where a connection that had been
    kept open turns out to be closed; no other request is.
    """

    def __init__(self, options: Mapping[str, object], runtime: Runtime) -> None:
        self.clients: Clients = Clients(options, runtime)

    async def send(self, call: Call) -> Answer:
        """Send *call* and return its answer, whole.

        :raises RegstoreError: it is refused or lost; see :mod:`regstore.drivers.gcs.errors`.
        """
        answer = await self.answer(call)
        if answer.status >= _REFUSED:
            raise refusal(call, answer)
        return answer

    async def resource(self, call: Call) -> dict[str, Any]:
        """Send *call* and return the resource that answers it.

        :raises RegstoreError: as for :meth:`send`, and if the answer is no JSON object.
        """
        answer = await self.send(call)
        try:
            found = json.loads(answer.body)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            detail = "the answer is no JSON object"
            raise TransientError(call.key, NAME, detail, outcome_unknown=call.writing)
        return found

    async def answer(self, call: Call) -> Answer:
        """Send *call* and return its answer, whole, a refusal too.

        :raises RegstoreError: it is lost.
        """
        response = await self._response(call)
        return await _whole(call, response)

    async def open(self, call: Call) -> aiohttp.ClientResponse:
        """Send *call* and return its answer with its body unread; whoever asked closes it.

        :raises RegstoreError: as for :meth:`send`.
        """
        response = await self._response(call)
        if response.status >= _REFUSED:
            raise refusal(call, await _whole(call, response))
        return response

    async def payer(self) -> Mapping[str, str]:
        """Return the query that says who pays, for requests inside of others."""
        client = await self.clients.current()
        query: Mapping[str, str] = client.filesystem._get_params({})  # noqa: SLF001 - see _request
        return query

    async def signing(self) -> tuple[str, Any]:
        """Return the server's address and the credentials, ``None`` for anonymous."""
        client = await self.clients.current()
        location: str = client.filesystem._location  # noqa: SLF001 - endpoint, emulator or mTLS
        return location.rstrip("/"), client.filesystem.credentials.credentials

    async def _response(self, call: Call) -> aiohttp.ClientResponse:
        client = await self.clients.current()
        # Media are wanted as they are stored: who does not accept gzip gets them decoded.
        # https://cloud.google.com/storage/docs/transcoding
        encoding = "gzip" if call.query.get("alt") == "media" else "identity"
        extra = {"Accept-Encoding": encoding, **call.headers}
        headers = await self.clients.headers(client, call.key, extra)
        try:
            return await _request(client, call, headers)
        except WIRE_ERRORS as error:
            raise broken(call, error) from error

    async def aclose(self) -> None:
        """Close every connection."""
        await self.clients.aclose()


async def _whole(call: Call, response: aiohttp.ClientResponse) -> Answer:
    try:
        body = await response.read()
    except WIRE_ERRORS as error:
        raise broken(call, error) from error
    finally:
        response.close()
    return Answer(response.status, response.headers, body)


async def _request(
    client: Client, call: Call, headers: Mapping[str, str]
) -> aiohttp.ClientResponse:
    url = URL(_base(client, call) + call.path, encoded=True)
    return await client.session.request(
        call.method,
        url.extend_query(client.filesystem._get_params(call.query)),  # noqa: SLF001 - adds who pays
        headers=headers,
        # Large bytes as they are make aiohttp warn that they hold up the loop.
        data=None if call.body is None else io.BytesIO(call.body),
        allow_redirects=False,
        read_bufsize=_BUFFER,
        middlewares=(_once,) if call.writing else (),
    )


def _base(client: Client, call: Call) -> str:
    location: str = client.filesystem._location.rstrip("/")  # noqa: SLF001 - endpoint, emulator or mTLS
    if call.service == "batch":
        return f"{location}/batch/storage/v1"
    return f"{location}/{call.service}/storage/v1/" if call.service else f"{location}/storage/v1/"


async def _once(
    request: aiohttp.ClientRequest, handler: ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from sending a deletion again when its connection breaks.

    It does so for methods that HTTP calls idempotent (``aiohttp/client.py``, IDEMPOTENT_METHODS);
    but the answer to the second one would be about what the first one did.
    """
    try:
        return await handler(request)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise aiohttp.ClientConnectionError(type(error).__name__) from error
