"""Everything that hangs on some manifests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from regstore.digest import Digest
from regstore.oci import Descriptor, Document, Reference

Fetch = Callable[[Descriptor], Awaitable[Document | None]]
ReferrersOf = Callable[[Digest], Awaitable[Sequence[Descriptor]]]


class Closure:
    """The manifests and blobs reachable from what was added, each once.

    :ivar manifests: children before parents.
    :ivar blobs: everything that is no manifest.
    :ivar absent: manifests that could not be fetched.
    :param fetch: returns a manifest whose digest was verified (so that there are no cycles), or
        ``None`` where there is none.
    """

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self.manifests: dict[Digest, Descriptor] = {}
        self.blobs: dict[Digest, Reference] = {}
        self.absent: dict[Digest, Reference] = {}
        self._seen: set[Digest] = set()
        self._parents: dict[tuple[Digest, int], Digest] = {}

    async def add(self, root: Reference) -> None:
        """Add *root* and what hangs on it, however deep: a chain of indexes is no recursion."""
        stack = [(root, False)]
        while stack:
            reference, is_complete = stack.pop()
            digest = reference.descriptor.digest
            if is_complete:
                self.manifests[digest] = reference.descriptor
            elif reference.role != "manifest":
                self.blobs.setdefault(digest, reference)
            elif digest not in self._seen:
                self._seen.add(digest)
                stack += await self._expand(reference)

    def parent_of(self, descriptor: Descriptor) -> Digest | None:
        """Return which manifest calls for the content *descriptor*, with the size that it says."""
        return self._parents.get((descriptor.digest, descriptor.size))

    async def add_referrers(self, referrers_of: ReferrersOf) -> tuple[Descriptor, ...]:
        """Add the manifests that refer to what is here, those that refer to them, and so on.

        :returns: those that were not here before.
        """
        found = []
        asked: set[Digest] = set()
        while unasked := [digest for digest in self.manifests if digest not in asked]:
            asked.update(unasked)
            for digest in unasked:
                for descriptor in await referrers_of(digest):
                    if descriptor.digest not in self._seen:
                        found.append(descriptor)
                        await self.add(Reference("manifest", descriptor))
        return tuple(found)

    async def _expand(self, reference: Reference) -> list[tuple[Reference, bool]]:
        document = await self._fetch(reference.descriptor)
        if document is None:
            self.absent[reference.descriptor.digest] = reference
            return []
        for child in document.references:
            key = child.descriptor.digest, child.descriptor.size
            self._parents.setdefault(key, reference.descriptor.digest)
        children = [(child, False) for child in reversed(document.references)]
        return [(reference, True), *children]
