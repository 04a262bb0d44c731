"""The tree under ``docker/registry/regstore/v1``: what regstore keeps beside the field's layout.

Stock software walks ``docker/registry/v2`` only, so that nothing here ever comes its way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from regstore.digest import Digest
from regstore.errors import InvalidPathError
from regstore.layout.fields import (
    InRepository,
    InRepositoryByAlgorithm,
    InRepositoryByDigest,
    check_algorithm,
    check_digest,
)
from regstore.layout.spec import PathSpec, directory, file

ROOT = "docker/registry/regstore/v1"
REFERRERS = ROOT + "/referrers/{name}"
PROBES = ROOT + "/probes"
SUBJECTS = REFERRERS + "/_subjects"

_NONCE = re.compile(r"[0-9a-f]{16}", re.ASCII)


@directory(ROOT)
class StateRoot(PathSpec):
    """Everything of regstore's own."""

    __slots__ = ()


@file(ROOT + "/format")
class Format(PathSpec):
    """The version of this tree; one that is newer than this library knows is never changed."""

    __slots__ = ()


@file(ROOT + "/caps.json")
class Caps(PathSpec):
    """What a probe of the store found out."""

    __slots__ = ()


@directory(PROBES)
class ProbesRoot(PathSpec):
    """Where probes of the store work, each in a directory of its own, for some seconds."""

    __slots__ = ()


@directory(PROBES + "/{nonce}")
@dataclass(frozen=True, slots=True)
class ProbeScratch(PathSpec):
    """What one probe has written; a probe that was killed leaves it, and it may be deleted then.

    :param nonce: 16 lower-case hexadecimal digits.
    :raises InvalidPathError: it is something else.
    """

    nonce: str

    def __post_init__(self) -> None:
        if not _NONCE.fullmatch(self.nonce):
            raise InvalidPathError(self.nonce, detail="a probe is named by 16 hexadecimal digits")


@directory(REFERRERS)
class ReferrersRoot(InRepository):
    """The referrers index of a repository, or a mere part of the names below it."""

    __slots__ = ()


@file(REFERRERS + "/_complete")
class ReferrersComplete(InRepository):
    """Says that the index holds all referrers; without it the index is to be built again."""

    __slots__ = ()


@directory(SUBJECTS)
class SubjectsRoot(InRepository):
    """The digests that manifests of this repository refer to as their subject."""

    __slots__ = ()


@directory(SUBJECTS + "/{algorithm}")
class SubjectsAlgorithm(InRepositoryByAlgorithm):
    """The subjects whose digests share an algorithm; lists their hex parts."""

    __slots__ = ()


@directory(SUBJECTS + "/{digest.algorithm}/{digest.hex}")
class Subject(InRepositoryByDigest):
    """The referrers of one subject; the subject itself need not exist."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class OfSubject(InRepository):
    """A place that belongs to a subject.

    :param subject: the digest referred to.
    :raises DigestInvalidError: the digest is malformed or its algorithm unknown.
    """

    subject: Digest

    def __post_init__(self) -> None:
        InRepository.__post_init__(self)
        check_digest(self, "subject")


SUBJECT = SUBJECTS + "/{subject.algorithm}/{subject.hex}"


@directory(SUBJECT + "/{algorithm}")
@dataclass(frozen=True, slots=True)
class ReferrersAlgorithm(OfSubject):
    """The referrers of a subject whose digests share an algorithm; lists their hex parts.

    :param algorithm: the algorithm's name.
    :raises UnsupportedAlgorithmError: the algorithm is not known here.
    """

    algorithm: str

    def __post_init__(self) -> None:
        OfSubject.__post_init__(self)
        check_algorithm(self.algorithm)


@file(SUBJECT + "/{digest.algorithm}/{digest.hex}")
@dataclass(frozen=True, slots=True)
class Referrer(OfSubject):
    """A manifest that refers to a subject; holds its descriptor as JSON.

    :param digest: the digest of the referring manifest.
    :raises DigestInvalidError: the digest is malformed or its algorithm unknown.
    """

    digest: Digest

    def __post_init__(self) -> None:
        OfSubject.__post_init__(self)
        check_digest(self, "digest")
