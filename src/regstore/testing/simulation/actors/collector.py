"""A collector by the book, for as long as there is no other: each step of it is one run.

It stands on the same wrappers as writers do, but for the requests that delete links and content.
Those are sent once, in time, and nothing is concluded from silence.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from regstore import layout
from regstore.digest import Digest
from regstore.driver import ANY, IF_ABSENT, Condition, if_version
from regstore.errors import (
    DriverError,
    PathExistsError,
    PathNotFoundError,
    PreconditionFailedError,
    UnsupportedMethodError,
)
from regstore.layout import Collecting, Stage, Verdict
from regstore.testing.simulation.actors.actor import Actor
from regstore.testing.simulation.actors.marking import Mark, take_mark
from regstore.testing.simulation.pace import Pace
from regstore.testing.simulation.scenario import Step

T = TypeVar("T")

_AWAITED: Final[tuple[Stage, ...]] = ("deleting", "condemned", "quarantined", "deleting", "purging")
_REFUSED: Final = (PathExistsError, PathNotFoundError, PreconditionFailedError)


async def collect(actor: Actor, step: Step) -> None:
    """Look at the whole store, and take at most one step for each digest."""
    del step
    await _Run(actor, actor.board.collecting()).go()


async def await_collector(actor: Actor, step: Step) -> None:
    """Wait until a collector is about to say something of some digest, as long as *step* may."""
    stage = _AWAITED[step.variant % len(_AWAITED)]
    with suppress(TimeoutError):
        await actor.driver.runtime.within(step.limit or 0.0, actor.board.stage(stage))


@dataclass(frozen=True, slots=True)
class _Entry:
    """A tombstone of this collector, as it was found.

    :ivar age: seconds by the store's clock.
    """

    digest: Digest
    verdict: Verdict
    version: str
    age: float


class _Run:
    def __init__(self, actor: Actor, pace: Pace) -> None:
        self._driver = actor.driver
        self._store = actor.store
        self._runtime = actor.driver.runtime
        self._board = actor.board
        self._name = actor.process.name.rstrip("'")
        self._pace = pace

    async def go(self) -> None:
        now = await self._look_at_clock()
        capabilities = self._driver.capabilities
        self._is_fenced = capabilities.conditional_create and capabilities.conditional_replace
        if not await self._is_announced(now):
            return
        mark = await take_mark(self._driver, now, self._pace.grace)
        entries = await self._entries(mark)
        for link in mark.missing_links():
            await self._driver.put_content(link.path, layout.link_body(link.digest))
        await self._sweep(mark)
        await self._each(entries, lambda entry: self._advance(entry, mark))
        old = {entry.digest for entry in entries}
        dead = [each for each in mark.blobs if each not in old and not mark.lives(each)]
        if mark.is_complete and dead:
            await self._dawdle("condemned")
            await self._each(dead, lambda digest: self._write(digest, "condemned", IF_ABSENT))
        if self._pace.is_alone and not (entries or dead):
            state = Collecting(active=False, grace=self._pace.grace)
            await self._driver.put_content(layout.CollectionState().path, state.body())

    async def _each(self, items: list[T], step: Callable[[T], Awaitable[object]]) -> None:
        """Take one step for each; one that fails is for the next run to look at."""

        async def attempt(item: T) -> None:
            with suppress(DriverError):
                await step(item)

        await self._runtime.map(attempt, items)

    async def _look_at_clock(self) -> datetime:
        """Return the store's time; and learn whether the store looks at conditions."""
        path = f"{layout.ProbeScratch(self._nonce()).path}/clock"
        await self._driver.put_content(path, b"")
        info = await self._driver.stat(path, must_exist=True)
        if self._driver.capabilities.conditional_replace:
            with suppress(UnsupportedMethodError):
                await self._driver.put_content(path, b"proof", if_version(info.version))
        with suppress(DriverError):
            await self._driver.delete_file(path, missing_ok=True)
        return info.modified

    async def _is_announced(self, now: datetime) -> bool:
        """Return whether all writers know that a collector is at work."""
        path = layout.CollectionState().path
        with suppress(PathNotFoundError):
            found = await self._driver.get_content(path)
            if Collecting.parse(found.data).active:
                return (now - found.modified).total_seconds() >= self._pace.wait
        await self._driver.put_content(path, Collecting(active=True, grace=self._pace.grace).body())
        return False

    async def _entries(self, mark: Mark) -> list[_Entry]:
        """Read the tombstones of this collector."""
        found = []
        own = [
            each
            for all_of in mark.condemned.values()
            for each in all_of
            if each.collector == self._name
        ]
        for spec in own:
            with suppress(PathNotFoundError):
                content = await self._driver.get_content(spec.path)
                age = (mark.now - content.modified).total_seconds()
                verdict = Verdict.parse(content.data)
                found.append(_Entry(spec.digest, verdict, content.version, age))
        return found

    async def _sweep(self, mark: Mark) -> None:
        """Remove claims that nobody can need any more."""
        for digest, modified in mark.saved.items():
            if not mark.is_fresh(modified) and digest not in mark.condemned:
                await self._driver.delete_file(layout.SavedDigest(digest).path, missing_ok=True)

    async def _advance(self, entry: _Entry, mark: Mark) -> None:
        stage, digest = entry.verdict.stage, entry.digest
        is_linked = stage in {"quarantined", "purging"} and mark.links.get(digest)
        if mark.lives(digest) or is_linked:
            await self._restore(entry)
        elif not mark.is_complete or entry.age < self._pace.wait:
            return
        elif stage == "rescued":
            await self._write(digest, "condemned", if_version(entry.version))
        elif stage in {"condemned", "deleting"}:
            await self._dawdle("deleting")
            await self._delete(entry, mark)
        else:
            await self._dawdle("purging")
            await self._purge(entry)

    async def _dawdle(self, stage: Stage) -> None:
        """Let time pass since the mark, as a large store does; and others know what comes."""
        self._board.tell(stage)
        await self._runtime.sleep(self._pace.mark * self._runtime.random.random())

    async def _restore(self, entry: _Entry) -> None:
        """See that the content is there, and in the end forget that it was condemned."""
        stage, digest = entry.verdict.stage, entry.digest
        if stage in {"deleting", "purging"} and entry.age < self._pace.lease + self._pace.error:
            return  # some of that step may be under way
        if stage != "condemned" and not await self._copy_back(digest):
            if stage in {"deleting", "purging"}:  # nothing is left of it to be kept
                await self._forget(digest)
            return
        if stage != "rescued":
            await self._write(digest, "rescued", if_version(entry.version))
        elif entry.age >= self._pace.wait:
            await self._forget(digest)

    async def _copy_back(self, digest: Digest) -> bool:
        """Put the content back where it is missing; return whether it is there now."""
        data, copy = layout.BlobData(digest).path, layout.Quarantined(digest, self._name).path
        with suppress(PathNotFoundError):
            await self._driver.stat(data)
            return True
        condition = IF_ABSENT if self._driver.capabilities.conditional_copy else ANY
        try:
            await self._driver.copy(copy, data, condition)
        except PathExistsError:
            return True
        except PathNotFoundError:
            return False
        return True

    async def _delete(self, entry: _Entry, mark: Mark) -> None:
        """Remove links and content, and leave a copy."""
        begun, digest = self._runtime.monotonic(), entry.digest
        version = await self._write(digest, "deleting", if_version(entry.version))
        if version is None or await self._is_claimed(digest, mark):
            return
        for link in mark.links.get(digest, ()):
            if self._is_late(begun):
                return
            await self._store.delete_file(link.path, missing_ok=True)
        is_copied = await self._delete_data(digest, begun)
        self._board.tell("quarantined")
        await self._runtime.sleep(self._pace.request)  # until nothing of this is under way
        if is_copied:
            await self._write(digest, "quarantined", if_version(version))
        elif is_copied is not None:
            await self._driver.delete_file(layout.Tombstone(digest, self._name).path)

    async def _delete_data(self, digest: Digest, begun: float) -> bool | None:
        """Leave a copy in place of the content; return whether there is one, ``None``: too late."""
        try:
            data = await self._copy_away(digest)
        except PathNotFoundError:
            return await self._has_copy(digest)
        await self._runtime.sleep(self._pace.lag)  # so that readers find the copy
        if self._is_late(begun):
            return None
        with suppress(PathNotFoundError):
            await self._store.delete_file(layout.BlobData(digest).path, data)
        return True

    def _is_late(self, begun: float) -> bool:
        """Return whether writers may take it that a step has ended which began at *begun*."""
        return self._runtime.monotonic() - begun > self._pace.step

    async def _is_claimed(self, digest: Digest, mark: Mark) -> bool:
        """Return whether a writer that could not compare and swap has claimed *digest*."""
        if self._is_fenced:
            return False
        await self._runtime.sleep(self._pace.lag)
        try:
            saved = await self._driver.get_content(layout.SavedDigest(digest).path)
        except PathNotFoundError:
            return False
        if mark.is_fresh(saved.modified):
            await self._write(digest, "condemned", ANY)
        return mark.is_fresh(saved.modified)

    async def _copy_away(self, digest: Digest) -> Condition:
        """Copy the content, whole; return the condition to delete just that."""
        data, copy = layout.BlobData(digest).path, layout.Quarantined(digest, self._name).path
        found = await self._driver.stat(data)
        await self._driver.copy(data, copy)
        if (await self._driver.stat(copy, must_exist=True)).size != found.size:
            raise PreconditionFailedError(copy, self._driver.name)
        capabilities = self._driver.capabilities
        is_fence = capabilities.conditional_delete and capabilities.unique_versions
        return if_version(found.version) if is_fence else ANY

    async def _has_copy(self, digest: Digest) -> bool:
        try:
            await self._driver.stat(layout.Quarantined(digest, self._name).path)
        except PathNotFoundError:
            return False
        return True

    async def _purge(self, entry: _Entry) -> None:
        """Remove the copy: nobody can want it any more."""
        if entry.verdict.stage == "quarantined":
            condition = if_version(entry.version)
            if await self._write(entry.digest, "purging", condition) is None:
                return
        await self._forget(entry.digest)

    async def _forget(self, digest: Digest) -> None:
        copy = layout.Quarantined(digest, self._name).path
        await self._driver.delete_file(copy, missing_ok=True)
        await self._driver.delete_file(layout.Tombstone(digest, self._name).path, missing_ok=True)

    async def _write(self, digest: Digest, stage: Stage, condition: Condition) -> str | None:
        """Say how far it is with *digest*; return the version, ``None``: a writer was first."""
        pace, path = self._pace, layout.Tombstone(digest, self._name).path
        verdict = Verdict(stage, self._is_fenced, pace.lag, pace.lease, self._nonce())
        kept = condition if self._is_fenced else ANY
        try:
            version = await self._driver.put_content(path, verdict.body(), kept)
        except _REFUSED:
            return None
        return version or (await self._driver.stat(path, must_exist=True)).version

    def _nonce(self) -> str:
        return f"{self._runtime.random.getrandbits(64):016x}"
