"""A collector that does what a test tells it to, step by step, on stores of each kind."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count

from regstore import Registry, Repository, layout
from regstore._run import BlockingRuntime
from regstore.consistency import Settled, WrapperDriver
from regstore.digest import Digest
from regstore.driver import Capabilities, StorageDriver, if_version
from regstore.drivers.memory import MemoryDriver
from regstore.errors import PathNotFoundError
from regstore.layout import Collecting, Stage, Verdict
from regstore.testing.faults import Lag, LaggingDriver
from tests.places import VirtualRuntime

NAME = "library/app"
LEASE = 30.0
LAG = 5.0


class Unconditional(WrapperDriver):
    """A store without conditions."""

    @property
    def capabilities(self) -> Capabilities:  # type: ignore[override] # it is read-only
        return replace(
            super().capabilities,
            conditional_create=False,
            conditional_replace=False,
            conditional_copy=False,
            conditional_delete=False,
        )


@dataclass
class Site:
    """A store as its writers see it, and as it is.

    :ivar driver: what a registry stands on.
    :ivar truth: shows what is stored now, whatever *driver* shows.
    :ivar fenced: whether collector and writers compare and swap.
    :ivar lag: seconds.
    """

    driver: StorageDriver
    truth: StorageDriver
    fenced: bool
    lag: float = 0.0

    def repository(self, name: str = NAME) -> Repository:
        return Registry(self.driver).repository(name)

    def read(self, path: str) -> bytes:
        return self.truth.runtime.run(self.truth.get_content(path)).data

    def has(self, path: str) -> bool:
        try:
            self.read(path)
        except PathNotFoundError:
            return False
        return True

    def put(self, path: str, data: bytes) -> None:
        """Write as another process does."""
        self.truth.runtime.run(self.truth.put_content(path, data))

    def delete(self, path: str) -> None:
        self.truth.runtime.run(self.truth.delete_file(path, missing_ok=True))


def make_site(kind: str, runtime: BlockingRuntime) -> Site:
    memory = MemoryDriver(runtime=runtime)
    if kind == "fenced":
        return Site(memory, memory, fenced=True)
    if kind == "unfenced":
        plain = Unconditional(memory)
        return Site(plain, plain, fenced=False)
    lagging = LaggingDriver(memory, Lag(get=LAG, stat=LAG, list=LAG))
    return Site(
        Settled(Unconditional(lagging), LAG), _Writing(memory, lagging), fenced=False, lag=LAG
    )


class _Writing(WrapperDriver):
    """Reads what is, and writes so that others see it late."""

    def __init__(self, truth: StorageDriver, lagging: StorageDriver) -> None:
        super().__init__(truth)
        self.put_content = lagging.put_content  # type: ignore[method-assign]
        self.delete_file = lagging.delete_file  # type: ignore[method-assign]


class Collector:
    """Takes one step for one digest at a time, and marks nothing: a test says what is garbage."""

    _nonces = count()

    def __init__(self, site: Site, name: str = "host-1") -> None:
        self.site = site
        self.name = name
        site.put(layout.CollectionState().path, Collecting(active=True).body())
        self._wait(60 + LAG)  # until all writers know

    def said(self, digest: Digest, stage: str) -> None:
        """Do what :meth:`says` does, and wait until everyone sees it."""
        self.says(digest, stage)
        self._wait(self.site.lag)

    def says(self, digest: Digest, stage: str) -> None:
        """Write the tombstone, whatever it said."""
        path = layout.Tombstone(digest, self.name).path
        self.site.put(path, self._verdict(stage).body())

    def stage(self, digest: Digest) -> Stage | None:
        try:
            return Verdict.parse(self.site.read(layout.Tombstone(digest, self.name).path)).stage
        except PathNotFoundError:
            return None

    def begins_to_delete(self, digest: Digest) -> bool:
        """Do the step from condemned, unless a writer was first."""
        driver, path = self.site.truth, layout.Tombstone(digest, self.name).path
        found = driver.runtime.run(driver.get_content(path))
        if Verdict.parse(found.data).stage != "condemned":
            return False
        body = self._verdict("deleting").body()
        if self.site.fenced:
            driver.runtime.run(driver.put_content(path, body, if_version(found.version)))
        else:
            self.site.put(path, body)
        if not self.site.fenced and self.site.has(layout.SavedDigest(digest).path):
            self.says(digest, "condemned")
            return False
        return True

    def deletes(self, digest: Digest, *names: str) -> None:
        """Take links and content away, and leave a copy."""
        data = layout.BlobData(digest).path
        for name in names or (NAME,):
            self.site.delete(layout.LayerLink(name, digest).path)
        if self.site.has(data):
            self.site.put(layout.Quarantined(digest, self.name).path, self.site.read(data))
            self.site.delete(data)
        self.says(digest, "quarantined")

    def purges(self, digest: Digest) -> None:
        self.site.delete(layout.Quarantined(digest, self.name).path)
        self.site.delete(layout.Tombstone(digest, self.name).path)

    def _wait(self, seconds: float) -> None:
        if isinstance(runtime := self.site.truth.runtime, VirtualRuntime):
            runtime.clock.seconds += seconds

    def _verdict(self, stage: str) -> Verdict:
        nonce = str(next(self._nonces))
        return Verdict(stage, self.site.fenced, self.site.lag, LEASE, nonce)  # type: ignore[arg-type]
