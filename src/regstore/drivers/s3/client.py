"""One s3fs filesystem for each event loop, and calls to S3 through it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import Any

from s3fs import S3FileSystem

from regstore.drivers.s3.settings import FILESYSTEM_RETRIES, check_client, filesystem_options
from regstore.errors import ConfigurationError


class S3Client:
    """Makes the filesystem when it is first needed, in the loop that needs it.

    s3fs owns credentials and sessions; ``_call_s3`` is all that is used of it. Its connections live
    in one event loop of one process, so another loop, and a child after a fork, gets its own.
    """

    def __init__(self, storage_options: Mapping[str, object]) -> None:
        self._options = filesystem_options(storage_options)
        self._filesystems: dict[asyncio.AbstractEventLoop, S3FileSystem] = {}
        self._ready: set[asyncio.AbstractEventLoop] = set()
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
        filesystems = {} if self._pid != os.getpid() else self._filesystems
        for loop, filesystem in list(filesystems.items()):
            self._forget(loop)
            if loop is here:
                await _close(filesystem)
            elif loop.is_running():
                closing = asyncio.run_coroutine_threadsafe(_close(filesystem), loop)
                await asyncio.wrap_future(closing)

    async def _connected(self) -> S3FileSystem:
        loop = asyncio.get_running_loop()
        filesystem = self._of(loop)
        if loop not in self._ready:
            await _connect(filesystem)
            self._ready.add(loop)
        return filesystem

    def _of(self, loop: asyncio.AbstractEventLoop) -> S3FileSystem:
        if self._pid != os.getpid():
            # Kept, not closed: the parent still speaks through these connections.
            self._inherited.append(self._filesystems)
            self._filesystems, self._ready, self._pid = {}, set(), os.getpid()
        filesystem = self._filesystems.get(loop)
        if filesystem is None:
            for other in [each for each in self._filesystems if each.is_closed()]:
                self._forget(other)
            filesystem = self._filesystems[loop] = _make(self._options)
        return filesystem

    def _forget(self, loop: asyncio.AbstractEventLoop) -> None:
        del self._filesystems[loop]
        self._ready.discard(loop)


def _make(options: Mapping[str, object]) -> S3FileSystem:
    try:
        filesystem = S3FileSystem(**options)
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"s3fs does not take these storage options: {error}") from error
    filesystem.retries = FILESYSTEM_RETRIES
    return filesystem


async def _connect(filesystem: S3FileSystem) -> None:
    try:
        client = await filesystem.set_session()
    except TypeError as error:
        raise ConfigurationError(f"a storage option that S3 does not have: {error}") from error
    except ValueError as error:
        # Its text repeats the endpoint, which may hold a password.
        raise ConfigurationError("the endpoint_url or region of S3 is malformed") from error
    check_client(client)


async def _close(filesystem: S3FileSystem) -> None:
    if filesystem._s3 is not None:  # noqa: SLF001 - s3fs has no public way to close
        await filesystem._s3creator.__aexit__(None, None, None)  # noqa: SLF001
