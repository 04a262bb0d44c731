"""The clients of one store: one for each event loop of each process, made at its first request."""

from __future__ import annotations

import asyncio
import os
import weakref
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from azure.core.pipeline import AsyncPipeline
from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.storage.blob.aio import BlobServiceClient, ContainerClient, ExponentialRetry

from regstore.drivers.azure.settings import CONNECT_SECONDS, READ_SECONDS, Settings
from regstore.drivers.azure.transport import OnceTransport
from regstore.errors import ConfigurationError

if TYPE_CHECKING:
    from adlfs import AzureBlobFileSystem

_INHERITED: Final[list[object]] = []
"""What a parent process has open: kept, so that nothing here closes its sockets."""


@dataclass(frozen=True, slots=True)
class Connection:
    """The clients that belong to one loop of one process.

    adlfs reads credentials and the address; the client is made anew from these, because adlfs does
    not pass on what would switch off the SDK's retries and its cutting of uploads into blocks.
    """

    filesystem: AzureBlobFileSystem
    service: BlobServiceClient
    container: ContainerClient
    transport: OnceTransport
    owns_credential: bool

    @property
    def pipeline(self) -> AsyncPipeline[HttpRequest, AsyncHttpResponse]:
        """What signs, sends and logs a request."""
        return self.service._pipeline  # type: ignore[return-value] # noqa: SLF001 - as its clients

    @classmethod
    def open(cls, settings: Settings) -> Connection:
        """Make the clients for the running loop; no request is sent.

        :raises ConfigurationError: adlfs refuses its options.
        """
        filesystem = _filesystem(settings)
        template = filesystem.service_client
        transport = OnceTransport(
            connect_seconds=settings.seconds("connection_timeout", CONNECT_SECONDS),
            read_seconds=settings.seconds("read_timeout", READ_SECONDS),
        )
        service = BlobServiceClient(
            template.url,
            credential=template.credential,
            transport=transport,
            retry_policy=ExponentialRetry(retry_total=0),
            user_agent="regstore",
        )
        container = service.get_container_client(settings.container)
        owns = settings.options.get("credential") is None
        return cls(filesystem, service, container, transport, owns)

    async def aclose(self) -> None:
        """Close all of it, but not a credential that was handed in."""
        await self.service.close()
        await self.filesystem.service_client.close()
        if self.owns_credential:
            if hasattr(self.filesystem.credential, "close"):
                await self.filesystem.credential.close()
            if hasattr(self.filesystem.sync_credential, "close"):
                self.filesystem.sync_credential.close()


class Connections:
    """Finds the connection of the running loop, or opens it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pid = os.getpid()
        self._open: dict[asyncio.AbstractEventLoop, Connection] = {}

    def current(self) -> Connection:
        """Return the connection of the running loop."""
        loop = asyncio.get_running_loop()
        if self._pid != os.getpid():
            self._leave_to_parent()
        connection = self._open.get(loop)
        if connection is None:
            self._forget_closed_loops()
            connection = self._open[loop] = Connection.open(self._settings)
        return connection

    async def aclose(self) -> None:
        """Close the connections of this process; a later request opens one again."""
        if self._pid != os.getpid():
            self._leave_to_parent()
        self._forget_closed_loops()
        here = asyncio.get_running_loop()
        while self._open:
            loop, connection = self._open.popitem()
            if loop is here:
                await connection.aclose()
            elif loop.is_running():
                closing = asyncio.run_coroutine_threadsafe(connection.aclose(), loop)
                await asyncio.wrap_future(closing)
            else:
                connection.transport.abandon()

    def _leave_to_parent(self) -> None:
        for connection in self._open.values():
            _INHERITED.append((connection, connection.transport.connector))
            connection.transport.abandon()
        self._open = {}
        self._pid = os.getpid()

    def _forget_closed_loops(self) -> None:
        for loop in [each for each in self._open if each.is_closed()]:
            with suppress(KeyError):  # another thread was here first
                self._open.pop(loop).transport.abandon()


def _filesystem(settings: Settings) -> AzureBlobFileSystem:
    from adlfs import AzureBlobFileSystem

    ours = {
        "asynchronous": True,
        "loop": asyncio.get_running_loop(),  # else fsspec starts a thread with a loop of its own
        "skip_instance_cache": True,
        "use_listings_cache": False,
    }
    try:
        filesystem = AzureBlobFileSystem(**{**settings.options, **ours})
    except (ValueError, TypeError, ImportError) as error:
        # Its text may repeat the connection string.
        raise ConfigurationError(
            "adlfs refuses its storage options: see the cause of this error"
        ) from error
    _disarm(filesystem)
    return filesystem


def _disarm(filesystem: AzureBlobFileSystem) -> None:
    """Take back what adlfs asks to be run at exit.

    It would keep the filesystem alive until then, and with ``asynchronous=True`` it can only fail:
    "Loop is not running" (``weakref.finalize(self, sync, None, ...)`` in ``adlfs/spec.py``).
    """
    for finalizer in list(getattr(weakref.finalize, "_registry", ())):
        alive = finalizer.peek()
        if alive is not None and alive[0] is filesystem:
            finalizer.detach()
