"""The storage layer of a container registry: layout, driver contract, stores, consistency.

Three doors: :func:`open`, :class:`Registry` and :class:`AsyncRegistry` for those who embed it;
:mod:`regstore.driver` and :mod:`regstore.testing` for those who write drivers; the ``regstore``
command for those who run it.
"""

from __future__ import annotations

from collections.abc import Mapping

from regstore.blobs import ANYWHERE
from regstore.blocking import BlobReader, Registry, Repository, Upload
from regstore.digest import Digest
from regstore.errors import RegistryError, RegstoreError
from regstore.events import Action, Event, Observer
from regstore.manifests import Manifest, PutResult
from regstore.oci import Descriptor
from regstore.policy import ImmutableTags, Policy
from regstore.registry import AsyncRegistry, AsyncRepository
from regstore.tags import ABSENT, ANY, Page, TagChange
from regstore.uploads import UploadInfo


def open(
    url: str,
    *,
    storage_options: Mapping[str, object] | None = None,
    policy: Policy | None = None,
    observer: Observer | None = None,
    read_only: bool = False,
) -> Registry:
    """Open the registry at *url* for plain code. No I/O is done.

    :param url: a directory (``/var/lib/registry``, ``file:///var/lib/registry``), ``memory://``
        (private), ``memory://name`` (shared within the process), or any fsspec URL.
    :param storage_options: what the fsspec filesystem takes.
    :param policy: what is taken and refused.
    :param observer: who is told of what happens.
    :param read_only: refuse every change with ``ReadOnlyError``.
    :raises ConfigurationError: the URL cannot be served, or *policy* asks for what the store cannot
        keep; the error says what to do.
    """
    return Registry.open(
        url,
        storage_options=storage_options,
        policy=policy,
        observer=observer,
        read_only=read_only,
    )


__all__ = [
    "ABSENT",
    "ANY",
    "ANYWHERE",
    "Action",
    "AsyncRegistry",
    "AsyncRepository",
    "BlobReader",
    "Descriptor",
    "Digest",
    "Event",
    "ImmutableTags",
    "Manifest",
    "Observer",
    "Page",
    "Policy",
    "PutResult",
    "Registry",
    "RegistryError",
    "RegstoreError",
    "Repository",
    "TagChange",
    "Upload",
    "UploadInfo",
    "open",
]
