"""The registry itself, written once: :class:`AsyncRegistry`. Plain code uses ``blocking.py``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from os import PathLike
from types import TracebackType
from typing import Self

from regstore import layout, ocilayout
from regstore._loop import OwnLoopRuntime
from regstore._run import BlockingRuntime
from regstore.blobs import AsyncBlobs
from regstore.catalog import AsyncRepositories
from regstore.consistency import Consistency, Layers, Violation
from regstore.driver import StorageDriver
from regstore.drivers import open_driver
from regstore.drivers.hopping import HoppingDriver
from regstore.drivers.threaded import ThreadedDriver
from regstore.errors import PathNotFoundError
from regstore.events import Observer, SilentObserver
from regstore.manifests import AsyncManifests
from regstore.ocilayout import Progress, Transfer
from regstore.policy import Policy
from regstore.reference import check_name
from regstore.referrers import AsyncReferrers
from regstore.scope import Scope, require_conditions
from regstore.tags import AsyncTags
from regstore.uploads import AsyncUploads


class AsyncRepository:
    """One repository. Objects cost nothing; no I/O before one of their methods is awaited."""

    def __init__(self, scope: Scope) -> None:
        self.name: str = scope.name
        self.uploads: AsyncUploads = AsyncUploads(scope)
        self.blobs: AsyncBlobs = AsyncBlobs(scope, self.uploads)
        self.tags: AsyncTags = AsyncTags(scope)
        self.referrers: AsyncReferrers = AsyncReferrers(scope)
        self.manifests: AsyncManifests = AsyncManifests(scope, self.tags, self.referrers)
        self._stores = ocilayout.Stores(
            scope, self.blobs, self.manifests, self.tags, self.referrers
        )

    async def import_layout(
        self,
        path: str | PathLike[str],
        reference: str | None = None,
        tags: Iterable[str] = (),
        progress: Progress = ocilayout.silent,
    ) -> Transfer:
        """Copy an OCI image layout into this repository, verified, children before parents.

        Manifests that refer to those copied (referrers) come along, listed or not. What is here
        already is skipped, so an interrupted import is repeated. Tags are set last. What other
        tools call the image (``docker.io/library/x:1``) gives its tag; the rest of it is dropped.

        :param path: a directory, or a tar archive, plain or gzip; a pipe will not do.
        :param reference: which entry: its name in the layout, the tag in that, or a digest; by
            default all of them, each under its tag.
        :param tags: names to give instead; without *reference* the layout must hold one image.
        :param progress: called with what is copied and how far; see
            :data:`regstore.ocilayout.Progress`.
        :raises PathNotFoundError: there is nothing at *path*.
        :raises LayoutInvalidError: it is no layout.
        :raises ManifestUnknownError: the layout has no entry *reference*.
        :raises ConfigurationError: *reference* or *tags* do not say which of several entries.
        :raises ManifestBlobUnknownError: content is missing there and here; nothing was copied.
        :raises DigestInvalidError: content does not have its digest; what was copied has no tag.
        :raises SizeInvalidError: content does not have its size.
        :raises TagInvalidError: one of *tags*, or a name in the layout, gives no tag.
        :raises ManifestInvalidError: a manifest is of a type that is not taken.
        :raises ReadOnlyError: the registry was opened read-only.
        """
        return await ocilayout.import_layout(self._stores, path, reference, tags, progress)

    async def export_layout(
        self,
        path: str | PathLike[str],
        references: Iterable[str] | None = None,
        *,
        referrers: bool = True,
        progress: Progress = ocilayout.silent,
    ) -> Transfer:
        """Copy manifests of this repository, and all that hangs on them, into an OCI image layout.

        Every byte is verified, also that of content which the layout has already. The index, which
        names it, is written last. It lists tags by their name, digests and referrers without one.

        :param path: an archive where it ends with ``.tar``: written anew, whole, the same bytes
            for the same content. Else a directory: made, or added to where it is a layout; entries
            of the same name are replaced there.
        :param references: tags and digests; all tags by default.
        :param referrers: take along the manifests that refer to these, and those that refer to
            them.
        :param progress: as for :meth:`import_layout`.
        :raises ManifestUnknownError: there is no such tag or manifest.
        :raises ManifestBlobUnknownError: content is missing; nothing was written.
        :raises CorruptContentError: stored content does not have its digest.
        :raises SizeInvalidError: stored content does not have the size that a manifest says.
        :raises ConfigurationError: *path* is a directory with other things in it, or asks for
            compression.
        :raises NoSpaceError: the disk is full.
        """
        return await ocilayout.export_layout(
            self._stores, path, references, progress, referrers=referrers
        )


class Core:
    """What both doors open: one driver, its rules, its repositories."""

    def __init__(
        self,
        driver: StorageDriver,
        policy: Policy | None,
        observer: Observer | None,
        *,
        read_only: bool,
    ) -> None:
        _check_types(policy, observer)
        self.driver = driver
        self._scope = Scope(driver, policy or Policy(), observer or SilentObserver(), read_only)
        self.repositories: AsyncRepositories = AsyncRepositories(self._scope)
        require_conditions(self._scope.policy, driver)

    def repository(self, name: str) -> AsyncRepository:
        """Return the repository *name*."""
        return AsyncRepository(self._scope.repository(check_name(name)))

    async def ping(self) -> None:
        """Ask the store for one answer."""
        for path in ("", layout.RepositoriesRoot().path):
            with suppress(PathNotFoundError):
                await self.driver.stat(path)


class AsyncRegistry:
    """A registry's storage, for code that runs in an event loop (asyncio or trio).

    Safe for any task; an upload or a reader belongs to one caller at a time. A blocking driver is
    run in worker threads, one of regstore's own I/O loop there, each with whatever it is wrapped
    in: put :class:`~regstore.drivers.threaded.ThreadedDriver` or
    :class:`~regstore.drivers.hopping.HoppingDriver` innermost to keep wrappers in the loop.

    :param driver: where everything is kept.
    :param policy: what is taken and refused.
    :param observer: who is told of what happens.
    :param read_only: refuse every change with ``ReadOnlyError``.
    :raises ConfigurationError: *policy* asks for what the driver cannot keep.
    """

    def __init__(
        self,
        driver: StorageDriver,
        *,
        policy: Policy | None = None,
        observer: Observer | None = None,
        read_only: bool = False,
    ) -> None:
        self._core = Core(_awaitable(driver), policy, observer, read_only=read_only)
        self.repositories: AsyncRepositories = self._core.repositories

    @classmethod
    def open(
        cls,
        url: str | PathLike[str],
        *,
        storage_options: Mapping[str, object] | None = None,
        policy: Policy | None = None,
        observer: Observer | None = None,
        read_only: bool = False,
        consistency: str | Consistency | None = None,
        on_violation: Callable[[Violation], object] | None = None,
    ) -> Self:
        """Open the registry at *url*. No I/O is done.

        :param url: a directory (``/var/lib/registry``, ``file:///var/lib/registry``), ``memory://``
            (private), ``memory://name`` (shared within the process), or any fsspec URL.
        :param storage_options: what the fsspec filesystem takes.
        :param consistency: how soon the store is trusted to show its writes, never more than its
            driver claims: ``"strong"``, ``"read-after-write"``, ``"eventual(seconds)"``,
            or ``"measured"``, as ``regstore probe --save`` has found. By default as its driver
            claims. ``docs/consistency.md`` tells what each promises and costs.
        :param on_violation: is told of a store that does not keep its class, in whatever thread or
            task sees it; must not call the registry. What it raises reaches whoever was reading,
            and the store is trusted less from then on in any case. S3, Google Cloud
            Storage and Azure are watched, and stores that lag, as *consistency* or their driver
            says; for any other it is never called.
        :raises TypeError: *policy*, *observer* or *on_violation* is no such thing.
        :raises ConfigurationError: the URL cannot be served, or *consistency* or *policy* asks for
            what the store does not keep; the error says what to do. With ``"measured"``, whose
            finding is in the store, the first call raises it.
        """
        driver = open_driver(url, storage_options=storage_options)
        layers = Layers.needed_by(driver, consistency, remote=is_remote(driver))
        accept = partial(require_conditions, policy or Policy())
        driver = layers.around(_awaitable(driver), on_violation, accept)
        return cls(driver, policy=policy, observer=observer, read_only=read_only)

    @property
    def driver(self) -> StorageDriver:
        """The driver on which everything stands."""
        return self._core.driver

    def repository(self, name: str) -> AsyncRepository:
        """Return the repository *name*, whether or not it exists. No I/O is done.

        :raises NameInvalidError: *name* is no repository name.
        """
        return self._core.repository(name)

    async def delete_repository(self, name: str) -> None:
        """Do what :meth:`AsyncRepositories.delete` does."""
        await self.repositories.delete(name)

    async def ping(self) -> None:
        """Ask the store one small thing: for health checks. That it can be written is not said.

        :raises DriverError: it does not answer as it should.
        """
        await self._core.ping()

    async def aclose(self) -> None:
        """Release what the driver holds. Harmless when repeated."""
        await self.driver.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()


def is_remote(driver: StorageDriver) -> bool:
    """Whether *driver*, bare, reaches its store over a network and leaves it to us to try again."""
    return isinstance(driver.runtime, OwnLoopRuntime)


def _awaitable(driver: StorageDriver) -> StorageDriver:
    """Make *driver* one that the loop which awaits it can run."""
    if isinstance(driver.runtime, BlockingRuntime):
        return ThreadedDriver(driver)
    if isinstance(driver.runtime, OwnLoopRuntime):
        return HoppingDriver(driver)
    return driver


def _check_types(policy: Policy | None, observer: Observer | None) -> None:
    if policy is not None and not isinstance(policy, Policy):
        msg = f"policy is a regstore.Policy, as in Policy(tags=ImmutableTags('v*')), not {policy!r}"
        raise TypeError(msg)
    if observer is not None and not hasattr(observer, "notify"):
        msg = f"observer has a method notify(event), see regstore.Observer; {observer!r} has none"
        raise TypeError(msg)
