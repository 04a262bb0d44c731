"""The filesystem of gcsfs, and its HTTP session, for each event loop that asks."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any

import aiohttp
from gcsfs.core import GCSFileSystem
from yarl import URL

from regstore._run import Runtime
from regstore.drivers.gcs.errors import OPTION_ERRORS, TOKEN_ERRORS, unauthorised, unusable
from regstore.errors import ConfigurationError

_OWN: dict[str, object] = {
    "asynchronous": True,
    "skip_instance_cache": True,
    "use_listings_cache": False,
}
_REFRESH_BEFORE = timedelta(seconds=330)
"""What a token must have left; gcsfs fetches a new one at 300 seconds."""
_CONNECT_SECONDS = 15.0
_SILENCE_SECONDS = 60.0
"""Seconds for which a server may say nothing, unless ``requests_timeout`` names others."""

_inherited: list[aiohttp.BaseConnector] = []
"""Connectors of the process that this one was forked from. They share its connections and the
table that its loop waits on: closing them here, as their collection would, breaks it there."""


@dataclass(frozen=True, slots=True)
class Client:
    """What one event loop sends requests with."""

    filesystem: Any
    session: aiohttp.ClientSession


class Clients:
    """Makes a :class:`Client` where a process or an event loop asks first; no I/O until then.

    :param options: what gcsfs takes, such as ``token``, ``project`` and ``endpoint_url``.
    """

    def __init__(self, options: Mapping[str, object], runtime: Runtime) -> None:
        self._options = {**options, **_OWN}
        self._runtime = runtime
        self._pid = os.getpid()
        self._tasks: dict[asyncio.AbstractEventLoop, asyncio.Task[Client]] = {}

    async def current(self) -> Client:
        """Return the client of the running loop.

        :raises ConfigurationError: gcsfs cannot use the options, or this is no loop of asyncio.
        :raises TransientError: the credentials named could not be fetched.
        """
        loop = _running_loop()
        if self._pid != os.getpid():
            self._leave_to_parent()
        task = self._tasks.get(loop)
        if task is not None and (client := _made(task)) is not None:
            return client
        if task is None or task.done():
            await self._forget_ended_loops()
            task = self._tasks[loop] = loop.create_task(self._make())
        # One caller that is cancelled does not spoil it for the others.
        return await asyncio.shield(task)

    async def _make(self) -> Client:
        session_options = self._options.get("session_kwargs") or {}
        options = {
            **self._options,
            "session_kwargs": {
                "timeout": _timeout(self._options.get("requests_timeout")),
                **(session_options if isinstance(session_options, Mapping) else {}),
                # What is stored is what is read, whatever encoding its metadata claim.
                "auto_decompress": False,
            },
        }
        try:
            # It may look for credentials in files, in programs and at the metadata server.
            filesystem = await self._runtime.offload(lambda: GCSFileSystem(**options))
            URL(filesystem._location)  # noqa: SLF001 - refuses here what no request could be sent to
            return Client(filesystem, await filesystem._set_session())  # noqa: SLF001 - no other way
        except OPTION_ERRORS as error:
            raise unusable(error) from error

    async def headers(self, client: Client, key: str, extra: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of a request: *extra* and the authorisation.

        :raises PermissionDeniedError: the credentials give no access token.
        :raises TransientError: whoever gives them does not answer.
        """
        credentials = client.filesystem.credentials
        try:
            if self._is_stale(credentials.credentials):
                await self._runtime.offload(credentials.maybe_refresh)
            headers: dict[str, str] = client.filesystem._get_headers(extra)  # noqa: SLF001 - the seam of gcsfs
        except TOKEN_ERRORS as error:
            raise unauthorised(key, error) from error
        return headers

    def _is_stale(self, credentials: Any) -> bool:  # noqa: ANN401 - google-auth has no types
        """Whether gcsfs may fetch a token before the next request, which blocks."""
        if credentials is None or (credentials.valid and credentials.expiry is None):
            return False
        if not credentials.valid:
            return True
        left: timedelta = credentials.expiry.replace(tzinfo=UTC) - self._runtime.now()
        return left < _REFRESH_BEFORE

    async def aclose(self) -> None:
        """Close every connection that was made in this process."""
        if self._pid != os.getpid():
            self._leave_to_parent()
        tasks, self._tasks = list(self._tasks.items()), {}
        here = _running_loop()
        for loop, task in tasks:
            if not task.done():
                loop.call_soon_threadsafe(task.cancel)
            elif (client := _made(task)) is not None:
                await _close(client.session, loop, here)

    async def _forget_ended_loops(self) -> None:
        for loop in [each for each in list(self._tasks) if each.is_closed()]:
            task = self._tasks.pop(loop, None)
            if task is not None and (client := _made(task)) is not None:
                await client.session.close()

    def _leave_to_parent(self) -> None:
        for task in self._tasks.values():
            client = _made(task)
            if client is not None and client.session.connector is not None:
                _inherited.append(client.session.connector)
                client.session.detach()
        self._tasks = {}
        self._pid = os.getpid()


def _made(task: asyncio.Task[Client]) -> Client | None:
    if not task.done() or task.cancelled() or task.exception() is not None:
        return None
    return task.result()


def _running_loop() -> asyncio.AbstractEventLoop:
    try:
        return asyncio.get_running_loop()
    except RuntimeError as error:
        raise ConfigurationError(
            "gs:// needs an event loop of asyncio: gcsfs has no other"
        ) from error


async def _close(
    session: aiohttp.ClientSession,
    loop: asyncio.AbstractEventLoop,
    here: asyncio.AbstractEventLoop,
) -> None:
    if loop is here or loop.is_closed():
        await session.close()
    else:
        asyncio.run_coroutine_threadsafe(session.close(), loop)


def _timeout(silence: object) -> aiohttp.ClientTimeout:
    """No limit to the whole: a large object on a slow line takes its time."""
    seconds = float(silence) if isinstance(silence, int | float) else _SILENCE_SECONDS
    return aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=seconds)
