"""What a registry takes and refuses: chosen by the embedder, the same for all repositories."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Protocol

from typing_extensions import override

from regstore.oci import Reference

MAX_MANIFEST_SIZE = 4 << 20
"""Bytes; CNCF distribution's limit (``registry/storage/blobstore.go``), and the least that the OCI
distribution specification asks for ("Pushing Manifests")."""


class TagPolicy(Protocol):
    """Says which tags never change once they are set."""

    def is_immutable(self, name: str, tag: str) -> bool:
        """Return whether *tag* of repository *name* may neither be moved nor deleted."""


class MutableTags(TagPolicy):
    """Every tag may be moved and deleted."""

    @override
    def is_immutable(self, name: str, tag: str) -> bool:
        return False


class ImmutableTags(TagPolicy):
    """Tags that match a pattern never change; setting the same value again is allowed.

    :param patterns: shell patterns, matched against the tag, case-sensitively: ``"v*"``.
    """

    def __init__(self, *patterns: str) -> None:
        self.patterns = patterns

    @override
    def is_immutable(self, name: str, tag: str) -> bool:
        return any(fnmatchcase(tag, pattern) for pattern in self.patterns)


@dataclass(frozen=True, slots=True)
class Policy:
    """What a registry takes and refuses.

    :ivar max_manifest_size: bytes; larger manifests raise ``ManifestTooLargeError``.
    :ivar sparse_indexes: take indexes some of whose manifests are missing here.
    :ivar sparse_images: take images some of whose layers, or whose config, are missing here.
    :ivar foreign_layers: take manifests whose non-distributable layers are missing here.
    :ivar unknown_manifests: take manifests of other formats than OCI and Docker schema 2. What they
        refer to is neither checked nor protected: the garbage collector of CNCF distribution
        stops at manifests that it cannot parse.
    :ivar tags: which tags never change.
    :ivar fresh_links: the data of what a manifest refers to is not looked for where the link to it
        is younger than this, which saves one request for each: who wrote the link had the data.
        Not for a store from which anything collects unreferenced data sooner. A collector must
        wait longer than this, plus the longest manifest push, plus the difference between this
        process's clock and the store's: a link's age is taken from both. ``None`` looks always.
    """

    max_manifest_size: int = MAX_MANIFEST_SIZE
    sparse_indexes: bool = False
    sparse_images: bool = False
    foreign_layers: bool = True
    unknown_manifests: bool = False
    tags: TagPolicy = field(default_factory=MutableTags)
    fresh_links: timedelta | None = None

    def vouches(self, modified: datetime, now: datetime) -> bool:
        """Return whether a link of that time vouches for its data.

        One from the future does too, if it is no further away than an old one may be: clocks
        differ, and stores round.

        :param modified: of the link, by the store's clock.
        :param now: by this process's clock.
        """
        return self.fresh_links is not None and abs(now - modified) < self.fresh_links

    def may_lack(self, reference: Reference) -> bool:
        """Return whether a manifest is taken although what *reference* names is missing."""
        if reference.role in {"manifest", "blob"}:
            return self.sparse_indexes
        return self.sparse_images or (reference.is_foreign and self.foreign_layers)
