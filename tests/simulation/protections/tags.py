"""What keeps tags from naming what is not there, or what nobody has set."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import Final

from regstore import layout
from regstore.consistency import Retrying, layers
from regstore.consistency.outcomes import Failed
from regstore.consistency.resolve import Resolver
from regstore.digest import Digest
from regstore.driver import Condition
from regstore.errors import ManifestUnknownError, PathNotFoundError, TransientError
from regstore.links import write_link
from regstore.manifests import AsyncManifests, PutResult
from regstore.tags import ANY, AsyncTags, Expect
from tests.simulation.protections.protection import (
    Protection,
    no_wrapper,
    nothing,
    replaced,
)

_DOUBTFUL: Final = {"lost_answers": 0.1, "timeout": 1.0, "slow": 0.0, "repeated": 0.0}

_LAGGING: Final = {"stale_get": 3.0, "stale_head": 3.0, "repeated": 0.0, "conditions": "enforced"}

_put = AsyncManifests.put
_delete = AsyncTags.delete
_swap = AsyncTags._swap  # noqa: SLF001
_delete_current = AsyncTags._delete_current  # noqa: SLF001 - a part of it is left out


async def _index_last(self: AsyncTags, tag: str, digest: Digest, expect: Expect = ANY) -> None:
    if expect is not ANY:
        await self._swap(tag, digest, expect)
        return
    await write_link(self._driver, self._current(tag), digest)
    await self._write_index(tag, digest)


async def _tags_first(self: AsyncManifests, body: bytes, *, tags: Iterable[str] = ()) -> PutResult:
    for tag in tags:
        await self._tags.point(tag, Digest.of(body))
    return await _put(self, body, tags=tags)


async def _forget(self: AsyncTags, tag: str) -> None:
    with suppress(PathNotFoundError):
        await self._driver.delete(layout.TagIndex(self._scope.name, tag).path)


async def _history_first(self: AsyncTags, tag: str, expect: Expect = ANY) -> None:
    await _forget(self, tag)
    await _delete(self, tag, expect)


async def _delete_unfenced(
    self: AsyncTags, tag: str, expect: Expect, *, loosely: bool = False
) -> None:
    if loosely and await self.get(tag) == expect:
        expect = ANY
    await _delete_current(self, tag, expect, loosely=loosely)


async def _swap_unproved(self: AsyncTags, tag: str, digest: Digest, expect: Expect) -> None:
    with suppress(ManifestUnknownError):
        if await self.get(tag) == digest:
            return
    await _swap(self, tag, digest, expect)


async def _guess(
    self: Resolver, error: TransientError, *args: object, **settings: object
) -> Failed:
    del self, args, settings
    return Failed(error)


def _believe(self: Resolver, condition: Condition, version: str) -> bool:
    del self, condition, version
    return True


TAGS: Final = {
    "history before the tag": Protection(
        "tags",
        "conditional",
        ("tagger",),
        frozenset({"I8"}),
        5,
        lambda: replaced(AsyncTags, point=_index_last),
    ),
    "revision before the tag": Protection(
        "manifests",
        "conditional",
        ("pusher",),
        frozenset({"I8"}),
        5,
        lambda: replaced(AsyncManifests, put=_tags_first),
    ),
    "children before the manifest": Protection(
        "manifests",
        "strong",
        ("pusher", "mounter"),
        frozenset({"I1", "I3"}),
        20,
        lambda: replaced(AsyncManifests, _check_references=nothing),
    ),
    "the tag goes before its history": Protection(
        "tags",
        "conditional",
        ("retagger",),
        frozenset({"I8"}),
        10,
        lambda: replaced(AsyncTags, delete=_history_first),
        {"repeated": 0.0},
        is_founded=True,
    ),
    "history written again": Protection(
        "tags",
        "conditional",
        ("retagger",),
        frozenset({"I8"}),
        60,
        lambda: replaced(AsyncTags, _delete_index=_forget),
        {"latency": 0.3, "lost_answers": 0.0, "lost_requests": 0.0, "repeated": 0.0},
        is_founded=True,
    ),
    "fenced deletion of a manifest's tags": Protection(
        "tags",
        "conditional",
        ("deleter", "retagger"),
        frozenset({"I7"}),
        120,
        lambda: replaced(AsyncTags, _delete_current=_delete_unfenced),
        {"latency": 0.3},
        is_founded=True,
    ),
    "tags are never written twice": Protection(
        "Retrying",
        "conditional",
        ("retagger", "puller"),
        frozenset({"I7"}),
        60,
        lambda: replaced(layers, Retrying=partial(Retrying, lasting=lambda _: True)),
        _DOUBTFUL,
        is_founded=True,
    ),
    "lost answers are looked for": Protection(
        "Retrying",
        "conditional",
        ("tagger",),
        frozenset({"I7"}),
        60,
        lambda: replaced(Resolver, put=_guess),
        _DOUBTFUL,
        is_founded=True,
    ),
    "deletions by name are never repeated blindly": Protection(
        "Retrying",
        "conditional",
        ("tagger", "retagger"),
        frozenset({"I7"}),
        60,
        lambda: replaced(Resolver, delete=_guess),
        _DOUBTFUL,
        is_founded=True,
    ),
    "lost answers are looked for once they must show": Protection(
        "Retrying",
        "eventual",
        ("tagger", "retagger"),
        frozenset({"I7"}),
        150,
        lambda: replaced(Resolver, _until_shown=nothing),
        {
            **_LAGGING,
            "lost_requests": 0.1,
            "lost_answers": 0.0,
            "late_requests": 0.0,
            "slow": 0.0,
            "timeout": 1.0,
        },
        is_founded=True,
    ),
    "what has not arrived may arrive yet": Protection(
        "Retrying",
        "conditional",
        ("tagger", "retagger"),
        frozenset({"I7"}),
        30,
        lambda: replaced(Resolver, _is_as_before=_believe),
        {**_DOUBTFUL, "lost_answers": 0.0, "late_requests": 0.1},
        is_founded=True,
    ),
    "a value that was found is written again": Protection(
        "tags",
        "eventual",
        ("tagger",),
        frozenset({"I7"}),
        60,
        lambda: replaced(AsyncTags, _swap=_swap_unproved),
        _LAGGING,
        is_founded=True,
    ),
    "conditions are proved": Protection(
        "Measured",
        "ignoring",
        ("tagger",),
        frozenset({"I7"}),
        30,
        lambda: replaced(layers, Measured=no_wrapper),
        is_founded=True,
    ),
}
