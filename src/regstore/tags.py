"""The tags of one repository: names for manifests, each one small file that is replaced whole.

A tag is ``current/link`` (its value) and ``index/`` (every value it ever had). Setting writes the
index first, so that a crash between the two changes nothing; deleting removes ``current`` first.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final, Generic, TypeVar

from regstore import layout
from regstore.consistency.backoff import Backoff
from regstore.consistency.deadline import sleep_in_time
from regstore.digest import Digest
from regstore.driver import ANY as ANY_VERSION
from regstore.driver import IF_ABSENT, Condition, if_version
from regstore.errors import (
    CorruptContentError,
    ManifestUnknownError,
    NameUnknownError,
    PathExistsError,
    PathNotFoundError,
    PreconditionFailedError,
    TagConflictError,
    TagImmutableError,
    TransientError,
    UnsupportedMethodError,
)
from regstore.events import Action
from regstore.links import link_exists, names_in, read_link, read_versioned_link, write_link
from regstore.reference import check_tag
from regstore.scope import Scope, require_conditions

Item = TypeVar("Item")

_SWAP_ATTEMPTS: Final = 1000
_FEW: Final = 6
_BEFORE_OWN: Final = "^"
"""Sorts right before ``_manifests``, ``_layers`` and ``_uploads``."""


class Expectation(Enum):
    """What a tag must be for a change of it to take effect, besides a digest."""

    ANY = "any"
    ABSENT = "absent"


ANY: Final = Expectation.ANY
"""Change the tag whatever it is: the last writer wins."""
ABSENT: Final = Expectation.ABSENT
"""Set the tag only where there is none."""

Expect = Expectation | str


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """A part of an ordered list.

    :ivar last: what to give as ``last`` for the next page; ``None`` on an empty page.
    :ivar more: whether there is a next page.
    """

    items: tuple[Item, ...]
    last: str | None
    more: bool


@dataclass(frozen=True, slots=True)
class TagChange:
    """A value that a tag had, and when it was last set to it (the store's clock, UTC)."""

    digest: Digest
    modified: datetime


class _Settling:
    """Waits for a store to show what is true, as long as it may lag, and a little longer."""

    def __init__(self, scope: Scope) -> None:
        self._runtime = scope.runtime
        self._backoff = Backoff(scope.runtime)
        self._until = scope.runtime.monotonic() + 2 * scope.driver.capabilities.lag

    async def waits(self) -> bool:
        """Wait a little; return ``False`` where there is no time for that."""
        if self._runtime.monotonic() > self._until:
            return False
        return await sleep_in_time(self._runtime, self._backoff.pause())


class AsyncTags:
    """The tags of one repository."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._driver = scope.driver

    async def get(self, tag: str) -> Digest:
        """Return the digest of the manifest that *tag* names.

        That the manifest still exists is not checked.

        :raises TagInvalidError: *tag* is no tag.
        :raises ManifestUnknownError: there is no such tag.
        :raises CorruptContentError: the tag's link holds no digest.
        """
        try:
            return await read_link(self._driver, self._current(tag))
        except PathNotFoundError as error:
            raise self._unknown(tag) from error

    async def set(self, tag: str, digest: str, expect: Expect = ANY) -> None:
        """Make *tag* name a manifest of this repository.

        :param expect: :data:`ANY`, :data:`ABSENT`, or the digest that the tag must name now. By
            value: finding *digest* itself there is success.
        :raises TagInvalidError: *tag* is no tag.
        :raises ManifestUnknownError: this repository has no such manifest.
        :raises TagConflictError: the tag is not what was expected; the error says what it is.
        :raises TagImmutableError: the policy forbids to move it.
        :raises UnsupportedMethodError: *expect* is not ANY and the store cannot keep conditions.
        :raises ReadOnlyError: the registry was opened read-only.
        """
        await self._scope.writing()
        wanted, expect = Digest(digest), _checked(expect)
        revision = layout.RevisionLink(self._scope.name, wanted).path
        check_tag(tag)
        if not await link_exists(self._driver, revision):
            msg = f"repository {self._scope.name!r} has no manifest {wanted}: push it first"
            raise ManifestUnknownError(msg, name=self._scope.name, reference=str(wanted))
        await self.point(tag, wanted, expect)

    async def point(self, tag: str, digest: Digest, expect: Expect = ANY) -> None:
        """Do what :meth:`set` does, for a manifest that is known to be there."""
        if self._scope.policy.tags.is_immutable(self._scope.name, tag):
            expect = await self._expect_unmoved(tag, digest, expect)
        if expect is ANY:
            await self._write_index(tag, digest)
            await write_link(self._driver, self._current(tag), digest)
        else:
            await self._swap(tag, digest, expect)
        self._scope.tell(Action.TAG_SET, digest=digest, tag=tag)

    async def delete(self, tag: str, expect: Expect = ANY) -> None:
        """Delete *tag* and its history; the manifest stays.

        Costs one deletion that tells whether there was a tag, a listing of the index, the deletion
        of what it holds, and one read to see whether the tag was set again meanwhile; with a digest
        one read more.

        :param expect: :data:`ANY`, or the digest that the tag must name now.
        :raises TagInvalidError: *tag* is no tag.
        :raises ManifestUnknownError: there is no such tag.
        :raises TagConflictError: the tag names another manifest; the error says which.
        :raises TagImmutableError: the policy forbids it.
        :raises UnsupportedMethodError: *expect* is a digest and the store cannot keep conditions.
        :raises ReadOnlyError: the registry was opened read-only.
        """
        await self._scope.writing()
        expect = _checked(expect)
        if self._scope.policy.tags.is_immutable(self._scope.name, tag):
            raise self._immutable(tag)
        try:
            await self._delete_current(tag, expect)
        except PathNotFoundError as error:
            await self._delete_index(tag)  # an earlier deletion may have been cut short
            raise self._unknown(tag) from error
        await self._delete_index(tag)
        self._scope.tell(Action.TAG_DELETED, tag=tag)

    async def require_settable(self, tags: Iterable[str], digest: Digest) -> None:
        """Raise where the policy forbids to make one of *tags* name *digest*, or cannot be kept.

        :raises TagImmutableError: it does.
        :raises ConfigurationError: the store was found to keep no conditions.
        """
        for tag in tags:
            if self._scope.policy.tags.is_immutable(self._scope.name, tag):
                await self._expect_unmoved(tag, digest, ANY)

    async def require_deletable(self, digest: Digest, tags: Iterable[str]) -> None:
        """Raise where one of *tags* names *digest*, and the policy forbids to delete that tag.

        Costs one read for each of *tags* that the policy protects.

        :raises TagImmutableError: it does.
        """
        forbids = self._scope.policy.tags.is_immutable
        for tag in await self._among(digest, [t for t in tags if forbids(self._scope.name, t)]):
            raise self._immutable(tag)

    async def release(self, digest: Digest, tags: Iterable[str]) -> None:
        """Delete those of *tags* that name *digest*, whatever the policy says.

        Costs one read per tag; for each that is deleted what :meth:`delete` does. Where the store
        deletes without conditions, a tag that is set between the two is lost.
        """
        await self._scope.runtime.map(lambda tag: self._release(tag, digest), tags)

    async def all(self, *, verify: bool = False) -> AsyncGenerator[str, None]:
        """Yield the tags in byte order.

        What is listed are directories, so a name may appear whose :meth:`get` raises.

        :param verify: read each tag, and leave those out.
        :raises NameUnknownError: there is no such repository.
        """
        async with aclosing(self._names(None, None)) as names:
            async for tag in names:
                if not verify or await self._find(tag) is not None:
                    yield tag

    async def page(self, limit: int, last: str | None = None) -> Page[str]:
        """Return at most *limit* tags after *last*, in byte order.

        :param last: where to go on; need not exist.
        :raises NameUnknownError: there is no such repository.
        :raises ValueError: *limit* is negative.
        """
        async with aclosing(self._names(last, check_limit(limit) + 1)) as names:
            return page_of([tag async for tag in names], limit)

    async def history(self, tag: str) -> list[TagChange]:
        """Return what *tag* has named, newest first. Gone once the tag is deleted.

        A value that lost a race for the tag may be among them.

        :raises TagInvalidError: *tag* is no tag.
        :raises ManifestUnknownError: there is no such tag.
        """
        try:
            current, content = await read_versioned_link(self._driver, self._current(tag))
        except PathNotFoundError as error:
            raise self._unknown(tag) from error
        changes = {current: TagChange(current, content.modified)}
        root = layout.TagIndex(self._scope.name, tag).path
        with suppress(PathNotFoundError):
            async with aclosing(self._driver.walk(root)) as files:
                async for info in files:
                    spec = layout.parse(info.path)
                    if isinstance(spec, layout.TagIndexLink) and spec.digest != current:
                        changes[spec.digest] = TagChange(spec.digest, info.modified)
        return sorted(changes.values(), key=lambda change: change.modified, reverse=True)

    async def naming(self, digest: str) -> list[str]:
        """Return the tags that name *digest*, at one read per tag of the repository."""
        return await self._among(Digest(digest), await self.listed())

    async def listed(self) -> list[str]:
        """Return what :meth:`all` yields; nothing where there is no such repository."""
        return await names_in(self._driver, layout.TagsRoot(self._scope.name).path)

    async def _among(self, digest: Digest, tags: list[str]) -> list[str]:
        """Return those of *tags* that name *digest*."""
        found = await self._scope.runtime.map(self._find, tags)
        return [tag for tag, current in zip(tags, found, strict=True) if current == digest]

    async def _find(self, tag: str) -> Digest | None:
        """Return what :meth:`get` does, ``None`` where it raises."""
        try:
            return await self.get(tag)
        except (ManifestUnknownError, CorruptContentError):
            return None

    async def _names(self, last: str | None, limit: int | None) -> AsyncGenerator[str, None]:
        root = layout.TagsRoot(self._scope.name).path
        try:
            async with aclosing(self._driver.list(root, last, limit)) as names:
                async for name in names:
                    yield name
        except PathNotFoundError:
            await self._require_repository()

    async def _require_repository(self) -> None:
        """Tell an empty repository from none, and from a mere prefix of others' names."""
        root = layout.RepositoryRoot(self._scope.name).path
        with suppress(PathNotFoundError):
            async with aclosing(self._driver.list(root, _BEFORE_OWN, 1)) as names:
                if any([name.startswith("_") async for name in names]):
                    return
        msg = f"there is no repository {self._scope.name!r}: push something to it first"
        raise NameUnknownError(msg, name=self._scope.name)

    async def _swap(self, tag: str, digest: Digest, expect: Expect) -> None:
        """Write ``current`` if it is what is expected; finding the new value there is success.

        A store that lags may show it although it is there no longer: so it is written again.
        """
        settling = _Settling(self._scope)
        for _ in range(_SWAP_ATTEMPTS):
            current, condition = await self._condition(tag)
            if current == digest and self._shows_truth:
                return
            if current not in {digest, None if expect is ABSENT else expect}:
                raise self._conflict(tag, current)
            await self._write_index(tag, digest)
            try:
                body = layout.link_body(digest)
                await self._driver.put_content(self._current(tag), body, condition)
            except (PathExistsError, PreconditionFailedError):
                await self._let_settle(tag, settling)
                continue
            return
        raise self._restless(tag)

    @property
    def _shows_truth(self) -> bool:
        return self._driver.capabilities.read_after_overwrite

    async def _let_settle(self, tag: str, settling: _Settling) -> None:
        """Give a store that lags some time to show what has refused a change.

        :raises TransientError: it has had that, or the caller has none.
        """
        if not self._shows_truth and not await settling.waits():
            raise self._restless(tag)

    async def _condition(self, tag: str) -> tuple[Digest | None, Condition]:
        try:
            current, content = await read_versioned_link(self._driver, self._current(tag))
        except PathNotFoundError:
            return None, IF_ABSENT
        return current, if_version(content.version)

    async def _release(self, tag: str, digest: Digest) -> None:
        try:
            await self._delete_current(tag, digest, loosely=True)
        except (PathNotFoundError, CorruptContentError, TagConflictError):
            return
        await self._delete_index(tag)
        self._scope.tell(Action.TAG_DELETED, tag=tag)

    async def _delete_current(self, tag: str, expect: Expect, *, loosely: bool = False) -> None:
        """Delete ``current`` if it is what is expected.

        :param loosely: as far as a read tells, where the store deletes without conditions; and it
            does not matter who deletes it between that read and this deletion.
        """
        path = self._current(tag)
        if expect is ANY:
            await self._driver.delete_file(path)
            return
        settling = _Settling(self._scope)
        is_fenced = not loosely or self._driver.capabilities.conditional_delete
        for _ in range(_SWAP_ATTEMPTS):
            current, content = await read_versioned_link(self._driver, path)
            if current != expect:
                raise self._conflict(tag, current)
            condition = if_version(content.version) if is_fenced else ANY_VERSION
            try:
                await self._driver.delete_file(path, condition, missing_ok=loosely)
            except PreconditionFailedError:
                await self._let_settle(tag, settling)
                continue
            except UnsupportedMethodError:
                if not (loosely and is_fenced):
                    raise
                is_fenced = False  # what a store keeps may be found out only now
                continue
            return
        raise self._restless(tag)

    async def _delete_index(self, tag: str) -> None:
        """Forget the history, but not that of a tag which was set again meanwhile."""
        root = layout.TagIndex(self._scope.name, tag).path
        with suppress(PathNotFoundError):
            if self._driver.capabilities.parked_notes and (few := await self._few(root)):
                await self._scope.runtime.map(self._forget, few)
            else:
                await self._driver.delete(root)
        with suppress(PathNotFoundError):
            await self._write_index(tag, await read_link(self._driver, self._current(tag)))

    async def _few(self, root: str) -> list[str]:
        """Return what lies below *root*, where that is so little that to delete the tree is dearer.

        Drivers that keep something beside what they park look for it in each tree, too.
        """
        async with aclosing(self._driver.walk(root)) as files:
            paths = []
            async for info in files:
                paths.append(info.path)
                if len(paths) > _FEW:
                    return []
        return paths

    async def _forget(self, path: str) -> None:
        await self._driver.delete_file(path, missing_ok=True)

    async def _write_index(self, tag: str, digest: Digest) -> None:
        link = layout.TagIndexLink(self._scope.name, tag, digest)
        await write_link(self._driver, link.path, digest)

    async def _expect_unmoved(self, tag: str, digest: Digest, expect: Expect) -> Expect:
        """Narrow *expect* for a tag that never changes once it is set.

        :raises ConfigurationError: the store was found to keep no conditions.
        """
        current, _ = await self._condition(tag)
        if current == digest:
            return digest
        if current is not None:
            raise self._immutable(tag)
        require_conditions(self._scope.policy, self._driver)  # the store may have been found out
        return ABSENT if expect is ANY else expect

    def _current(self, tag: str) -> str:
        return layout.TagCurrentLink(self._scope.name, tag).path

    def _unknown(self, tag: str) -> ManifestUnknownError:
        msg = f"repository {self._scope.name!r} has no tag {tag!r}"
        return ManifestUnknownError(msg, name=self._scope.name, reference=tag)

    def _conflict(self, tag: str, current: Digest | None) -> TagConflictError:
        msg = f"tag {tag!r} is {current or 'absent'}, not what was expected: decide again"
        return TagConflictError(msg, name=self._scope.name, tag=tag, current=current)

    def _restless(self, tag: str) -> TransientError:
        detail = f"tag {tag!r} changed again and again while it was looked at; try again"
        return TransientError(self._current(tag), self._driver.name, detail)

    def _immutable(self, tag: str) -> TagImmutableError:
        msg = f"the policy makes tag {tag!r} of {self._scope.name!r} immutable: use another tag"
        return TagImmutableError(msg, name=self._scope.name, tag=tag)


def _checked(expect: Expect) -> Expect:
    if not isinstance(expect, str | Expectation):
        msg = f"expect is a digest, regstore.ANY or regstore.ABSENT, not {expect!r}"
        raise TypeError(msg)
    return Digest(expect) if isinstance(expect, str) else expect


def check_limit(limit: int) -> int:
    """Return *limit* if a page can have so many items.

    :raises ValueError: it is negative.
    """
    if limit < 0:
        msg = f"a page cannot have {limit} items"
        raise ValueError(msg)
    return limit


def page_of(found: list[str], limit: int) -> Page[str]:
    """Return the page of *found*, which has one item more where there is a next page."""
    items = tuple(found[:limit])
    return Page(items, items[-1] if items else None, len(found) > limit)
