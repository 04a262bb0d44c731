"""The storage layer of a container registry: layout, driver contract, stores, consistency.

Three doors: :func:`open`, :class:`Registry` and :class:`AsyncRegistry` for those who embed it;
:mod:`regstore.driver` and :mod:`regstore.testing` for those who write drivers; the ``regstore``
command for those who run it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from os import PathLike

from regstore.blobs import ANYWHERE, AsyncBlobReader, AsyncBlobs
from regstore.blocking import (
    BlobReader,
    Blobs,
    Manifests,
    Referrers,
    Registry,
    Repository,
    Tags,
    Upload,
    Uploads,
)
from regstore.consistency.promise import Consistency
from regstore.consistency.trust import Violation
from regstore.digest import Digest
from regstore.errors import RegistryError, RegstoreError
from regstore.events import Action, Event, Observer
from regstore.manifests import AsyncManifests, Manifest, PutResult
from regstore.oci import Descriptor
from regstore.policy import ImmutableTags, Policy
from regstore.referrers import AsyncReferrers
from regstore.registry import AsyncRegistry, AsyncRepository
from regstore.tags import ABSENT, ANY, AsyncTags, Page, TagChange
from regstore.upload import AsyncUpload
from regstore.uploads import AsyncUploads, UploadInfo


def open(
    url: str | PathLike[str],
    *,
    storage_options: Mapping[str, object] | None = None,
    policy: Policy | None = None,
    observer: Observer | None = None,
    read_only: bool = False,
    consistency: str | Consistency | None = None,
    on_violation: Callable[[Violation], object] | None = None,
) -> Registry:
    """Open the registry at *url* for plain code. No I/O is done.

    :param url: a directory (``/var/lib/registry``, ``file:///var/lib/registry``), ``memory://``
        (private), ``memory://name`` (shared within the process), or any fsspec URL.
    :param storage_options: what the fsspec filesystem takes.
    :param policy: what is taken and refused.
    :param observer: who is told of what happens.
    :param read_only: refuse every change with ``ReadOnlyError``.
    :param consistency: how soon the store is trusted to show its writes, never more than its driver
        claims: ``"strong"``, ``"read-after-write"``, ``"eventual(seconds)"``, or
        ``"measured"``, as ``regstore probe --save`` has found. By default as its driver claims.
        ``docs/consistency.md`` tells what each promises and costs.
    :param on_violation: is told of a store that does not keep its class, in whatever thread or task
        sees it; must not call the registry. What it raises reaches whoever was reading, and the
        store is trusted less from then on in any case. S3, Google Cloud Storage and
        Azure are watched, and stores that lag, as *consistency* or their driver says; for any other
        it is never called.
    :raises TypeError: *policy*, *observer* or *on_violation* is no such thing.
    :raises ConfigurationError: the URL cannot be served, or *policy* or *consistency* asks for what
        the store cannot keep; the error says what to do.
    """
    return Registry.open(
        url,
        storage_options=storage_options,
        policy=policy,
        observer=observer,
        read_only=read_only,
        consistency=consistency,
        on_violation=on_violation,
    )


__all__ = [
    "ABSENT",
    "ANY",
    "ANYWHERE",
    "Action",
    "AsyncBlobReader",
    "AsyncBlobs",
    "AsyncManifests",
    "AsyncReferrers",
    "AsyncRegistry",
    "AsyncRepository",
    "AsyncTags",
    "AsyncUpload",
    "AsyncUploads",
    "BlobReader",
    "Blobs",
    "Consistency",
    "Descriptor",
    "Digest",
    "Event",
    "ImmutableTags",
    "Manifest",
    "Manifests",
    "Observer",
    "Page",
    "Policy",
    "PutResult",
    "Referrers",
    "Registry",
    "RegistryError",
    "RegstoreError",
    "Repository",
    "TagChange",
    "Tags",
    "Upload",
    "UploadInfo",
    "Uploads",
    "open",
]
