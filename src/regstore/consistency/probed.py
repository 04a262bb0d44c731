"""Promise what a probe has found of the store, and ask for that before anything else."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from typing_extensions import override

from regstore.consistency.measured import Measured
from regstore.driver import ANY, Condition, Content, FileInfo, FileReader, FileWriter
from regstore.errors import ConfigurationError
from regstore.layout import Caps


class Probed(Measured):
    """Knows from its first call on what ``regstore probe --save`` has kept in the store.

    That call is preceded by one read of ``docker/registry/regstore/v1/caps.json``. From then on
    :attr:`capabilities` promise no more than stands there: conditions, and how soon writes are
    seen. Before that they are the inner driver's.

    Every call raises, beyond what the driver raises:

    :raises ConfigurationError: the store holds no such finding, none that can be read, or another
        store's.
    """

    async def ready(self) -> None:
        """Know what was found.

        :raises ConfigurationError: nothing was.
        """
        if not self.is_measured:
            await self.read_once()
        if not self.is_measured:
            msg = (
                f"consistency='measured' goes by what a probe has kept in {Caps().path}, and the "
                f"store of {self.name} has none of its own there: run 'regstore probe --save' on "
                "it, or say how soon it shows writes, as in consistency='eventual(5)'"
            )
            raise ConfigurationError(msg)

    @override
    async def stat(self, path: str, *, must_exist: bool = False) -> FileInfo:
        await self.ready()
        return await super().stat(path, must_exist=must_exist)

    @override
    async def get_content(self, path: str, *, must_exist: bool = False) -> Content:
        await self.ready()
        return await super().get_content(path, must_exist=must_exist)

    @override
    async def reader(
        self, path: str, offset: int = 0, length: int | None = None, *, must_exist: bool = False
    ) -> FileReader:
        await self.ready()
        return await super().reader(path, offset, length, must_exist=must_exist)

    @override
    async def put_content(self, path: str, data: bytes, condition: Condition = ANY) -> str | None:
        await self.ready()
        return await super().put_content(path, data, condition)

    @override
    async def writer(
        self,
        path: str,
        *,
        append: bool = False,
        begin: bool = False,
        at_least: int = 0,
        destination: str | None = None,
    ) -> FileWriter:
        await self.ready()
        return await super().writer(
            path, append=append, begin=begin, at_least=at_least, destination=destination
        )

    @override
    async def parked_at(self, path: str) -> datetime | None:
        await self.ready()
        return await super().parked_at(path)

    @override
    async def move(self, source: str, destination: str) -> None:
        await self.ready()
        await super().move(source, destination)

    @override
    async def copy(
        self,
        source: str,
        destination: str,
        condition: Condition = ANY,
        source_version: str | None = None,
    ) -> str | None:
        await self.ready()
        return await super().copy(source, destination, condition, source_version)

    @override
    async def delete(self, path: str) -> None:
        await self.ready()
        await super().delete(path)

    @override
    async def delete_file(
        self, path: str, condition: Condition = ANY, *, missing_ok: bool = False
    ) -> None:
        await self.ready()
        await super().delete_file(path, condition, missing_ok=missing_ok)

    @override
    async def list(
        self, path: str, start_after: str | None = None, limit: int | None = None
    ) -> AsyncGenerator[str, None]:
        await self.ready()
        async with aclosing(super().list(path, start_after, limit)) as names:
            async for name in names:
                yield name

    @override
    async def walk(self, path: str) -> AsyncGenerator[FileInfo, None]:
        await self.ready()
        async with aclosing(super().walk(path)) as infos:
            async for info in infos:
                yield info

    @override
    async def redirect_url(
        self,
        path: str,
        method: Literal["GET", "HEAD"] = "GET",
        expires: timedelta = timedelta(minutes=20),
        filename: str | None = None,
    ) -> str | None:
        await self.ready()
        return await super().redirect_url(path, method, expires, filename)

    @override
    async def local_file(self, path: str) -> Path | None:
        await self.ready()
        return await super().local_file(path)
