"""A store to look into although some of it cannot be read."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from typing_extensions import override

from regstore.consistency.wrapper import WrapperDriver
from regstore.driver import FileInfo, StorageDriver
from regstore.errors import PermissionDeniedError


class Forgiving(WrapperDriver):
    """Lists what can be read. What can not is noted, and everything else refused as ever.

    :ivar denied: what could not be listed, by its path.
    """

    def __init__(self, inner: StorageDriver) -> None:
        super().__init__(inner)
        self.denied: dict[str, PermissionDeniedError] = {}

    @override
    async def list(
        self, path: str, start_after: str | None = None, limit: int | None = None
    ) -> AsyncGenerator[str, None]:
        try:
            async with aclosing(self._inner.list(path, start_after, limit)) as names:
                async for name in names:
                    yield name
        except PermissionDeniedError as error:
            self.denied[error.path] = error

    @override
    async def walk(self, path: str) -> AsyncGenerator[FileInfo, None]:
        try:
            async with aclosing(self._inner.walk(path)) as infos:
                async for info in infos:
                    yield info
        except PermissionDeniedError as error:
            self.denied[error.path] = error
