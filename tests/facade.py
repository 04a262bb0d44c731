"""An asynchronous registry that plain tests can drive, so that each of them runs both ways."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterator
from types import TracebackType
from typing import Any, Self, cast

from anyio.from_thread import BlockingPortal

from regstore import AsyncRegistry, Registry
from regstore.upload import AsyncUpload


def plain(registry: AsyncRegistry, portal: BlockingPortal) -> Registry:
    """Return *registry* with the surface of its blocking twin; its calls run in *portal*."""
    return cast("Registry", Facade(registry, portal))


class Facade:
    """Calls the methods of an asynchronous object in the event loop of a portal."""

    def __init__(self, core: Any, portal: BlockingPortal) -> None:  # noqa: ANN401
        self._core = core
        self._portal = portal

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        if name == "offset" and isinstance(self._core, AsyncUpload):
            return self._portal.call(self._core.status)
        value = getattr(self._core, name)
        return self._calling(value) if inspect.ismethod(value) else self._plain(value)

    def _calling(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: object, **options: object) -> Any:  # noqa: ANN401
            result = method(*args, **options)
            if inspect.iscoroutine(result):
                result = self._portal.call(_await, result)
            return self._plain(result)

        return call

    def _plain(self, value: Any) -> Any:  # noqa: ANN401
        if inspect.isasyncgen(value):
            return self._iterate(value)
        return Facade(value, self._portal) if type(value).__name__.startswith("Async") else value

    def _iterate(self, items: AsyncGenerator[Any, Any]) -> Generator[Any, None, None]:
        try:
            while True:
                try:
                    item = self._portal.call(items.__anext__)
                except StopAsyncIteration:
                    return
                yield item
        finally:
            self._portal.call(items.aclose)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.read, b"")

    def __enter__(self) -> Self:
        self._portal.call(self._core.__aenter__)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._portal.call(self._core.__aexit__, kind, error, trace)


async def _await(coro: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401
    return await coro
