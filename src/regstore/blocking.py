"""The registry for plain code: the same names as in ``registry.py``, one line per method.

Each class stands over its asynchronous twin, whose docstrings hold here too. A test compares the
signatures. Over a blocking driver a call is one ``coro.send(None)``: no loop, no thread.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from regstore._run import Runtime
from regstore.blobs import Anywhere, AsyncBlobReader, AsyncBlobs
from regstore.catalog import AsyncRepositories
from regstore.consistency import Consistency, Layers, Violation
from regstore.digest import Digest
from regstore.driver import StorageDriver
from regstore.drivers import open_driver
from regstore.events import Observer
from regstore.manifests import AsyncManifests, Manifest, PutResult
from regstore.oci import Descriptor
from regstore.ocilayout import Progress, Transfer, silent
from regstore.policy import Policy
from regstore.referrers import AsyncReferrers
from regstore.registry import AsyncRegistry, AsyncRepository, Core, is_remote
from regstore.scope import require_conditions
from regstore.tags import ANY, AsyncTags, Expect, Page, TagChange
from regstore.upload import AsyncUpload
from regstore.upload_content import Buffer
from regstore.uploads import AsyncUploads, UploadInfo

Class = TypeVar("Class", bound=type)


def _twin_of(core: type) -> Callable[[Class], Class]:
    """Give each method of a class the docstring of its asynchronous twin."""

    def decorate(cls: Class) -> Class:
        for name, member in vars(cls).items():
            documented = getattr(member, "__func__", member)  # a class method has its own
            if documented.__doc__ is None and hasattr(core, name):
                documented.__doc__ = getattr(core, name).__doc__
        return cls

    return decorate


@_twin_of(AsyncBlobReader)
class BlobReader:
    """An open read of one blob; the content is not verified as it streams.

    See :class:`~regstore.blobs.AsyncBlobReader`.
    """

    def __init__(self, core: AsyncBlobReader, runtime: Runtime) -> None:
        self._core = core
        self._runtime = runtime

    @property
    def descriptor(self) -> Descriptor:
        return self._core.descriptor

    @property
    def size(self) -> int:
        return self._core.size

    @property
    def offset(self) -> int:
        return self._core.offset

    def read(self) -> bytes:
        return self._runtime.run(self._core.read())

    def local_file(self) -> Path | None:
        return self._runtime.run(self._core.local_file())

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.read, b"")

    def __enter__(self) -> Self:
        self._runtime.run(self._core.__aenter__())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._runtime.run(self._core.__aexit__(kind, error, trace))


@_twin_of(AsyncBlobs)
class Blobs:
    """See :class:`~regstore.blobs.AsyncBlobs`."""

    def __init__(self, core: AsyncBlobs, runtime: Runtime) -> None:
        self._core = core
        self._runtime = runtime

    def put(self, data: Buffer | Iterable[bytes], digest: str | None = None) -> Descriptor:
        return self._runtime.run(self._core.put(data, digest))

    def get(self, digest: str) -> bytes:
        return self._runtime.run(self._core.get(digest))

    def stat(self, digest: str) -> Descriptor:
        return self._runtime.run(self._core.stat(digest))

    def exists(self, digest: str) -> bool:
        return self._runtime.run(self._core.exists(digest))

    def open(self, digest: str, offset: int = 0, length: int | None = None) -> BlobReader:
        return BlobReader(self._core.open(digest, offset, length), self._runtime)

    def delete(self, digest: str) -> None:
        self._runtime.run(self._core.delete(digest))

    def all(self) -> Generator[Digest, None, None]:
        return self._runtime.iterate(self._core.all())

    def mount(self, digest: str, source: str | Anywhere) -> Descriptor:
        return self._runtime.run(self._core.mount(digest, source))

    def redirect_url(self, digest: str, expires: timedelta = timedelta(minutes=20)) -> str | None:
        return self._runtime.run(self._core.redirect_url(digest, expires))


@_twin_of(AsyncUpload)
class Upload:
    """One upload of one blob; leaving ``with`` without commit or cancel parks it.

    See :class:`~regstore.upload.AsyncUpload`.
    """

    def __init__(self, core: AsyncUpload, runtime: Runtime) -> None:
        self._core = core
        self._runtime = runtime

    @property
    def id(self) -> str:
        """What :meth:`Uploads.resume` takes."""
        return self._core.id

    @property
    def offset(self) -> int:
        """Bytes taken so far; reads the store where nothing is known yet."""
        return self.status()

    def status(self) -> int:
        return self._runtime.run(self._core.status())

    def digest(self) -> Digest:
        return self._runtime.run(self._core.digest())

    def write(self, chunk: Buffer, offset: int | None = None) -> None:
        self._runtime.run(self._core.write(chunk, offset))

    def receive(
        self,
        chunks: Iterable[bytes],
        offset: int | None = None,
        size: int | None = None,
        *,
        may_repeat: bool = False,
    ) -> None:
        self._runtime.run(self._core.receive(chunks, offset, size, may_repeat=may_repeat))

    def park(self) -> None:
        self._runtime.run(self._core.park())

    def commit(self, digest: str, size: int | None = None) -> Descriptor:
        return self._runtime.run(self._core.commit(digest, size))

    def finish(
        self,
        digest: str,
        chunks: Iterable[bytes],
        offset: int | None = None,
        size: int | None = None,
    ) -> Descriptor:
        return self._runtime.run(self._core.finish(digest, chunks, offset, size))

    def cancel(self) -> None:
        self._runtime.run(self._core.cancel())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._runtime.run(self._core.__aexit__(kind, error, trace))


@_twin_of(AsyncUploads)
class Uploads:
    """See :class:`~regstore.uploads.AsyncUploads`."""

    def __init__(self, core: AsyncUploads, runtime: Runtime) -> None:
        self._core = core
        self._runtime = runtime

    def create(
        self, digest: str | None = None, size: int | None = None, algorithm: str = "sha256"
    ) -> Upload:
        upload = self._runtime.run(self._core.create(digest, size, algorithm))
        return Upload(upload, self._runtime)

    def resume(self, upload_id: str) -> Upload:
        return Upload(self._core.resume(upload_id), self._runtime)

    def all(self) -> Generator[UploadInfo, None, None]:
        return self._runtime.iterate(self._core.all())

    def purge_one(self, upload_id: str, older_than: timedelta = timedelta(0)) -> bool:
        return self._runtime.run(self._core.purge_one(upload_id, older_than))


@_twin_of(AsyncManifests)
class Manifests:
    """See :class:`~regstore.manifests.AsyncManifests`."""

    def __init__(self, core: AsyncManifests, runtime: Runtime) -> None:
        self._core = core
        self._runtime = runtime

    def put(
        self,
        body: bytes | Iterable[bytes],
        media_type: str | None = None,
        digest: str | None = None,
        tags: Iterable[str] = (),
        expect: Expect = ANY,
    ) -> PutResult:
        return self._runtime.run(self._core.put(body, media_type, digest, tags, expect))

    def get(self, reference: str) -> Manifest:
        return self._runtime.run(self._core.get(reference))

    def stat(self, reference: str) -> Descriptor:
        return self._runtime.run(self._core.stat(reference))

    def exists(self, reference: str) -> bool:
        return self._runtime.run(self._core.exists(reference))

    def delete(self, digest: str) -> None:
        self._runtime.run(self._core.delete(digest))

    def all(self) -> Generator[Digest, None, None]:
        return self._runtime.iterate(self._core.all())


@_twin_of(AsyncTags)
class Tags:
    """See :class:`~regstore.tags.AsyncTags`."""

    def __init__(self, core: AsyncTags, runtime: Runtime) -> None:
        self._core = core
        self._runtime = runtime

    def get(self, tag: str) -> Digest:
        return self._runtime.run(self._core.get(tag))

    def set(self, tag: str, digest: str, expect: Expect = ANY) -> None:
        self._runtime.run(self._core.set(tag, digest, expect))

    def delete(self, tag: str, expect: Expect = ANY) -> None:
        self._runtime.run(self._core.delete(tag, expect))

    def all(self, *, verify: bool = False) -> Generator[str, None, None]:
        return self._runtime.iterate(self._core.all(verify=verify))

    def page(self, limit: int, last: str | None = None) -> Page[str]:
        return self._runtime.run(self._core.page(limit, last))

    def history(self, tag: str) -> list[TagChange]:
        return self._runtime.run(self._core.history(tag))

    def naming(self, digest: str) -> list[str]:
        return self._runtime.run(self._core.naming(digest))


@_twin_of(AsyncReferrers)
class Referrers:
    """See :class:`~regstore.referrers.AsyncReferrers`."""

    def __init__(self, core: AsyncReferrers, runtime: Runtime) -> None:
        self._core = core
        self._runtime = runtime

    def all(
        self, digest: str, artifact_type: str | None = None
    ) -> Generator[Descriptor, None, None]:
        return self._runtime.iterate(self._core.all(digest, artifact_type))

    def page(
        self,
        digest: str,
        limit: int,
        last: str | None = None,
        artifact_type: str | None = None,
    ) -> Page[Descriptor]:
        return self._runtime.run(self._core.page(digest, limit, last, artifact_type))

    def reindex(self) -> int:
        return self._runtime.run(self._core.reindex())


@_twin_of(AsyncRepository)
class Repository:
    """See :class:`~regstore.registry.AsyncRepository`."""

    def __init__(self, core: AsyncRepository, runtime: Runtime) -> None:
        self.name: str = core.name
        self.uploads: Uploads = Uploads(core.uploads, runtime)
        self.blobs: Blobs = Blobs(core.blobs, runtime)
        self.tags: Tags = Tags(core.tags, runtime)
        self.referrers: Referrers = Referrers(core.referrers, runtime)
        self.manifests: Manifests = Manifests(core.manifests, runtime)
        self._core = core
        self._runtime = runtime

    def import_layout(
        self,
        path: str | PathLike[str],
        reference: str | None = None,
        tags: Iterable[str] = (),
        progress: Progress = silent,
    ) -> Transfer:
        return self._runtime.run(self._core.import_layout(path, reference, tags, progress))

    def export_layout(
        self,
        path: str | PathLike[str],
        references: Iterable[str] | None = None,
        *,
        referrers: bool = True,
        progress: Progress = silent,
    ) -> Transfer:
        return self._runtime.run(
            self._core.export_layout(path, references, referrers=referrers, progress=progress)
        )


@_twin_of(AsyncRepositories)
class Repositories:
    """See :class:`~regstore.catalog.AsyncRepositories`."""

    def __init__(self, core: AsyncRepositories, runtime: Runtime) -> None:
        self._core = core
        self._runtime = runtime

    def all(self) -> Generator[str, None, None]:
        return self._runtime.iterate(self._core.all())

    def page(self, limit: int, last: str | None = None) -> Page[str]:
        return self._runtime.run(self._core.page(limit, last))

    def delete(self, name: str) -> None:
        self._runtime.run(self._core.delete(name))


@_twin_of(AsyncRegistry)
class Registry:
    """A registry's storage, for plain code; safe for any thread.

    See :class:`~regstore.registry.AsyncRegistry`, whose parameters these are.
    """

    def __init__(
        self,
        driver: StorageDriver,
        *,
        policy: Policy | None = None,
        observer: Observer | None = None,
        read_only: bool = False,
    ) -> None:
        self._core = Core(driver, policy, observer, read_only=read_only)
        self.repositories: Repositories = Repositories(self._core.repositories, driver.runtime)

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
        driver = open_driver(url, storage_options=storage_options)
        layers = Layers.needed_by(driver, consistency, remote=is_remote(driver))
        accept = partial(require_conditions, policy or Policy())
        driver = layers.around(driver, on_violation, accept)
        return cls(driver, policy=policy, observer=observer, read_only=read_only)

    @property
    def driver(self) -> StorageDriver:
        """The driver on which everything stands."""
        return self._core.driver

    def repository(self, name: str) -> Repository:
        return Repository(self._core.repository(name), self.driver.runtime)

    def delete_repository(self, name: str) -> None:
        self.repositories.delete(name)

    def ping(self) -> None:
        self.driver.runtime.run(self._core.ping())

    def close(self) -> None:
        """Release what the driver holds. Harmless when repeated."""
        self.driver.runtime.run(self.driver.aclose())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
