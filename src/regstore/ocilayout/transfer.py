"""What import and export have in common: what they work on, and what they tell."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from regstore._run import Runtime
from regstore.blobs import AsyncBlobs
from regstore.digest import Digest, new_hash
from regstore.errors import CorruptContentError, ManifestBlobUnknownError
from regstore.manifests import AsyncManifests
from regstore.oci import Descriptor, Reference
from regstore.referrers import AsyncReferrers
from regstore.scope import Scope
from regstore.tags import AsyncTags

PARALLEL: Final = 4
"""How many blobs are copied at a time."""

Progress = Callable[[Descriptor, int], None]
"""Is called with a piece of content and how many of its bytes are done.

Every piece is announced with 0 before the first is copied, so the sum of those sizes is the whole
work; then as its bytes come; and at last with its size, at once where it was there already.
"""


def silent(_descriptor: Descriptor, _done: int) -> None:
    """Report no progress."""


@dataclass(frozen=True, slots=True)
class Stores:
    """The stores of the repository that is imported to or exported from."""

    scope: Scope
    blobs: AsyncBlobs
    manifests: AsyncManifests
    tags: AsyncTags
    referrers: AsyncReferrers

    def require(self, gone: Iterable[Reference], place: str) -> None:
        """Raise where *place* lacks content that the policy demands.

        :raises ManifestBlobUnknownError: it does; the error names all of it.
        """
        policy = self.scope.policy
        needed = [each for each in gone if not policy.may_lack(each)]
        if not needed:
            return
        missing = tuple(str(each.descriptor.digest) for each in needed)
        msg = f"{place} lacks {', '.join(missing)}: complete it"
        if all(map(replace(policy, sparse_indexes=True).may_lack, needed)):
            msg += ", or take sparse indexes (--sparse, in Python Policy(sparse_indexes=True))"
        raise ManifestBlobUnknownError(msg, name=self.scope.name, missing=missing)


@dataclass(frozen=True, slots=True)
class Transfer:
    """What an import or an export did.

    :ivar tags: the names set, in the repository or in the layout's index, and what they name.
    :ivar manifests: everything selected that other content hangs on, children before parents.
    :ivar copied: what was written.
    :ivar skipped: what was there already.
    :ivar missing: what was left out, as the registry's policy allows (:class:`Policy`).
    """

    tags: Mapping[str, Digest]
    manifests: tuple[Descriptor, ...]
    copied: tuple[Descriptor, ...]
    skipped: tuple[Descriptor, ...]
    missing: tuple[Descriptor, ...]


async def verified(
    runtime: Runtime, chunks: AsyncGenerator[bytes, None], descriptor: Descriptor, place: str
) -> AsyncGenerator[bytes, None]:
    """Pass *chunks* on, and raise after the last one unless they are what *descriptor* says.

    :raises CorruptContentError: digest or size differ.
    """
    content_hash = new_hash(descriptor.digest.algorithm)
    size = 0
    async with aclosing(chunks):
        async for chunk in chunks:
            size += len(chunk)
            await runtime.offload(partial(content_hash.update, chunk))
            yield chunk
    actual = f"{descriptor.digest.algorithm}:{content_hash.hexdigest()}"
    if (size, actual) != (descriptor.size, descriptor.digest):
        msg = (
            f"{place} holds {size} bytes with digest {actual} where {descriptor.size} bytes of "
            f"{descriptor.digest} belong: push that content again"
        )
        raise CorruptContentError(msg, path=place, digest=str(descriptor.digest))


async def counted(
    chunks: AsyncGenerator[bytes, None], descriptor: Descriptor, progress: Progress
) -> AsyncGenerator[bytes, None]:
    """Pass *chunks* on and tell *progress* of them."""
    done = 0
    async with aclosing(chunks):
        async for chunk in chunks:
            yield chunk
            done += len(chunk)
            progress(descriptor, done)
