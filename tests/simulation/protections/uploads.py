"""What keeps the bytes of uploads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, NoReturn, TypeVar

from regstore import content, layout, upload_purge
from regstore._protections import without
from regstore.consistency.settled_writes import Opening, SettledWrites
from regstore.digest import Digest
from regstore.driver import FileWriter
from regstore.drivers.objects import assembly
from regstore.drivers.objects.heads import HeadClaim
from regstore.drivers.objects.port import ObjectStore
from regstore.errors import PreconditionFailedError, RegstoreError
from regstore.scope import Scope
from regstore.upload import AsyncUpload
from regstore.upload_content import Buffer, UploadContent
from regstore.upload_purge import Purge
from regstore.upload_resend import Resend
from tests.simulation.protections.protection import Protection, all_of, nothing, replaced

T = TypeVar("T")

_UPLOADERS: Final = ("uploader",)
_RESENDERS: Final = ("resender",)
_PURGERS: Final = ("uploader", "purger")

_end = Purge.end


async def _open_only(self: AsyncUpload, wanted: Digest, size: int | None) -> None:
    del wanted, size
    await self._open()


async def _unknown(self: AsyncUpload, wanted: Digest, error: RegstoreError) -> NoReturn:
    del self, wanted
    raise error


async def _forgotten(self: SettledWrites, path: str, at_least: int, opening: Opening) -> FileWriter:
    del self, path
    return await opening(at_least=at_least)


async def _take_over(self: HeadClaim, error: Exception) -> NoReturn:
    raise PreconditionFailedError(self._path, self._store.name) from error


async def _publish_and_forget(scope: Scope, writer: FileWriter, digest: Digest) -> str | None:
    del scope
    return await writer.commit(to=layout.BlobData(digest).path)


async def _take_unhashed(self: UploadContent, writer: FileWriter, data: Buffer) -> None:
    await writer.write(data)
    self.offset = writer.size


async def _copied_at_once(store: ObjectStore, act: Callable[[], Awaitable[T]]) -> T:
    del store
    return await act()


async def _believe(store: ObjectStore, key: str, size: int, version: str | None) -> str:
    del store, key, size
    return version or ""


async def _end_at_any_age(self: Purge, older_than: timedelta) -> bool:
    del older_than
    return await _end(self, timedelta(0))


UPLOADS: Final = {
    "one goes on, the others are told": Protection(
        "uploads",
        "conditional",
        _UPLOADERS,
        frozenset({"I17"}),
        40,
        lambda: replaced(HeadClaim, _is_kept=lambda *_: False),
    ),
    "a look whether it is there after it was parked": Protection(
        "uploads",
        "conditional",
        _PURGERS,
        frozenset({"I19"}),
        80,
        lambda: without("start_recheck"),
    ),
    "who copies what is parked waits until it shows": Protection(
        "uploads",
        "eventual",
        _UPLOADERS,
        frozenset({"I9"}),
        60,
        lambda: replaced(assembly, until_there=_copied_at_once),
        {
            "stale_copies": True,
            "stale_get": 3.0,
            "stale_head": 3.0,
            "front_ends": 8,
            "latency": 0.01,
        },
    ),
    "the start of an upload goes first": Protection(
        "uploads",
        "conditional",
        _PURGERS,
        frozenset({"I17", "I19"}),
        240,
        lambda: without("startedat_first"),
    ),
    "what is young is not purged": Protection(
        "uploads",
        "strong",
        _PURGERS,
        frozenset({"I19"}),
        40,
        lambda: replaced(Purge, end=_end_at_any_age),
    ),
    "who purges looks for new bytes": Protection(
        "uploads",
        "conditional",
        _PURGERS,
        frozenset({"I19"}),
        120,
        lambda: replaced(upload_purge._Seen, has_grown_since=lambda *_: False),  # noqa: SLF001
        {"latency": 0.3},
    ),
    "who purges waits within its deadline": Protection(
        "uploads",
        "read-after-new-write",
        _PURGERS,
        frozenset({"I25"}),
        60,
        lambda: replaced(Purge, _require_time=lambda _: None),
    ),
    "content is verified": Protection(
        "uploads",
        "conditional",
        _UPLOADERS,
        frozenset({"I4"}),
        40,
        lambda: replaced(AsyncUpload, _verify=_open_only),
    ),
    "what was published is looked at before it is linked": Protection(
        "uploads",
        "conditional",
        _UPLOADERS,
        frozenset({"I4"}),
        10,
        lambda: all_of(without("size_check"), replaced(assembly, verified=_believe)),
        {"torn_copies": 0.5},
    ),
    "what came straight to its place is looked at, too": Protection(
        "uploads",
        "conditional",
        ("pusher",),
        frozenset({"I4"}),
        10,
        lambda: replaced(assembly, verified=_believe),
        {"torn_assemblies": 0.3},
    ),
    "who commits again is told that it is there": Protection(
        "uploads",
        "conditional",
        _UPLOADERS,
        frozenset({"I20"}),
        20,
        lambda: replaced(AsyncUpload, _committed_elsewhere=_unknown),
    ),
    "own records are known by their nonce": Protection(
        "uploads",
        "conditional",
        _UPLOADERS,
        frozenset({"I9"}),
        30,
        lambda: replaced(HeadClaim, _recognize=_take_over),
        {"lost_answers": 0.1, "timeout": 1.0},
    ),
    "own bytes are waited for": Protection(
        "Settled",
        "eventual",
        _UPLOADERS,
        frozenset({"I9", "I17"}),
        40,
        lambda: replaced(SettledWrites, resumed=_forgotten),
        {"stale_get": 2.0},
    ),
    "what was parked stays until the commit has ended": Protection(
        "uploads",
        "conditional",
        _UPLOADERS,
        frozenset({"I17", "I20"}),
        120,
        lambda: replaced(content, publish=_publish_and_forget),
    ),
    "what comes again is compared": Protection(
        "uploads",
        "conditional",
        _RESENDERS,
        frozenset({"I17"}),
        60,
        lambda: replaced(Resend, _prove=nothing, _read_back=nothing),
    ),
    "what comes again is taken for what was taken": Protection(
        "uploads",
        "conditional",
        _RESENDERS,
        frozenset({"I9"}),
        60,
        lambda: replaced(AsyncUpload, _resend=nothing),
    ),
    "a hash is saved of the bytes that it covers": Protection(
        "uploads",
        "conditional",
        _UPLOADERS,
        frozenset({"I17", "I18"}),
        20,
        lambda: replaced(UploadContent, take=_take_unhashed),
    ),
}
