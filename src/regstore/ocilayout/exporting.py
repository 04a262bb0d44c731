"""From a repository into a layout: content first, the index that names it last."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from pathlib import Path

from regstore.digest import Digest
from regstore.errors import BlobUnknownError, ManifestUnknownError, SizeInvalidError
from regstore.oci import Descriptor, Document, Reference
from regstore.ocilayout.closure import Closure
from regstore.ocilayout.index import blob_path, new_entry
from regstore.ocilayout.opening import open_sink
from regstore.ocilayout.sink import Sink
from regstore.ocilayout.transfer import Progress, Stores, Transfer, counted, verified
from regstore.reference import parse_reference


async def export_layout(
    stores: Stores,
    path: str | os.PathLike[str],
    references: Iterable[str] | None,
    progress: Progress,
    *,
    referrers: bool,
) -> Transfer:
    """Do what :meth:`regstore.registry.AsyncRepository.export_layout` says."""
    if references is None:
        async with aclosing(stores.tags.all(verify=True)) as tags:
            references = [tag async for tag in tags]
    roots = [await _root(stores, reference) for reference in references]
    closure = Closure(lambda descriptor: _fetch(stores, closure, descriptor))
    for _, descriptor in roots:
        await closure.add(Reference("manifest", descriptor))
    referring: Sequence[Descriptor] = ()
    if referrers:
        referring = await closure.add_referrers(lambda digest: _referrers_of(stores, digest))
    missing = await _missing(stores, closure)
    async with await open_sink(Path(path), stores.scope.runtime) as sink:
        export = _Export(stores, sink, progress)
        await export.copy(closure, missing)
        entries = [new_entry(descriptor, tag) for tag, descriptor in roots]
        entries += [new_entry(descriptor, None) for descriptor in referring]
        await sink.finish(entries)
    named = {tag: descriptor.digest for tag, descriptor in roots if tag is not None}
    manifests = tuple(closure.manifests.values())
    return Transfer(named, manifests, tuple(export.copied), tuple(export.skipped), missing)


async def _root(stores: Stores, reference: str) -> tuple[str | None, Descriptor]:
    """Return the tag to export under, if it is one, and what it names."""
    manifest = await stores.manifests.get(reference)
    tag = None if isinstance(parse_reference(reference), Digest) else reference
    return tag, manifest.descriptor


async def _fetch(stores: Stores, closure: Closure, descriptor: Descriptor) -> Document | None:
    try:
        manifest = await stores.manifests.get(descriptor.digest)
    except ManifestUnknownError:
        return None
    _check_size(closure, descriptor, len(manifest.body))
    return manifest.document


async def _referrers_of(stores: Stores, digest: Digest) -> Sequence[Descriptor]:
    """Return the referrers of *digest* that are there: the index of them is a cache."""
    async with aclosing(stores.referrers.all(digest)) as found:
        return [each async for each in found if await stores.manifests.exists(each.digest)]


async def _missing(stores: Stores, closure: Closure) -> tuple[Descriptor, ...]:
    """Return what is missing, where the policy allows that; else raise.

    :raises SizeInvalidError: a blob is not of the size that a manifest says.
    """
    blobs = list(closure.blobs.values())
    sizes = await stores.scope.runtime.map(lambda blob: _size(stores, blob.descriptor), blobs)
    gone = list(closure.absent.values())
    for blob, size in zip(blobs, sizes, strict=True):
        if size is None:
            gone.append(blob)
        else:
            _check_size(closure, blob.descriptor, size)
    stores.require(gone, f"repository {stores.scope.name!r}")
    return tuple(each.descriptor for each in gone)


async def _size(stores: Stores, descriptor: Descriptor) -> int | None:
    try:
        return (await stores.blobs.stat(descriptor.digest)).size
    except BlobUnknownError:
        return None


def _check_size(closure: Closure, descriptor: Descriptor, actual: int) -> None:
    if actual == descriptor.size:
        return
    parent = closure.parent_of(descriptor)
    says = f"manifest {parent}" if parent else "the index of referrers"
    msg = (
        f"{says} says that {descriptor.digest} has {descriptor.size} bytes, and {actual} are "
        "stored: push the image again, or, where its manifest is wrong, build it again"
    )
    raise SizeInvalidError(msg, expected=descriptor.size, actual=actual)


class _Export:
    def __init__(self, stores: Stores, sink: Sink, progress: Progress) -> None:
        self._stores = stores
        self._sink = sink
        self._progress = progress
        self.copied: list[Descriptor] = []
        self.skipped: list[Descriptor] = []
        self._manifests: set[Digest] = set()

    async def copy(self, closure: Closure, missing: Sequence[Descriptor]) -> None:
        left_out = {descriptor.digest for descriptor in missing}
        blobs = [blob.descriptor for blob in closure.blobs.values()]
        pieces = {each.digest: each for each in (*blobs, *closure.manifests.values())}
        self._manifests = set(closure.manifests)
        ordered = sorted(pieces.keys() - left_out, key=blob_path)
        for digest in ordered:
            self._progress(pieces[digest], 0)
        runtime = self._stores.scope.runtime
        await runtime.map(lambda digest: self._piece(pieces[digest]), ordered, self._sink.parallel)

    async def _piece(self, descriptor: Descriptor) -> None:
        path = blob_path(descriptor.digest)
        if await self._sink.holds(path, descriptor):
            self.skipped.append(descriptor)
            self._progress(descriptor, descriptor.size)
            return
        runtime, place = self._stores.scope.runtime, f"repository {self._stores.scope.name!r}"
        checked = verified(runtime, self._read(descriptor), descriptor, place)
        async with aclosing(counted(checked, descriptor, self._progress)) as chunks:
            await self._sink.write(path, descriptor.size, chunks)
        self.copied.append(descriptor)

    async def _read(self, descriptor: Descriptor) -> AsyncGenerator[bytes, None]:
        if descriptor.digest in self._manifests:
            yield (await self._stores.manifests.get(descriptor.digest)).body
            return
        async with self._stores.blobs.open(descriptor.digest) as reader:
            async for chunk in reader:
                yield chunk
