"""What writers and readers owe to collectors: that nothing is collected which somebody still needs.

A collector marks what nobody refers to with a tombstone, waits, deletes it but for a copy, waits
again, and deletes the copy (:data:`regstore.layout.Stage`). A writer that gives a repository a link
does not know whether the collector has seen it. So it looks for tombstones *after* it has written
the link: either the collector's next look meets the link, or the writer meets the tombstone, and
rescues the content before anybody is told that it is there. A reader whose link leads nowhere reads
the copy.

While no collector is at work that costs one small read a minute.

All of this rests on what collectors do in turn:

- ``gc/state`` says ``active`` for longer than :data:`STATE_SECONDS`, and than the store lags,
  before anything is condemned, and until no tombstone is left;
- each step of a digest waits longer than :data:`REACH_SECONDS` and all lags, and then for a
  complete look at all links and claims that was begun after that;
- whatever a tombstone says of compare-and-swap, a collector that has written ``deleting`` waits out
  the lag and looks for a claim (:class:`regstore.layout.SavedDigest`) before it removes anything:
  a writer may have no conditions where the collector has;
- links of layers go first, then the content, and not before its copy is whole;
- a step that is not done within the ``lease`` that its tombstone tells is given up.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final, TypeVar

from regstore import layout
from regstore._protections import protections, waits
from regstore.consistency.backoff import Backoff
from regstore.consistency.deadline import sleep_in_time
from regstore.digest import Digest
from regstore.driver import ANY, IF_ABSENT, Content, if_version
from regstore.errors import (
    CorruptContentError,
    PathExistsError,
    PathNotFoundError,
    PreconditionFailedError,
    TransientError,
    UnsupportedMethodError,
)
from regstore.links import names_in
from regstore.scope import Scope

T = TypeVar("T")

Link = layout.LayerLink | layout.RevisionLink
"""What gives content to a repository."""

_NONCE_BITS: Final = 64

_UNDER_WAY: Final = frozenset({"deleting", "purging", "unknown"})


async def refresh(scope: Scope) -> None:
    """Learn whether a collector is at work, where that is not known well enough: one read.

    :raises DriverError: the store did not say.
    """
    if not protections().tombstone_check or _is_known(scope):
        return
    asked_at = scope.runtime.monotonic()
    try:
        content = await scope.driver.get_content(layout.CollectionState().path)
    except PathNotFoundError:
        state = layout.Collecting(active=False)
    else:
        state = layout.Collecting.parse(content.data)
    scope.collection.state, scope.collection.read_at = state, asked_at


async def learning(scope: Scope, work: Coroutine[Any, Any, T]) -> T:
    """Await *work*, and do what :func:`refresh` does at the same time."""
    if _is_known(scope):
        return await work
    result, _ = await scope.runtime.both(work, refresh(scope))
    return result


async def is_collecting(scope: Scope) -> bool:
    """Return whether a collector may be at work."""
    await refresh(scope)
    return protections().tombstone_check and scope.collection.state.active


def is_stale(scope: Scope, link: Content) -> bool:
    """Return whether a link is so old that content may have been condemned in spite of it."""
    age = scope.runtime.now() - link.modified
    return age.total_seconds() > scope.collection.state.grace / 2


def is_late(scope: Scope, begun: float) -> bool:
    """Return whether a collector may have gone on without a writer that began then."""
    is_past = scope.runtime.monotonic() - begun > waits().reach / 2
    return protections().tombstone_check and protections().late_check and is_past


def _is_known(scope: Scope) -> bool:
    read_at = scope.collection.read_at
    return read_at is not None and scope.runtime.monotonic() - read_at <= waits().state


async def in_quarantine(
    scope: Scope, digest: Digest, read: Callable[[str], Awaitable[T]]
) -> T | None:
    """Read content that a link names and that is not at its place; ``None`` where it is lost.

    Costs one listing, and what *read* costs where there is a copy.

    :param read: reads the file whose path it is given.
    """
    if not protections().quarantine_read:
        return None
    for copy in await _copies(scope, digest):
        with suppress(PathNotFoundError):
            return await read(copy)
    return None


async def _copies(scope: Scope, digest: Digest) -> list[str]:
    collectors = await names_in(scope.driver, layout.Trash(digest).path)
    return [layout.Quarantined(digest, collector).path for collector in collectors]


class Claim:
    """A writer's claim to content that it puts down, or has found.

    :param digest: under which the content lies.
    :param link: what gives it to a repository; holds *digest*.
    :param begun: :meth:`Runtime.monotonic <regstore.driver.Runtime.monotonic>` of before the writer
        looked at the content, or put it down.
    :param restore: puts the content there again; without it only a copy can.
    """

    def __init__(
        self,
        scope: Scope,
        digest: Digest,
        link: Link,
        begun: float,
        restore: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self._scope = scope
        self._driver = scope.driver
        self._digest = digest
        self._link = link
        self._begun = begun
        self._restore = restore
        self._has_saved = False
        self._may_swap = True

    async def hold(self) -> None:
        """Write the link, and see that the content is not taken from under it.

        Costs the link, and at the same time one read where it is not known whether a collector is
        at work; one listing more where one is.

        :raises PathNotFoundError: the content was collected, and nobody has it any more. The link
            stays; whoever pushes the content again repairs it.
        :raises TransientError: there was no time to wait for a collector; try again.
        """
        await learning(self._scope, self._write_link())
        if await is_collecting(self._scope):
            await self.rescue()
        elif self._is_late():
            await self._see_content()

    async def rescue(self) -> None:
        """Take the content from all collectors that have condemned it, as :meth:`hold` does."""
        tombstones = layout.Tombstones(self._digest)
        collectors = await names_in(self._driver, tombstones.path)
        for collector in collectors:
            await self._rescue_from(layout.Tombstone(self._digest, collector).path)
        if collectors and isinstance(self._link, layout.LayerLink):  # it was removed first
            await self._write_link()
        if collectors or self._is_late():
            await self._see_content()

    async def restore(self) -> None:
        """Do what :meth:`rescue` does for content that was missed, whoever says what."""
        if protections().tombstone_check:
            await self.rescue()
        await self._see_content()

    async def _write_link(self) -> None:
        await self._driver.put_content(self._link.path, layout.link_body(self._digest))

    def _is_late(self) -> bool:
        return is_late(self._scope, self._begun)

    async def _rescue_from(self, tombstone: str) -> None:
        """Return once this collector will not delete the content, or has and it is back."""
        patience = _Patience(self._scope, tombstone)
        while True:
            try:
                found = await self._driver.get_content(tombstone)
            except PathNotFoundError:
                return
            verdict = layout.Verdict.parse(found.data)
            if verdict.stage == "rescued":
                return
            is_fenced = verdict.fenced and self._may_swap
            is_fenced = is_fenced and self._driver.capabilities.conditional_replace
            if not (is_fenced or self._has_saved) and protections().saved_claim:
                await self._save(verdict)
                continue
            if verdict.stage in _UNDER_WAY and await patience.allows(verdict, found.version):
                continue
            if verdict.stage != "condemned":
                await self._until_settled(verdict)
                await self._see_content()
            if not is_fenced or verdict.stage in {"purging", "unknown"}:
                return  # the collector sees the link, or the claim
            if await self._swap(tombstone, verdict, found.version):
                return
            await patience.pause()

    async def _swap(self, tombstone: str, verdict: layout.Verdict, version: str) -> bool:
        """Tell the collector, unless it has gone on meanwhile."""
        await self._scope.writing_own()
        nonce = f"{self._scope.runtime.random.getrandbits(_NONCE_BITS):016x}"
        rescued = replace(verdict, stage="rescued", nonce=nonce)
        try:
            await self._driver.put_content(tombstone, rescued.body(), if_version(version))
        except (PathNotFoundError, PreconditionFailedError):
            return False
        except UnsupportedMethodError:
            self._may_swap = False
            return False
        return True

    async def _save(self, verdict: layout.Verdict) -> None:
        """Leave a claim which the collector looks at before it deletes."""
        await self._scope.mark_own()
        path = layout.SavedDigest(self._digest).path
        await self._driver.put_content(path, layout.saved_body(self._digest))
        self._has_saved = True
        await self._until_settled(verdict)

    async def _until_settled(self, verdict: layout.Verdict) -> None:
        """Wait until everyone sees what was written until now, on a store that lags."""
        lag = max(verdict.lag, self._driver.capabilities.lag)
        if lag and protections().settled_claim:
            await _wait(self._scope, layout.SavedDigest(self._digest).path, lag)

    async def _see_content(self) -> None:
        """Return once the content is at its place.

        :raises PathNotFoundError: nobody has it.
        """
        path = layout.BlobData(self._digest).path
        try:
            await self._driver.stat(path, must_exist=True)
        except PathNotFoundError:
            if self._restore is not None:
                await self._restore()
                return
            for copy in await _copies(self._scope, self._digest):
                with suppress(PathNotFoundError):
                    await self._copy_back(copy, path)
                    return
            raise

    async def _copy_back(self, copy: str, path: str) -> None:
        condition = IF_ABSENT if self._driver.capabilities.conditional_copy else ANY
        with suppress(PathExistsError):
            try:
                await self._driver.copy(copy, path, condition)
            except UnsupportedMethodError:
                await self._driver.copy(copy, path)
        size = (await self._driver.stat(copy, must_exist=True)).size
        if (await self._driver.stat(path, must_exist=True)).size != size:
            msg = f"{path} is not as large as the copy that it was restored from: push it again"
            raise CorruptContentError(msg, path=path, digest=str(self._digest))


class _Patience:
    """Waits for a collector that is in the middle of a step, as long as the step may take."""

    def __init__(self, scope: Scope, tombstone: str) -> None:
        self._scope = scope
        self._tombstone = tombstone
        self._backoff = Backoff(scope.runtime)
        self._version: str | None = None
        self._since = 0.0

    async def allows(self, verdict: layout.Verdict, version: str) -> bool:
        """Wait a little, unless the collector has let its lease pass.

        :raises TransientError: the caller has no time for that.
        """
        runtime = self._scope.runtime
        if version != self._version:
            self._version, self._since = version, runtime.monotonic()
        if runtime.monotonic() - self._since > verdict.lease:
            return False
        await self.pause()
        return True

    async def pause(self) -> None:
        """Wait a little before looking again.

        :raises TransientError: the caller has no time for that.
        """
        await _wait(self._scope, self._tombstone, self._backoff.pause())


async def _wait(scope: Scope, path: str, seconds: float) -> None:
    if not await sleep_in_time(scope.runtime, seconds):
        detail = "a collector was about to delete this content: push it again in a minute"
        raise TransientError(path, scope.driver.name, detail)
