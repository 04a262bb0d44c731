"""What the server counts, for Prometheus. Each process counts for itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from time import perf_counter

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from typing_extensions import override

from regstore import AsyncRegistry, Event, Observer
from regstore.consistency import counters

PEAKS = frozenset({"staleness"})
"""What the wrappers of a store tell the most of, and not the sum."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})


class Metrics(Observer):
    """Counts what happens in a registry (as its observer), and how long requests take."""

    media_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self._all = CollectorRegistry()
        self._events = Counter(
            "regstore_events", "What was done to content.", ["action"], registry=self._all
        )
        self._bytes = Counter(
            "regstore_bytes", "Size of the content it was done to.", ["action"], registry=self._all
        )
        self.requests = Histogram(
            "http_request_seconds",
            "Time until the answer was sent.",
            ["method", "status"],
            registry=self._all,
        )

    @override
    def notify(self, event: Event) -> None:
        self._events.labels(event.action.value).inc()
        self._bytes.labels(event.action.value).inc(event.size or 0)

    def watch(self, registry: AsyncRegistry) -> None:
        """Count what the wrappers around the store of *registry* do, too."""
        self._all.register(WrapperCounts(registry))

    def text(self) -> bytes:
        """Return all counts as Prometheus reads them."""
        return generate_latest(self._all)


class WrapperCounts(Collector):
    """What ``regstore.consistency.counters`` tells of a registry, when it is asked for."""

    def __init__(self, registry: AsyncRegistry) -> None:
        self._registry = registry

    @override
    def collect(self) -> Iterator[Metric]:
        seen = counters(self._registry)
        for wrapper, counts in (("retrying", seen.retrying), ("settled", seen.settled)):
            told = f"See regstore.consistency.{type(counts).__name__}."
            for each in fields(counts):
                family = GaugeMetricFamily if each.name in PEAKS else CounterMetricFamily
                name, value = f"regstore_{wrapper}_{each.name}", getattr(counts, each.name)
                yield family(name, told, value=value)


class Timed:
    """Takes the time of each request."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._requests = metrics.requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in METHODS else "other"
        status, start = "500", perf_counter()

        async def sending(message: Message) -> None:
            nonlocal status
            status = str(message.get("status", status))
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            self._requests.labels(method, status).observe(perf_counter() - start)
