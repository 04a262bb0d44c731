"""Reading until what this process has done is there to be seen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import partial
from math import inf
from typing import Final, Generic, NoReturn, TypeVar

from regstore.consistency.deadline import MOMENT
from regstore.consistency.journal import Entry, Journal
from regstore.consistency.trust import Trust
from regstore.driver import FileInfo, StorageDriver
from regstore.errors import NotYetVisibleError, PathNotFoundError, TransientError

T = TypeVar("T")

FIRST_PAUSE: Final = 0.025
GROWTH: Final = 1.5
LONGEST_PAUSE: Final = 2.0
_MISSED_FOR: Final = 600.0
"""Seconds after a write within which a store that did not show it is found out."""
CLOCK_ERROR: Final = timedelta(seconds=5)
"""By how much less the clocks differ that date one store's objects."""


@dataclass(slots=True)
class Seen:
    """What the store showed: enough to tell one version from another."""

    version: str
    modified: datetime
    size: int | None = None
    data: bytes | None = None
    is_dir: bool = False


@dataclass(slots=True)
class Asked(Generic[T]):
    """One way to read one path.

    :ivar read: makes one request.
    :ivar look: what of its answer tells the version.
    :ivar give_up: releases an answer that is not taken.
    :ivar remembered: makes the answer from the journal, or ``None`` where that cannot be.
    """

    path: str
    read: Callable[[], Awaitable[T]]
    look: Callable[[T], Seen]
    give_up: Callable[[T], Awaitable[object]] | None = None
    remembered: Callable[[Entry], T | None] = lambda _: None


class Verdict(Enum):
    """What an answer is, in the light of the journal; ``STALE`` beyond doubt."""

    CURRENT = 1
    NEWER = 2
    DOUBTFUL = 3
    STALE = 4


class SettledReads:
    """Holds answers against the journal, and asks again where they lag behind it.

    :param left: seconds that the caller still has; ``None`` if it has no deadline.
    """

    def __init__(
        self,
        driver: StorageDriver,
        journal: Journal,
        trust: Trust,
        left: Callable[[], float | None],
    ) -> None:
        self.driver = driver
        self.journal = journal
        self.trust = trust
        self.left = left

    async def read(self, asked: Asked[T], *, must_exist: bool) -> T:
        """Return the answer that this process may see.

        :raises PathNotFoundError: nothing is there, and what was there is gone for certain.
        :raises NotYetVisibleError: it is not known whether something is there.
        """
        entry = self.journal.find(asked.path)
        if entry is not None:
            self.trust.seen.hits += 1
        begun = self.driver.runtime.monotonic()
        answer = await self.once(asked)
        if self.journal.missed:
            held = partial(self._hold_against_missed, asked, answer, begun)
            await self.tell(asked, answer, held)
        if answer is not None and (entry is None or self._is_own(asked.look(answer), entry)):
            return answer
        if answer is None and must_exist:
            entry = self.recent(entry)
        verdict = self.judge(asked, answer, entry, must_exist=must_exist)
        if verdict is Verdict.CURRENT or verdict is Verdict.NEWER:
            return self.taken(asked, answer, entry, verdict)
        return await _Wait(self, asked, begun, must_exist=must_exist).go(answer)

    def note_missed(self, path: str, entry: Entry, sent: float) -> None:
        """Remember that a request *sent* then did not show what should have been there.

        Others may have deleted it. Where versions never come twice it tells if it shows again.
        """
        if entry.kind == "put" and entry.version and self.trust.capabilities.unique_versions:
            missed = Entry("put", entry.known_at, entry.written, entry.version, missed_at=sent)
            missed.gone_by = self.driver.runtime.monotonic()
            self.journal.missed.expire(sent - _MISSED_FOR)
            self.journal.missed.record(path, missed)
            missed.fresh = entry.fresh

    def _hold_against_missed(self, asked: Asked[T], answer: T | None, sent: float) -> None:
        """Report the store if *answer* is what it should have shown before, and did not.

        An answer may be as old as its request and the store's bound, and then show what was deleted
        meanwhile.
        """
        path = asked.path
        missed = self.journal.missed.find(path)
        if missed is None:
            return
        if answer is None and self.journal.find(path) is None:
            missed.missed_at = max(missed.missed_at, sent)
            missed.gone_by = self.driver.runtime.monotonic()
        elif answer is None or asked.look(answer).version != missed.version:
            self.journal.missed.forget(path, missed)
        elif sent - missed.gone_by > (self.trust.bound or 0.0):
            self.journal.missed.forget(path, missed)
            self.trust.shown_late(path, missed.missed_at - missed.time, is_new=missed.fresh)

    async def tell(self, asked: Asked[T], answer: T | None, what: Callable[[], object]) -> None:
        """Do *what* may tell the hook of a violation; where that raises, let go of *answer*."""
        try:
            what()
        except BaseException:
            await self.release(asked, answer)
            raise

    async def release(self, asked: Asked[T], answer: T | None) -> None:
        """Let go of an answer that is not taken."""
        if answer is not None and asked.give_up is not None:
            await asked.give_up(answer)

    def _is_own(self, seen: Seen, entry: Entry) -> bool:
        """Whether the last write of this process is shown, which is what is found as a rule."""
        if entry.kind != "put" or entry.rivals or seen.version != entry.version:
            return False
        entry.modified = seen.modified
        return True

    def recent(self, entry: Entry | None) -> Entry | None:
        """Return *entry* if it may explain that what must exist is missed.

        Once everybody sees what this process did, others have done something since.
        """
        bound = self.trust.bound
        if entry is None or not bound:
            return entry
        return entry if self.driver.runtime.monotonic() <= entry.time + bound else None

    def judge(
        self, asked: Asked[T], answer: T | None, entry: Entry | None, *, must_exist: bool
    ) -> Verdict:
        """Say what *answer* is, where *entry* is the last that this process did there."""
        if entry is None:
            return Verdict.DOUBTFUL if answer is None and must_exist else Verdict.CURRENT
        if answer is None:
            return Verdict.DOUBTFUL if entry.kind == "put" else Verdict.CURRENT
        keeps = self.trust.capabilities
        return judged(
            entry,
            asked.look(answer),
            unique=keeps.unique_versions,
            dated=keeps.modified_is_commit_time,
            prompt=keeps.read_after_overwrite,
        )

    async def once(self, asked: Asked[T]) -> T | None:
        """Make one request; return ``None`` where it finds nothing."""
        try:
            return await asked.read()
        except PathNotFoundError:
            return None

    def taken(self, asked: Asked[T], answer: T | None, entry: Entry | None, how: Verdict) -> T:
        """Return *answer* to the caller, or raise where it is that nothing is there."""
        if answer is None:
            raise PathNotFoundError(asked.path, self.driver.name)
        if entry is not None:
            if how is Verdict.NEWER:
                self.adopt(asked.path, entry, asked.look(answer))
            elif entry.kind == "put" and entry.version is not None and not entry.rivals:
                entry.modified = asked.look(answer).modified
        return answer

    def adopt(self, path: str, entry: Entry, seen: Seen) -> None:
        """Remember what others have made of *path* since, so that it does not become older again.

        It keeps the time of this process's own change: nothing is waited for any longer.
        """
        if self.journal.find(path) is not entry or seen.is_dir:
            self.journal.forget(path, entry)
        else:
            adopted = Entry("put", entry.time, entry.written, seen.version, seen.size, seen.data)
            adopted.modified = seen.modified
            adopted.adopted_at = self.driver.runtime.monotonic()
            self.journal.record(path, adopted)


class _Wait(Generic[T]):
    """One read that was not content with its first answer.

    An answer is as old as its request: one that was under way for long proves nothing of the time
    at which it comes.

    :param begun: when the first request was sent.
    """

    def __init__(
        self, reads: SettledReads, asked: Asked[T], begun: float, *, must_exist: bool
    ) -> None:
        self._reads = reads
        self._asked = asked
        self._must_exist = must_exist
        self._trust = reads.trust
        self._journal = reads.journal
        self._runtime = reads.driver.runtime
        self._name = reads.driver.name
        self._begun = begun
        self._sent = begun
        left = reads.left()
        self._deadline = inf if left is None else self._runtime.monotonic() + left
        self._missed = False
        self._stale_at = 0.0

    async def go(self, answer: T | None) -> T:
        self._trust.seen.waits += 1
        answered = self._runtime.monotonic()
        try:
            return await self._until_settled(answer)
        finally:
            self._trust.seen.seconds_waited += self._runtime.monotonic() - answered

    async def _until_settled(self, answer: T | None) -> T:
        pause = FIRST_PAUSE
        while True:
            entry = self._journal.find(self._asked.path)
            if answer is None and self._must_exist:
                entry = self._reads.recent(entry)
            verdict = self._reads.judge(self._asked, answer, entry, must_exist=self._must_exist)
            if verdict is Verdict.CURRENT or verdict is Verdict.NEWER:
                appeared = partial(self._appeared, entry, verdict)
                await self._reads.tell(self._asked, answer, appeared)
                return self._reads.taken(self._asked, answer, entry, verdict)
            note = partial(self._note, entry, answer, verdict)
            await self._reads.tell(self._asked, answer, note)
            now, end = self._runtime.monotonic(), self._end(entry, verdict)
            is_sure = self._sent > end
            if is_sure or now > self._deadline - MOMENT:
                return await self._ended(entry, answer, verdict, is_sure=is_sure)
            await self._reads.release(self._asked, answer)
            rest = min(pause, end + MOMENT - now, self._deadline - now)
            await self._runtime.sleep(max(0.0, rest))
            pause = min(pause * GROWTH, LONGEST_PAUSE)
            answer = await self._again()

    async def _again(self) -> T | None:
        """Ask once more; where the caller's time ends first nothing is seen, and nothing proved."""
        self._trust.seen.reads_again += 1
        self._sent = self._runtime.monotonic()
        try:
            return await self._reads.once(self._asked)
        except TransientError:
            if self._runtime.monotonic() < self._deadline - MOMENT:
                raise
            self._sent = -inf
            return None

    def _end(self, entry: Entry | None, verdict: Verdict) -> float:
        """Return the time after which another answer cannot be expected.

        What others have made of it is not waited for, but where what shows is older for certain.
        """
        if entry is None:
            # Somebody else wrote it: where nobody ever knew a bound, waiting proves nothing.
            return self._begun + self._trust.reach if self._trust.reach else -inf
        # A store that promises not to lag is asked once more whatever the age of the write.
        since = entry.known_at if verdict is Verdict.STALE else entry.time
        end = since + self._trust.window
        return max(end, self._begun) if self._is_prompt else end

    @property
    def _is_prompt(self) -> bool:
        return self._trust.bound == 0

    def _note(self, entry: Entry | None, answer: T | None, verdict: Verdict) -> None:
        """Report an answer that is stale beyond doubt where the store promises none."""
        self._missed = self._missed or answer is None
        self._stale_at = self._sent
        if verdict is not Verdict.STALE or entry is None or self._sent < entry.known_at:
            return
        age, bound = self._sent - entry.known_at, self._trust.bound
        if self._trust.capabilities.read_after_overwrite:
            self._trust.violated(self._asked.path, "read_after_overwrite", age)
        elif bound is not None and age > bound:
            self._trust.violated(self._asked.path, "staleness_bound", age)

    def _appeared(self, entry: Entry | None, verdict: Verdict) -> None:
        """Learn from what is shown at last how long it took."""
        if entry is None or verdict is Verdict.NEWER or entry.time > self._begun:
            return
        if entry.adopted_at is not None and entry.adopted_at >= self._begun:
            return  # others have written it since, and what was missed was before that
        age = max(self._stale_at - entry.known_at, 0.0)
        self._trust.seen.staleness = max(self._trust.seen.staleness, age)
        # Others may have deleted it, and written the same again: not where versions come but once.
        # Where deletions may lag it was deleted, perhaps, and what shows it now is behind.
        keeps = self._trust.capabilities
        is_same = keeps.unique_versions and entry.version is not None
        if entry.kind == "put" and self._missed and is_same and keeps.read_after_overwrite:
            self._trust.shown_late(self._asked.path, age, is_new=entry.fresh)

    async def _ended(
        self, entry: Entry | None, answer: T | None, verdict: Verdict, *, is_sure: bool
    ) -> T:
        """Decide when no more can be waited."""
        if verdict is not Verdict.STALE and (is_sure and self._trust.bound is not None):
            # Whoever has not shown this process's change by now shows a later one.
            return self._others(entry, answer)
        if entry is None:
            if is_sure:
                raise PathNotFoundError(self._asked.path, self._name)
            self._not_yet("something proves that it exists")
        if verdict is Verdict.DOUBTFUL and is_sure and answer is not None:
            return self._others(entry, answer)
        await self._reads.release(self._asked, answer)
        if entry.kind != "put":
            self._trust.seen.from_journal += 1
            raise PathNotFoundError(self._asked.path, self._name, "deleted by this process")
        # Where nothing should lag it is as likely that others have taken it away.
        remembered = None if self._is_prompt else self._asked.remembered(entry)
        if remembered is None:
            self._not_yet("this process has written it")
        self._trust.seen.from_journal += 1
        return remembered

    def _others(self, entry: Entry | None, answer: T | None) -> T:
        if entry is not None:
            # Which of the others' changes are older than others of them is not told by any answer.
            self._journal.forget(self._asked.path, entry)
        if answer is None:
            if entry is not None:
                self._reads.note_missed(self._asked.path, entry, self._sent)
            raise PathNotFoundError(self._asked.path, self._name)
        return answer

    def _not_yet(self, why: str) -> NoReturn:
        self._trust.seen.not_yet += 1
        now = self._runtime.monotonic()
        is_late = now > self._deadline - MOMENT
        until = "before the caller's deadline" if is_late else f"within {now - self._begun:.3g} s"
        detail = f"{why}, and the store did not show it {until}: try again"
        raise NotYetVisibleError(self._asked.path, self._name, detail)


def judged(entry: Entry, seen: Seen, *, unique: bool, dated: bool, prompt: bool) -> Verdict:
    """Hold what the store shows against what this process did there last.

    :param unique: the same bytes never have the same version twice.
    :param dated: its time tells which of two versions came first, if they are far enough apart;
        not where an equal one may be another's, of another time.
    :param prompt: the store promises to show replacements and deletions at once.
    """
    if entry.kind == "put":
        known = _of_put(entry, seen, unique=unique, dated=dated)
    elif seen.is_dir:
        known = Verdict.CURRENT
    else:
        is_gone = seen.version == entry.version or seen.version in entry.replaced
        known = Verdict.STALE if unique and is_gone else None
    if known is not None:
        return known
    return Verdict.NEWER if prompt else Verdict.DOUBTFUL


def _of_put(entry: Entry, seen: Seen, *, unique: bool, dated: bool) -> Verdict | None:
    if entry.version is not None and seen.version == entry.version:
        return Verdict.CURRENT
    if seen.version in entry.rivals:
        return Verdict.CURRENT
    if unique and seen.version in entry.replaced:
        return Verdict.STALE
    mine = entry.modified
    if (
        dated
        and unique
        and mine is not None
        and not seen.is_dir
        and abs(seen.modified - mine) > CLOCK_ERROR
    ):
        return Verdict.NEWER if seen.modified > mine else Verdict.DOUBTFUL
    is_own = entry.version is None and not seen.is_dir and _may_be_own(entry, seen)
    return Verdict.CURRENT if is_own else None


def _may_be_own(entry: Entry, seen: Seen) -> bool:
    if entry.body is not None and seen.data is not None:
        return seen.data == entry.body
    return entry.first and entry.size is not None and seen.size == entry.size


def look_at_info(info: FileInfo) -> Seen:
    """Return what *info* tells of a version."""
    return Seen(info.version, info.modified, info.size, is_dir=info.is_dir)


def described(path: str, entry: Entry) -> FileInfo | None:
    """Return what the journal knows of *path*; the time is this process's until it was seen."""
    if entry.size is None or not entry.version:
        return None
    return FileInfo(path, entry.size, entry.modified or entry.written, entry.version)
