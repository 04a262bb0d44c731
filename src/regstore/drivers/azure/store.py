"""Azure Blob Storage, filled into the port of object stores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final, Literal

from typing_extensions import override

from regstore._run import Runtime
from regstore.driver import ANY, Capabilities, Condition, Content, FileInfo
from regstore.drivers.azure import blocks
from regstore.drivers.azure.batch import delete_blobs
from regstore.drivers.azure.body import BlobBody, info_of, open_body
from regstore.drivers.azure.copying import Copying
from regstore.drivers.azure.errors import DRIVER, Make
from regstore.drivers.azure.lister import Lister
from regstore.drivers.azure.service import Service, conditions, quoted, version_of
from regstore.drivers.azure.settings import Settings
from regstore.drivers.azure.signing import Signer
from regstore.drivers.objects.port import Limits, Listing, ObjectStore, Part, Session
from regstore.errors import (
    PathExistsError,
    PathNotFoundError,
    PreconditionFailedError,
    UnsupportedMethodError,
)

_BLOCK: Final = 4000 << 20
_BLOCKS: Final = 50_000

CAPABILITIES: Final = Capabilities(
    atomic_put=True,
    stable_reads=True,
    conditional_create=True,
    conditional_replace=True,
    conditional_delete=True,
    conditional_commit=True,
    conditional_copy=True,
    source_pinned_copy=True,
    unique_versions=True,
    server_side_copy=True,
    parked_notes=True,
    resume_scope="host",
    read_after_write=True,
    read_after_overwrite=True,
    list_after_write=True,
    staleness_bound=0.0,
    modified_is_commit_time=True,
    ghost_directories=True,
    max_object_size=_BLOCK * _BLOCKS,
    clock_resolution=1.0,
)
"""What Azure keeps: it is strongly consistent, and an entity tag is new at every write.

Directories linger in accounts with a hierarchical namespace only.
"""

LIMITS: Final = Limits(
    max_parts=_BLOCKS,
    delete_batch=256,
    list_page=5000,
    copy_size=_BLOCK * _BLOCKS,
    tells_missing=True,
)
"""Scalability targets of Blob Storage, service version 2019-12-12 and later."""


class AzureStore(ObjectStore):
    """A container of Azure Blob Storage, or what lies below a prefix in it.

    Each method sends one request, once, but where it says otherwise: neither the SDK nor aiohttp
    repeats a write. Reads are repeated once by aiohttp where a kept connection was broken.

    Parts are blocks of the blob's own name, unseen until they are committed. Nothing but a commit,
    any other write of that name, or a week's time takes uncommitted blocks away, so :meth:`abort`
    has nothing to do; and a commit discards the blocks of others who write the same name: theirs
    then raises :exc:`PathNotFoundError`.

    Clients are made for each event loop and each process at its first request. Close the store in
    a loop that still runs.
    """

    def __init__(self, settings: Settings, runtime: Runtime) -> None:
        self.name = DRIVER
        self.runtime = runtime
        self.limits = LIMITS
        self.capabilities: Capabilities = _capabilities(settings)
        self._service = Service(settings)
        self._signer = Signer(self._service, runtime)
        self._lister = Lister(self._service, runtime)
        self._copies_from_urls = True

    @property
    def honours_start_after(self) -> bool | None:
        """Whether the service has kept to ``start_after`` so far; ``None`` where nothing tells."""
        return self._lister.honours_start_after

    @override
    async def head(self, key: str) -> FileInfo:
        return info_of(key, await self._service.call("HEAD", key))

    @override
    async def get(self, key: str) -> Content:
        body = await open_body(self._service, key, 0, None, None)
        chunks: list[bytes] = []
        try:
            while chunk := await body.read():
                chunks.append(chunk)
        finally:
            await body.aclose()
        return Content(b"".join(chunks), body.info.version, body.info.modified)

    @override
    async def open(
        self, key: str, start: int = 0, length: int | None = None, version: str | None = None
    ) -> BlobBody:
        return await open_body(self._service, key, start, length, version)

    @override
    async def put(self, key: str, data: bytes, condition: Condition = ANY) -> str:
        headers = {"x-ms-blob-type": "BlockBlob", "Content-Type": "application/octet-stream"}
        answer = await self._service.call(
            "PUT",
            key,
            headers=headers | conditions(condition),
            content=data,
            codes=_codes(condition),
        )
        return version_of(answer)

    @override
    async def delete(self, key: str, condition: Condition = ANY) -> None:
        if condition.kind == "absent":
            raise UnsupportedMethodError(key, DRIVER, "what is absent cannot be deleted")
        try:
            await self._service.call("DELETE", key, headers=conditions(condition))
        except PreconditionFailedError:
            await self.head(key)  # a missing blob has no version either, and that comes first
            raise

    @override
    async def delete_many(self, keys: Sequence[str]) -> None:
        await delete_blobs(self._service, keys)

    @override
    async def list(
        self,
        prefix: str,
        *,
        delimited: bool = False,
        start_after: str | None = None,
        token: str | None = None,
        limit: int | None = None,
    ) -> Listing:
        """List as the port says; one request, or two where the service refuses the hint once.

        ``start_after`` goes along as ``startFrom``, which services before version 2026-02-06 and
        Azurite ignore: then the listing begins at the beginning.
        """
        size = min(limit or self.limits.list_page, self.limits.list_page)
        return await self._lister.page(prefix, "/" if delimited else "", start_after, token, size)

    @override
    async def copy(
        self,
        source: str,
        destination: str,
        condition: Condition = ANY,
        source_version: str | None = None,
    ) -> str:
        """Copy as the port says: one request, and more as long as the service is not done."""
        copying = Copying(self._service, self.runtime, source, destination)
        return await copying.run(condition, source_version)

    @override
    async def begin(self, key: str, scratch: str) -> Session:
        return Session(key, blocks.session_token(self.runtime.random), scratch)

    @override
    async def put_part(self, session: Session, number: int, data: bytes) -> Part:
        name = blocks.block_name(session.token, number)
        await self._service.call(
            "PUT",
            session.key,
            query={"comp": "block", "blockid": blocks.block_id(name)},
            headers={"Content-Type": "application/octet-stream"},
            content=data,
        )
        return Part(number, len(data), name)

    @override
    async def copy_part(
        self, session: Session, number: int, source: FileInfo, start: int, length: int
    ) -> Part:
        """Take a part from a stored blob: Put Block From URL.

        Where the service does not have that (Azurite), the range is read and sent instead: two
        requests, and its bytes in memory. That is found out once.
        """
        if self._copies_from_urls:
            try:
                return await self._copy_part(session, number, source, start, length)
            except UnsupportedMethodError:
                self._copies_from_urls = False
        body = await self.open(source.path, start, length, source.version)
        chunks: list[bytes] = []
        try:
            while chunk := await body.read():
                chunks.append(chunk)
        finally:
            await body.aclose()
        return await self.put_part(session, number, b"".join(chunks))

    async def _copy_part(
        self, session: Session, number: int, source: FileInfo, start: int, length: int
    ) -> Part:
        def gone(_path: str, driver: str, detail: str) -> PathNotFoundError:
            return PathNotFoundError(source.path, driver, detail)

        name = blocks.block_name(session.token, number)
        headers = {
            **await self._signer.source_headers(source.path),
            "x-ms-source-range": f"bytes={start}-{start + length - 1}",
            "x-ms-source-if-match": quoted(source.version),
        }
        await self._service.call(
            "PUT",
            session.key,
            query={"comp": "block", "blockid": blocks.block_id(name)},
            headers=headers,
            content=b"",
            codes=dict.fromkeys(("BlobNotFound", "CannotVerifyCopySource"), gone),
        )
        return Part(number, length, name)

    @override
    async def complete(
        self, session: Session, parts: Sequence[Part], condition: Condition = ANY
    ) -> str:
        answer = await self._service.call(
            "PUT",
            session.key,
            query={"comp": "blocklist"},
            headers={"Content-Type": "application/xml", **conditions(condition)},
            content=blocks.block_list(parts),
            codes={**_codes(condition), "InvalidBlockList": PathNotFoundError},
        )
        return version_of(answer)

    @override
    async def abort(self, session: Session, parts: Sequence[Part]) -> None:
        """Do nothing: uncommitted blocks cannot be deleted, and vanish by themselves."""

    @override
    async def sessions(self, prefix: str) -> Sequence[Session]:
        return []

    @override
    async def sign(
        self,
        key: str,
        method: Literal["GET", "HEAD"],
        expires: timedelta,
        filename: str | None,
    ) -> str | None:
        """Return a shared access signature's URL.

        ``None`` for HEAD: who may read properties may read the content, too (U2).
        """
        if method == "HEAD" or not self.capabilities.redirect:
            return None
        return await self._signer.read_url(key, expires, filename)

    @override
    async def aclose(self) -> None:
        await self._service.aclose()


def azure_store(
    url: str, storage_options: Mapping[str, object] | None, runtime: Runtime
) -> AzureStore:
    """Return the store that *url* names, as :meth:`Settings.parse` reads it. No I/O is done.

    :raises ConfigurationError: the URL or the options cannot be used.
    """
    return AzureStore(Settings.parse(url, storage_options), runtime)


def _capabilities(settings: Settings) -> Capabilities:
    return replace(CAPABILITIES, redirect=settings.can_sign)


def _codes(condition: Condition) -> dict[str, Make]:
    """Return what the service's codes mean to a write with *condition*."""
    if condition.kind == "absent":
        return {"ConditionNotMet": PathExistsError}
    if condition.kind == "version":
        return {"BlobNotFound": PreconditionFailedError}
    return {}
