"""A store that takes its time, and one that takes notes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from random import Random  # noqa: TID251 - seeded, so that a run can be repeated
from typing import TypeVar

from typing_extensions import override

from regstore.driver import StorageDriver
from regstore.testing.faults.arguments import require_calls, require_times
from regstore.testing.faults.intercepted import Call, InterceptedDriver

T = TypeVar("T")


class LatencyDriver(InterceptedDriver):
    """Sleeps on the driver's runtime before each call.

    :param seconds: for each call.
    :param methods: seconds for single calls by their name; see :class:`Call`.
    :param jitter: adds up to this share of the time, evenly: 0.5 makes 1 s between 1 s and 1.5 s.
    :param seed: of the jitter.
    :raises ValueError: a number is below 0 or not finite, or a name is that of no call.
    """

    def __init__(
        self,
        inner: StorageDriver,
        seconds: float = 0.05,
        *,
        methods: Mapping[str, float] | None = None,
        jitter: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__(inner)
        self._methods = dict(methods or {})
        require_calls(self._methods)
        require_times(seconds=seconds, jitter=jitter, **self._methods)
        self._seconds = seconds
        self._jitter = jitter
        self._random = Random(seed)  # noqa: S311 - no secret

    @override
    async def through(self, call: Call, effect: Callable[[], Awaitable[T]]) -> T:
        seconds = self._methods.get(call.method, self._seconds)
        seconds *= 1 + self._jitter * self._random.random()
        if seconds > 0:
            await self.runtime.sleep(seconds)
        return await effect()


class RecordingDriver(InterceptedDriver):
    """Remembers every call, in the order in which they began.

    :ivar calls: so far; clear the list to begin anew.
    """

    def __init__(self, inner: StorageDriver) -> None:
        super().__init__(inner)
        self.calls: list[Call] = []

    @property
    def names(self) -> list[str]:
        """The calls as ``"put_content library/app"``."""
        return [f"{call.method} {call.path}" for call in self.calls]

    @override
    async def through(self, call: Call, effect: Callable[[], Awaitable[T]]) -> T:
        self.calls.append(call)
        return await effect()
