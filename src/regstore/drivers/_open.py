"""From a URL to the driver of its store."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from regstore._loop import OwnLoopRuntime
from regstore.driver import StorageDriver
from regstore.errors import ConfigurationError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

    from regstore.drivers.generic import Source
    from regstore.drivers.objects import ObjectStore

Options = Mapping[str, object]

_LINK = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_WORD = re.compile(r"[a-z]+")
_LOCAL = {"file", "local"}
_OBJECTS = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az"}
_CACHING = {"blockcache", "cached", "filecache", "simplecache"}
_EXTRAS = {
    "s3": "s3",
    "s3a": "s3",
    "gs": "gcs",
    "gcs": "gcs",
    "abfs": "azure",
    "abfss": "azure",
    "az": "azure",
}


class _Link(NamedTuple):
    """One filesystem of a chain, as ``protocol://rest``; of a bare path the protocol is ``""``."""

    protocol: str
    rest: str


def open_driver(
    url: str | os.PathLike[str], *, storage_options: Options | None = None
) -> StorageDriver:
    """Return the driver of the store that *url* names. No I/O is done.

    =========================== ==================================================================
    ``file:///path``, a path    :class:`~regstore.drivers.local.LocalDriver`
    ``memory://``               :class:`~regstore.drivers.memory.MemoryDriver`, of its own
    ``memory://name``           the same, shared by all who name it in this process
    ``s3://bucket/prefix``      :class:`~regstore.drivers.objects.driver.ObjectDriver` over S3
    ``gs://bucket/prefix``      the same over Google Cloud Storage
    ``abfs://container/prefix`` the same over Azure Blob Storage
    any other URL, any chain    :class:`~regstore.drivers.generic.GenericDriver` over fsspec
    =========================== ==================================================================

    Chains are fsspec's: ``dir://registry::sftp://host/srv``, ``zip::file:///backup.zip``. Of these
    the ones that cache content are refused: they would still give a tag that has moved.

    :param storage_options: what fsspec passes to the filesystem, such as credentials; in a chain
        those of one link stand under its protocol. Of a local directory only ``allowed_roots``. Of
        the three stores of objects also ``prefetch``: how many ranges of 8 MiB a reader fetches
        ahead, 0 by default, which streams one request.
    :raises ConfigurationError: the protocol is unknown, its package is not installed, or the store
        cannot be used; the message says what to change. It never repeats the URL, which may hold a
        password.
    """
    url = os.fspath(url)
    if sys.platform == "win32":
        raise ConfigurationError(
            "regstore needs file locks, links and directory syncs, which Windows lacks: run it on "
            "Linux or macOS, or in WSL"
        )
    if not url:
        raise ConfigurationError("name a directory or a URL, such as file:///var/lib/registry")
    links = _links(url)
    options = dict(storage_options or {})
    if len(links) == 1 and links[0].protocol in {*_LOCAL, ""}:
        return _local(links[0], options)
    if len(links) == 1 and links[0].protocol == "memory":
        return _memory(links[0].rest.strip("/"), options)
    if len(links) == 1 and links[0].protocol in _OBJECTS:
        return _objects(url, links[0].protocol, options)
    return _generic(url, links, options)


def _links(url: str) -> list[_Link]:
    parts = url.split("::")
    links = []
    for part in parts:
        match = _LINK.fullmatch(part)
        if match:
            links.append(_Link(match[1], match[2]))
        elif len(parts) > 1 and _WORD.fullmatch(part):
            links.append(_Link(part, ""))
        else:
            links.append(_Link("", part))
    return links


def _local(link: _Link, options: dict[str, object]) -> StorageDriver:
    from regstore.drivers.local import LocalDriver

    if link.protocol and not link.rest.startswith("/"):
        raise ConfigurationError(
            f"{link.protocol}:// takes an absolute path, as in file:///var/lib/registry; write a "
            "relative one without file://"
        )
    allowed = options.pop("allowed_roots", ())
    _refuse(options, "a local directory")
    if not isinstance(allowed, list | tuple):
        raise ConfigurationError("allowed_roots must be a list of directories")
    path = link.rest if link.protocol else os.path.expanduser(link.rest)
    return LocalDriver(path, allowed_roots=allowed)


def _memory(name: str, options: dict[str, object]) -> StorageDriver:
    from regstore.drivers.memory import MemoryDriver, MemoryStore

    _refuse(options, "memory")
    if "?" in name:
        raise ConfigurationError(
            "a memory:// URL takes no query: what regstore.open takes is given beside it, as in "
            "consistency='eventual(5)'"
        )
    return MemoryDriver(MemoryStore.named(name) if name else None)


def _objects(url: str, protocol: str, options: dict[str, object]) -> StorageDriver:
    _filesystem_class(protocol)  # tells which package is missing
    from regstore.drivers.objects import ObjectDriver

    prefetch = options.pop("prefetch", 0)
    if not isinstance(prefetch, int) or prefetch < 0:
        raise ConfigurationError("prefetch is how many ranges are fetched ahead: 0, 1, 2, ...")
    return ObjectDriver(_store(url, protocol, options), prefetch=prefetch)


def _store(url: str, protocol: str, options: dict[str, object]) -> ObjectStore:
    runtime = OwnLoopRuntime()
    if protocol in {"s3", "s3a"}:
        from regstore.drivers.s3 import s3_store

        return s3_store(url, options, runtime)
    if protocol in {"gs", "gcs"}:
        from regstore.drivers.gcs import gcs_store

        return gcs_store(url, options, runtime)
    from regstore.drivers.azure import azure_store

    return azure_store(url, options, runtime)


def _refuse(options: dict[str, object], store: str) -> None:
    if options:
        names = ", ".join(sorted(options))
        raise ConfigurationError(f"{store} has no such storage options: {names}")


def _generic(url: str, links: list[_Link], options: dict[str, object]) -> StorageDriver:
    from regstore.drivers.generic import GenericDriver

    kinds = [_filesystem_class(link.protocol or "file") for link in links]
    first = f"{links[0].protocol or 'file'}://{links[0].rest}"
    root = kinds[0]._strip_protocol(first)  # noqa: SLF001 - fsspec has no public name for it
    return GenericDriver(_source(url, links, kinds, options), root)


def _source(
    url: str,
    links: list[_Link],
    kinds: list[type[AbstractFileSystem]],
    options: dict[str, object],
) -> Source:
    from fsspec.core import url_to_fs
    from fsspec.implementations.dirfs import DirFileSystem

    from regstore.drivers.generic import Source, uncached

    stores = [kind for kind in kinds if not issubclass(kind, DirFileSystem)]
    if not stores:
        raise ConfigurationError(
            "dir:: stands before a filesystem, as in dir::file:///srv/registry"
        )
    protocols = [link.protocol or "file" for link in links]

    def make() -> AbstractFileSystem:
        # By protocol: fsspec gives what is not to the first link alone.
        own = {
            protocol: {**_mapping(options.get(protocol)), **uncached(kind)}
            for protocol, kind in zip(protocols, kinds, strict=True)
        }
        return url_to_fs(url, **{**options, **own})[0]

    return Source(make, stores[0], "::".join(protocols))


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _filesystem_class(protocol: str) -> type[AbstractFileSystem]:
    from fsspec import get_filesystem_class

    if protocol in _CACHING:
        raise ConfigurationError(
            f"{protocol}:: serves cached content, so tags that have moved would not be seen: name "
            "the filesystem after it alone"
        )
    try:
        kind: type[AbstractFileSystem] = get_filesystem_class(protocol)
    except ValueError as error:
        raise ConfigurationError(f"fsspec knows no protocol {protocol!r}") from error
    except ImportError as error:
        extra = _EXTRAS.get(protocol)
        advice = f"pip install 'regstore[{extra}]'" if extra else str(error)
        raise ConfigurationError(f"{protocol}:// lacks a package: {advice}") from error
    return kind
