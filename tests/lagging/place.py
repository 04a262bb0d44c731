"""A prefix of a real bucket behind a proxy that lags and fails, and registries over it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import regstore
from regstore import Registry, Repository
from regstore.consistency import Checked
from regstore.drivers import open_driver
from regstore.testing.faults import Lag
from tests.object_servers import S3Server
from tests.s3proxy.lagging import LaggingProxy

NAME = "library/app"
BOUND = 0.6
"""Seconds, what the layer is told: more than the store lags."""
SHORT, LONG = 0.3, 600.0
"""Seconds that a store lags: behind the layer, which waits for it; and else, where nobody does."""


@dataclass
class Place:
    """Opens registries, each as a process of its own would.

    :param layer: whether ``regstore.open`` opens them, or the driver is merely checked.
    """

    proxy: LaggingProxy
    url: str
    options: dict[str, object]
    stack: ExitStack
    layer: bool

    def registry(self) -> Registry:
        return self.stack.enter_context(self._layered() if self.layer else self._bare())

    def repository(self) -> Repository:
        return self.registry().repository(NAME)

    def _layered(self) -> Registry:
        return regstore.open(
            self.url, storage_options=self.options, consistency=f"eventual({BOUND})"
        )

    def _bare(self) -> Registry:
        return Registry(Checked(open_driver(self.url, storage_options=self.options)))

    @property
    def seconds(self) -> float:
        """How long the store lags when it does."""
        return SHORT if self.layer else LONG

    def lag(self, flapping: int | None = None) -> None:
        """Show new, replaced and deleted objects late from now on, and listings."""
        late = self.seconds
        self.proxy.begin(lag=Lag(get=late, stat=late, list=late, flapping=flapping))


@contextmanager
def place(server: S3Server, proxy: LaggingProxy, *, layer: bool) -> Iterator[Place]:
    """Yield one that neither lags nor fails until it is told to."""
    proxy.begin()
    options = {**server.storage_options, "endpoint_url": proxy.endpoint}
    with ExitStack() as stack:
        yield Place(proxy, server.fresh_url(), options, stack, layer)
