"""A store whose calls fail now and then."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from random import Random  # noqa: TID251 - seeded, so that a run can be repeated
from typing import TypeVar

from typing_extensions import override

from regstore.driver import StorageDriver
from regstore.errors import DriverError, TransientError
from regstore.testing.faults.intercepted import Call, InterceptedDriver

T = TypeVar("T")

Fault = Callable[[Call, bool], DriverError]
"""Makes the error of a call; the second argument is whether it comes after the effect."""


def transient(call: Call, after: bool) -> DriverError:  # noqa: FBT001 - as a Fault is called
    """Return the error of a request that was lost, or whose answer was."""
    detail = "the answer was lost" if after else "the request was lost"
    return TransientError(call.path, "faulty", detail, outcome_unknown=after and call.changes)


class FaultyDriver(InterceptedDriver):
    """Raises errors, some before a call has its effect and some after it.

    :param rate: share of calls that fail, from 0 to 1.
    :param methods: shares for single calls by their name (``{"put_content": 0.5, "list": 0}``);
        see :class:`Call`.
    :param after: share of the errors of changing calls that come after the effect, so that the
        caller cannot know: ``TransientError(outcome_unknown=True)``.
    :param seed: the same seed gives the same faults for the same calls.
    :param fault: makes the errors.
    :ivar faults: the calls that failed, and whether after their effect.
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
        self.faults: list[tuple[Call, bool]] = []
        self._rate = rate
        self._methods = dict(methods or {})
        self._after = after
        self._random = Random(seed)  # noqa: S311 - no secret
        self._fault = fault

    @override
    async def through(self, call: Call, effect: Callable[[], Awaitable[T]]) -> T:
        fails = self._random.random() < self._methods.get(call.name, self._rate)
        after = self._random.random() < self._after and call.changes
        if fails and not after:
            raise self._failed(call, after=False)
        result = await effect()
        if fails:
            raise self._failed(call, after=True)
        return result

    def _failed(self, call: Call, *, after: bool) -> DriverError:
        self.faults.append((call, after))
        return self._fault(call, after)
