"""Tell an embedder of every storage call: for metrics, traces and logs."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal, TypeVar

from typing_extensions import override

from regstore.consistency.intercepted import Effect, Intercepted
from regstore.consistency.outcomes import Unknown, outcome_of
from regstore.driver import StorageDriver
from regstore.errors import DriverError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """A storage call that has ended.

    :ivar driver: the name of the driver.
    :ivar method: that of :class:`~regstore.driver.StorageDriver`; steps of readers and writers as
        ``reader.read``, ``writer.write``, ``writer.park``, ``writer.commit``, ``writer.cancel``. A
        whole listing is one call.
    :ivar path: what it was about; of a move or copy, the source.
    :ivar seconds: how long it took; of a listing without the time that its items were looked at.
    :ivar error: what it raised, whoever cancels it included.
    """

    driver: str
    method: str
    path: str
    seconds: float
    error: BaseException | None = None

    @property
    def outcome(self) -> Literal["ok", "failed", "unknown"]:
        """``unknown`` where it may have taken effect: the answer was lost, or nobody waited."""
        if self.error is None:
            return "ok"
        if not isinstance(self.error, DriverError):
            return "unknown"
        return "unknown" if isinstance(outcome_of(self.error), Unknown) else "failed"


Hook = Callable[[Call], None]
"""Called when a call has ended, where the call was made. It should be quick, and never raise: what
it raises, the caller of the driver gets."""


class Observed(Intercepted):
    """Tells a hook of every call that ends. Adds no request.

    Outside of :class:`~regstore.consistency.Retrying` it sees what callers see, inside every
    attempt. Paths name repositories and tags, and never hold credentials.

    :param inner: the driver to forward to; closing the wrapper closes it.
    :param hook: who is told.
    """

    def __init__(self, inner: StorageDriver, hook: Hook) -> None:
        super().__init__(inner)
        self._hook = hook

    @override
    async def make(self, method: str, path: str, effect: Effect[T]) -> T:
        monotonic = self.runtime.monotonic
        began = monotonic()
        try:
            value = await effect()
        except BaseException as error:
            self._hook(Call(self.name, method, path, monotonic() - began, error))
            raise
        self._hook(Call(self.name, method, path, monotonic() - began))
        return value

    @override
    async def follow(
        self, method: str, path: str, items: AsyncGenerator[T, None]
    ) -> AsyncGenerator[T, None]:
        monotonic = self.runtime.monotonic
        seconds, failure = 0.0, None
        try:
            async with aclosing(items):
                while True:
                    began = monotonic()
                    try:
                        item = await anext(items, None)
                    except BaseException as error:
                        failure = error
                        raise
                    finally:
                        seconds += monotonic() - began
                    if item is None:
                        return
                    yield item
        finally:
            self._hook(Call(self.name, method, path, seconds, failure))
