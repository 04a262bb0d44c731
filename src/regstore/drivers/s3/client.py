"""One s3fs filesystem for each event loop, and calls to S3 through it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from aiobotocore.session import AioSession
from botocore.loaders import Loader, create_loader
from s3fs import S3FileSystem

from regstore.drivers.s3.settings import FILESYSTEM_RETRIES, check_client, filesystem_options
from regstore.errors import ConfigurationError

_DESCRIPTIONS = ("endpoints", "partitions", "sdk-default-configuration", "_retry")
_DESCRIPTIONS_OF_S3 = ("service-2", "endpoint-rule-set-1")


@dataclass(slots=True)
class _Connection:
    """The filesystem of one loop."""

    filesystem: S3FileSystem
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    is_open: bool = False


class S3Client:
    """Makes the filesystem when it is first needed, in the loop that needs it.

    s3fs owns credentials and sessions; ``_call_s3`` is all that is used of it. Its connections live
    in one event loop of one process, so another loop, and a child after a fork, gets its own.
    """

    def __init__(self, storage_options: Mapping[str, object]) -> None:
        self._options = filesystem_options(storage_options)
        self._connections: dict[asyncio.AbstractEventLoop, _Connection] = {}
        self._pid = os.getpid()
        self._inherited: list[object] = []

    async def call(self, operation: str, **parameters: object) -> dict[str, Any]:
        """Send one request.

        :param operation: the name of a method of botocore's client.
        """
        filesystem = await self._connected()
        answer: dict[str, Any] = await filesystem._call_s3(operation, **parameters)  # noqa: SLF001 - its core
        return answer

    async def sign(self, operation: str, seconds: int, **parameters: object) -> str | None:
        """Return a URL for one call; ``None`` where there is nothing to sign with."""
        filesystem = await self._connected()
        if filesystem.anon:
            return None
        client = await filesystem.get_s3(parameters["Bucket"])
        url: str = await client.generate_presigned_url(
            operation, Params=parameters, ExpiresIn=seconds
        )
        return url

    async def aclose(self) -> None:
        """Close the connections of the running loop, and of others that still run."""
        here = asyncio.get_running_loop()
        connections = {} if self._pid != os.getpid() else self._connections
        for loop, connection in list(connections.items()):
            del connections[loop]
            if loop is here:
                await _close(connection)
            elif loop.is_running():
                closing = asyncio.run_coroutine_threadsafe(_close(connection), loop)
                await asyncio.wrap_future(closing)

    async def _connected(self) -> S3FileSystem:
        connection = self._of(asyncio.get_running_loop())
        if not connection.is_open:
            async with connection.lock:
                if not connection.is_open:
                    await _open(connection.filesystem)
                    connection.is_open = True
        return connection.filesystem

    def _of(self, loop: asyncio.AbstractEventLoop) -> _Connection:
        if self._pid != os.getpid():
            # Kept, not closed: the parent still speaks through these connections.
            self._inherited.append(self._connections)
            self._connections, self._pid = {}, os.getpid()
        connection = self._connections.get(loop)
        if connection is None:
            for other in [each for each in self._connections if each.is_closed()]:
                del self._connections[other]
            connection = self._connections[loop] = _Connection(_make(self._options))
        return connection


def _make(options: Mapping[str, object]) -> S3FileSystem:
    try:
        filesystem = S3FileSystem(**options)
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"s3fs does not take these storage options: {error}") from error
    unknown = set(filesystem.kwargs) - {"profile"}
    if unknown:
        names = ", ".join(sorted(unknown))
        raise ConfigurationError(f"S3 has no such storage options: {names}")
    filesystem.retries = FILESYSTEM_RETRIES
    return filesystem


async def _open(filesystem: S3FileSystem) -> None:
    if filesystem.session is None:
        filesystem.session = await _session(filesystem.kwargs.get("profile"))
    try:
        client = await filesystem.set_session()
    except TypeError as error:
        raise ConfigurationError(f"a storage option that S3 does not have: {error}") from error
    except ValueError as error:
        # Its text repeats the endpoint, which may hold a password.
        raise ConfigurationError("the endpoint_url or region of S3 is malformed") from error
    check_client(client)


async def _session(profile: str | None) -> AioSession:
    session = AioSession(profile=profile)
    loader = _loader(session.get_config_variable("data_path"))
    session.register_component("data_loader", loader)
    await asyncio.to_thread(_load, loader)
    return session


@cache
def _loader(search_path: str | None) -> Loader:
    """Return what reads botocore's descriptions of services, once for all clients: it takes 0.2 s.

    Nobody changes what it keeps.
    """
    return create_loader(search_path)


def _load(loader: Loader) -> None:
    for name in _DESCRIPTIONS:
        loader.load_data_with_path(name)
    for name in _DESCRIPTIONS_OF_S3:
        loader.load_service_model("s3", name)


async def _close(connection: _Connection) -> None:
    if connection.is_open:
        # s3fs has no public way to close.
        await connection.filesystem._s3creator.__aexit__(None, None, None)  # noqa: SLF001
