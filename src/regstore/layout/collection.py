"""The tree under ``docker/registry/regstore/v1/gc``: what collectors and writers tell each other.

Each collector has a name, and only entries of that name are its own to write and delete; writers
and readers look at those of all collectors.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from regstore.errors import InvalidPathError
from regstore.layout.fields import ByDigest, check_digest
from regstore.layout.own import ROOT as OWN
from regstore.layout.spec import PathSpec, directory, file

ROOT = OWN + "/gc"
CONDEMNED = ROOT + "/condemned"
SAVED = ROOT + "/saved"
TRASH = ROOT + "/trash"
OF_DIGEST = "/{digest.algorithm}/{digest.hex:.2}/{digest.hex}"

_COLLECTOR = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}", re.ASCII)


@directory(ROOT)
class CollectionRoot(PathSpec):
    """Everything of collectors."""

    __slots__ = ()


@file(ROOT + "/state")
class CollectionState(PathSpec):
    """Whether a collector is at work; holds a :class:`~regstore.layout.Collecting` as JSON."""

    __slots__ = ()


@directory(CONDEMNED)
class TombstonesRoot(PathSpec):
    """All digests that are to be deleted, or have been of late."""

    __slots__ = ()


@directory(CONDEMNED + OF_DIGEST)
class Tombstones(ByDigest):
    """The tombstones of one digest; lists the names of the collectors that have one."""

    __slots__ = ()


@directory(SAVED)
class SavedRoot(PathSpec):
    """All digests that writers have claimed where they could not compare and swap a tombstone."""

    __slots__ = ()


@file(SAVED + OF_DIGEST)
class SavedDigest(ByDigest):
    """A claim to a digest, as old as the file is; holds ``{"digest": "<digest>"}``."""

    __slots__ = ()


@directory(TRASH)
class TrashRoot(PathSpec):
    """All content that was deleted and can still be restored."""

    __slots__ = ()


@directory(TRASH + OF_DIGEST)
class Trash(ByDigest):
    """The copies of one digest; lists the names of the collectors that have one."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class OfCollector(ByDigest):
    """What one collector has of one digest.

    :param collector: its name: at most 128 of a-z, A-Z, 0-9, ``_``, ``.`` and ``-``, the first a
        letter or digit.
    :raises InvalidPathError: the name is another one.
    """

    collector: str

    def __post_init__(self) -> None:
        check_digest(self, "digest")
        if not _COLLECTOR.fullmatch(self.collector):
            detail = "a collector is named by at most 128 letters, digits, '_', '.' and '-'"
            raise InvalidPathError(self.collector[:128], detail=detail)


@file(CONDEMNED + OF_DIGEST + "/{collector}")
class Tombstone(OfCollector):
    """How far a collector has come with a digest: a :class:`~regstore.layout.Verdict` as JSON."""

    __slots__ = ()


@file(TRASH + OF_DIGEST + "/{collector}/data")
class Quarantined(OfCollector):
    """The copy that a collector has made of content before it deletes it."""

    __slots__ = ()
