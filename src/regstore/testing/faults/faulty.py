"""A store whose calls fail now and then."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from random import Random  # noqa: TID251 - seeded, so that a run can be repeated
from typing import Final, TypeVar

from typing_extensions import override

from regstore.driver import StorageDriver
from regstore.errors import DriverError, IncompleteReadError, TransientError
from regstore.testing.faults.arguments import require_calls, require_shares
from regstore.testing.faults.intercepted import LISTINGS, Call, InterceptedDriver

T = TypeVar("T")

_MOST_ITEMS: Final = 10

Fault = Callable[[Call, bool], DriverError]
"""Makes the error of a call; the second argument is whether it comes after the effect."""


def transient(call: Call, after: bool) -> DriverError:  # noqa: FBT001 - as a Fault is called
    """Return the error of a request that was lost, or whose answer was, or of a body cut short."""
    if call.method == "reader.read":
        return IncompleteReadError(call.path, "faulty", "the body broke off")
    detail = "the answer was lost" if after else "the request was lost"
    return TransientError(call.path, "faulty", detail, outcome_unknown=after and call.changes)


class FaultyDriver(InterceptedDriver):
    """Raises errors, some before a call has its effect and some after it.

    A listing fails at once, or after up to ten of its items. A body breaks off between two of its
    chunks (:exc:`~regstore.errors.IncompleteReadError`).

    :param rate: share of calls that fail, from 0 to 1.
    :param methods: shares for single calls by their name (``{"put_content": 0.5, "list": 0}``);
        see :class:`Call`.
    :param after: share of the errors of changing calls that come after the effect, so that the
        caller cannot know: ``TransientError(outcome_unknown=True)``; of those of listings, that
        come between two items or after the last one.
    :param seed: the same seed gives the same faults for the same calls.
    :param fault: makes the errors.
    :ivar faults: the calls that failed, and whether after their effect.
    :raises ValueError: a share is not from 0 to 1, or a name is that of no call.
    """

    def __init__(
        self,
        inner: StorageDriver,
        *,
        rate: float = 0.05,
        methods: Mapping[str, float] | None = None,
        after: float = 0.5,
        seed: int = 0,
        fault: Fault = transient,
    ) -> None:
        super().__init__(inner)
        self._methods = dict(methods or {})
        require_calls(self._methods)
        require_shares(rate=rate, after=after, **self._methods)
        self.faults: list[tuple[Call, bool]] = []
        self._breaking: set[int] = set()
        self._rate = rate
        self._after = after
        self._random = Random(seed)  # noqa: S311 - no secret
        self._fault = fault

    @override
    async def through(self, call: Call, effect: Callable[[], Awaitable[T]]) -> T:
        lists = call.method in LISTINGS
        fails = self._random.random() < self._methods.get(call.method, self._rate)
        after = self._random.random() < self._after and (call.changes or lists)
        if fails and not after:
            raise self._failed(call, after=False)
        result = await effect()
        if fails and not lists:
            raise self._failed(call, after=True)
        if fails:
            self._breaking.add(call.number)
        return result

    @override
    def listed(self, call: Call, items: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
        return self._broken_off(call, items) if call.number in self._breaking else items

    async def _broken_off(
        self, call: Call, items: AsyncGenerator[T, None]
    ) -> AsyncGenerator[T, None]:
        left = self._random.randint(1, _MOST_ITEMS)
        async with aclosing(items):
            async for item in items:
                if not left:
                    break
                left -= 1
                yield item
        raise self._failed(call, after=True)

    def _failed(self, call: Call, *, after: bool) -> DriverError:
        self.faults.append((call, after))
        return self._fault(call, after)
