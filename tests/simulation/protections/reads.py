"""What keeps readers from missing what is there, on stores that lag."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, TypeVar

from regstore.consistency import layers, settled_reads
from regstore.consistency.attempts import Attempts
from regstore.consistency.journal import Entry
from regstore.consistency.settled_listings import SettledListings
from regstore.consistency.settled_reads import Asked, Seen, SettledReads, Verdict
from regstore.consistency.settled_writes import SettledWrites
from regstore.digest import Digest
from regstore.driver import FileInfo
from regstore.errors import PathNotFoundError
from regstore.links import read_link
from regstore.manifests import AsyncManifests
from tests.simulation.protections.protection import (
    Protection,
    no_wrapper,
    nothing,
    replaced,
)

T = TypeVar("T")

_LAGGING: Final = {"stale_get": 2.0, "stale_head": 2.0, "negative": 0.0, "front_ends": 8}

_LATE_LISTS: Final = {"stale_get": 0.0, "stale_head": 0.0, "stale_list": 3.0, "negative": 0.0}

_read = SettledReads.read
_judged = settled_reads.judged


async def _read_once(self: SettledReads, asked: Asked[T], *, must_exist: bool) -> T:
    del must_exist
    return await _read(self, asked, must_exist=False)


async def _read_revision(self: AsyncManifests, digest: Digest, reference: str) -> Digest:
    try:
        return await read_link(self._driver, self._revision(digest))
    except PathNotFoundError as error:
        raise self._unknown(reference) from error


def _believe(entry: Entry, seen: Seen, **keeps: bool) -> Verdict:
    verdict = _judged(entry, seen, **keeps)
    return verdict if entry.first else Verdict.CURRENT


async def _make(
    self: Attempts, path: str, make: Callable[[], Awaitable[T]], *, changes: bool = False
) -> T:
    del self, path, changes
    return await make()


async def _never(*args: object, **settings: object) -> bool:
    del args, settings
    return False


async def _as_shown(self: SettledListings, info: FileInfo, entry: Entry | None) -> FileInfo:
    del self, entry
    return info


async def _at_once(self: SettledWrites, path: str, act: Callable[[], Awaitable[T]]) -> T:
    del self, path
    return await act()


READS: Final = {
    "own writes are read": Protection(
        "Settled",
        "eventual",
        ("pusher",),
        frozenset({"I6", "I7"}),
        10,
        lambda: replaced(layers, Settled=no_wrapper),
        _LAGGING,
    ),
    "times that are close tell nothing": Protection(
        "Settled",
        "eventual",
        ("pusher", "tagger"),
        frozenset({"I6", "I7"}),
        60,
        lambda: replaced(settled_reads, CLOCK_ERROR=timedelta(0)),
        {
            **_LAGGING,
            "dated": True,
            "clock_skew": 2.0,
            "unique_versions": True,
            "conditions": "absent",
        },
    ),
    "own replacements are read": Protection(
        "Settled",
        "eventual",
        ("tagger",),
        frozenset({"I7"}),
        30,
        lambda: replaced(settled_reads, judged=_believe),
        _LAGGING,
    ),
    "what is linked is waited for": Protection(
        "Settled",
        "eventual",
        ("pusher", "puller"),
        frozenset({"I6"}),
        100,
        lambda: replaced(SettledReads, read=_read_once),
        _LAGGING,
    ),
    "what is tagged is waited for": Protection(
        "manifests",
        "eventual",
        ("tagger", "puller"),
        frozenset({"I6"}),
        60,
        lambda: replaced(AsyncManifests, _read_revision=_read_revision),
        {"stale_get": 3.0, "stale_head": 0.0, "negative": 0.0, "front_ends": 3, "latency": 0.01},
    ),
    "what fails for a moment is asked again": Protection(
        "Retrying",
        "conditional",
        ("puller",),
        frozenset({"retries"}),
        5,
        lambda: replaced(layers, Retrying=no_wrapper),
    ),
    "own writes are waited for before they are deleted": Protection(
        "Settled",
        "eventual",
        ("retagger",),
        frozenset({"I7"}),
        20,
        lambda: replaced(SettledWrites, from_source=_at_once),
        {"stale_get": 3.0, "stale_head": 3.0, "negative": 0.0, "repeated": 0.0},
        is_founded=True,
    ),
    "own writes are listed": Protection(
        "Settled",
        "eventual",
        ("lister",),
        frozenset({"I6"}),
        20,
        lambda: replaced(SettledListings, _is_added=_never, _added=nothing),
        _LATE_LISTS,
    ),
    "own deletions are not listed": Protection(
        "Settled",
        "eventual",
        ("lister",),
        frozenset({"I6"}),
        40,
        lambda: replaced(SettledListings, _is_hidden=_never, _current=_as_shown),
        _LATE_LISTS,
    ),
    "deadlines end calls": Protection(
        "Retrying",
        "conditional",
        ("pusher", "puller"),
        frozenset({"I25"}),
        30,
        lambda: replaced(Attempts, once=_make),
        {"lost_answers": 0.1, "timeout": 10.0},
    ),
}
