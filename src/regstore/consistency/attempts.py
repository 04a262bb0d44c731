"""Attempts: which failures are worth another one, and for how long."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from regstore._run import Runtime
from regstore.consistency.backoff import Backoff
from regstore.consistency.budget import RetryBudget
from regstore.consistency.deadline import ends_at, no_deadline
from regstore.consistency.outcomes import Failed, Ok, Outcome, Unknown, outcome, outcome_of
from regstore.driver import StorageDriver
from regstore.errors import (
    DriverError,
    IncompleteReadError,
    NotYetVisibleError,
    ThrottledError,
    TransientError,
)

T = TypeVar("T")
Settle = Callable[[TransientError], Awaitable[Outcome[T]]]
"""Finds out how a call ended whose answer was lost; Failed means that it may be repeated."""


@dataclass(frozen=True, slots=True)
class RetryCounts:
    """What a :class:`~regstore.consistency.Retrying` has done so far.

    Threads that race may leave some uncounted.

    :ivar calls: calls, each counted once however often it was tried. A chunk read or a step of a
        writer is one, a listing is one, and so is a look at what became of a lost answer.
    :ivar retries: attempts beyond the first.
    :ivar resolved_unknown: calls whose answer was lost, and which reading back showed to be done.
    :ivar gave_up: calls that failed although another attempt might have succeeded.
    :ivar over_budget: those among them for which the budget had no token.
    :ivar past_deadline: those among them that had no time left.
    """

    calls: int = 0
    retries: int = 0
    resolved_unknown: int = 0
    gave_up: int = 0
    over_budget: int = 0
    past_deadline: int = 0


def is_passing(error: DriverError) -> bool:
    """Whether the same call may succeed later. What a store does not show yet is not ours."""
    if isinstance(error, NotYetVisibleError):
        return False
    return isinstance(error, TransientError | IncompleteReadError)


class Attempts:
    """How often and how long the calls of one driver are tried.

    :param driver: whose calls they are.
    :param limit: attempts of one call, at most.
    :param patience: seconds after a call's first failure during which another attempt may begin.
    """

    def __init__(
        self, driver: StorageDriver, limit: int, patience: float, budget: RetryBudget
    ) -> None:
        self._driver = driver
        self.limit = limit
        self.patience = patience
        self.budget = budget
        self.calls: int = 0
        self.retries: int = 0
        self.resolved_unknown: int = 0
        self.gave_up: int = 0
        self.over_budget: int = 0
        self.past_deadline: int = 0

    @property
    def runtime(self) -> Runtime:
        """The driver's."""
        return self._driver.runtime

    def counts(self) -> RetryCounts:
        """Return what has been counted until now."""
        return RetryCounts(
            self.calls,
            self.retries,
            self.resolved_unknown,
            self.gave_up,
            self.over_budget,
            self.past_deadline,
        )

    def count(self) -> None:
        """Count a call."""
        self.calls += 1
        self.budget.earn()

    async def read(self, path: str, make: Callable[[], Awaitable[T]]) -> T:
        """Do what changes nothing: it is repeated, whatever has become of it."""
        self.count()
        try:
            return await (make() if ends_at() is None else self.once(path, make))
        except (TransientError, IncompleteReadError) as error:
            failure: DriverError = error
        turns = Turns(self)
        while is_passing(failure):
            await turns.next(failure)
            ended = await outcome(self.once(path, make))
            if isinstance(ended, Ok):
                return ended.value
            failure = ended.error
        raise failure

    async def change(
        self,
        path: str,
        make: Callable[[], Awaitable[T]],
        settle: Settle[T],
    ) -> T:
        """Do what changes something: it is repeated where it has failed for certain.

        :raises TransientError: nobody can tell whether it has taken effect.
        """
        self.count()
        try:
            return await (make() if ends_at() is None else self.once(path, make, changes=True))
        except TransientError as error:
            failure = error
        return await self._settled(path, make, settle, outcome_of(failure))

    async def clean(self, make: Callable[[], Awaitable[None]]) -> None:
        """Do what may be repeated and must be done, whether or not there is time left."""
        with no_deadline():
            await self.change("", make, repeatable)

    async def _settled(
        self,
        path: str,
        make: Callable[[], Awaitable[T]],
        settle: Settle[T],
        ended: Outcome[T],
    ) -> T:
        turns = Turns(self)
        doubt: TransientError | None = None
        while not isinstance(ended, Ok):
            error = ended.error
            if isinstance(ended, Unknown):
                doubt = ended.error
            if is_passing(error):
                await turns.next(doubt or error)
            elif doubt is None:
                raise error
            if doubt is not None:
                known = await settle(doubt)
                if isinstance(known, Ok):
                    self.resolved_unknown += 1
                    return known.value
                if isinstance(known, Unknown) or not is_passing(error):
                    # It was refused, or is something else now: perhaps by its own first attempt.
                    self.gave_up += 1
                    raise doubt from (None if error is doubt else error)
            ended = await outcome(self.once(path, make, changes=True))
        return ended.value

    async def once(
        self, path: str, make: Callable[[], Awaitable[T]], *, changes: bool = False
    ) -> T:
        """Make one attempt, which ends by the deadline of this context."""
        ends = ends_at()
        if ends is None:
            return await make()
        left = ends - self.runtime.monotonic()
        if left <= 0:
            raise self._late(path, outcome_unknown=False)
        try:
            return await self.runtime.within(left, make())
        except TimeoutError as error:
            raise self._late(path, outcome_unknown=changes) from error

    def _late(self, path: str, *, outcome_unknown: bool) -> TransientError:
        detail = "its deadline has passed: allow more time, or ask for less"
        return TransientError(path, self._driver.name, detail, outcome_unknown=outcome_unknown)


class Turns:
    """The turns of one call that has failed: waits before each attempt, or gives up."""

    def __init__(self, attempts: Attempts) -> None:
        self._all = attempts
        self._tried = 0
        self._backoff = Backoff(attempts.runtime)
        self._until = attempts.runtime.monotonic() + attempts.patience

    async def next(self, error: DriverError) -> None:
        """Wait until the next attempt may begin; raise *error* where there is none."""
        self._tried += 1
        pause = self._backoff.pause()
        if isinstance(error, ThrottledError) and error.retry_after is not None:
            pause = max(pause, error.retry_after)
        now = self._all.runtime.monotonic()
        ends = ends_at()
        if ends is not None and now + pause >= ends:
            self._all.past_deadline += 1
            raise self._given_up(error)
        if self._tried >= self._all.limit or now + pause > self._until:
            raise self._given_up(error)
        if not self._all.budget.spend(now):
            self._all.over_budget += 1
            raise self._given_up(error)
        self._all.retries += 1
        await self._all.runtime.sleep(pause)

    def _given_up(self, error: DriverError) -> DriverError:
        self._all.gave_up += 1
        return error


async def repeatable(error: TransientError) -> Failed:
    """Settle a call that may be repeated whether or not it has taken effect."""
    return Failed(error)
