"""What specs are made of: the fields that many of them share, checked once, here."""

from __future__ import annotations

import re
from dataclasses import dataclass

from regstore.digest import ALGORITHMS, Digest, unsupported
from regstore.errors import BlobUploadUnknownError, DigestInvalidError, InvalidOffsetError
from regstore.layout.spec import PathSpec
from regstore.reference import check_name, check_tag

MAX_UPLOAD_ID = 255
"""Characters that an upload id may have: what file systems allow a name (``NAME_MAX``)."""

_UPLOAD_ID = re.compile(r"(?!\.{1,2}\Z|\.regstore-)[a-zA-Z0-9_.-]+", re.ASCII)
_PREFIX = re.compile(r"[0-9a-f]{2}", re.ASCII)
_MAX_OFFSET = 2**63 - 1


def check_upload_id(name: str, upload_id: str) -> str:
    """Return ``upload_id`` if an upload of the repository ``name`` can be called so.

    The grammar is that of distribution's routes (``registry/api/v2/descriptors.go``, parameter
    ``uuid``), at most :data:`MAX_UPLOAD_ID` characters, without what no driver could store:
    ``.``, ``..``, what begins with ``.regstore-``, and ``=`` (which ``PathRegexp`` in
    ``registry/storage/driver/storagedriver.go`` refuses as well).

    :raises BlobUploadUnknownError: it cannot: no such upload was ever begun.
    """
    if len(upload_id) > MAX_UPLOAD_ID or not _UPLOAD_ID.fullmatch(upload_id):
        raise BlobUploadUnknownError(
            f"no upload {upload_id[:MAX_UPLOAD_ID]!r} in {name}: an upload id is at most "
            f"{MAX_UPLOAD_ID} of a-z, A-Z, 0-9, '-', '_' and '.'; begin a new upload",
            name=name,
            upload_id=upload_id,
        )
    return upload_id


def check_algorithm(algorithm: str) -> str:
    """Return ``algorithm`` if digests can have it.

    :raises UnsupportedAlgorithmError: it is not one of :data:`regstore.digest.ALGORITHMS`.
    """
    if algorithm not in ALGORITHMS:
        raise unsupported(algorithm)
    return algorithm


def check_prefix(algorithm: str, prefix: str) -> str:
    """Return ``prefix`` if it is two lower-case hexadecimal digits.

    :raises DigestInvalidError: it is not.
    """
    if not _PREFIX.fullmatch(prefix):
        raise DigestInvalidError(
            f"{prefix!r} does not begin a digest: two lower-case hexadecimal digits do",
            digest=f"{algorithm}:{prefix}",
            actual=None,
        )
    return prefix


def check_digest(spec: PathSpec, field: str) -> None:
    """Check the digest in a field of ``spec``; a plain string becomes a :class:`Digest`.

    :raises DigestInvalidError: the digest is malformed or its algorithm unknown.
    """
    value = getattr(spec, field)
    if type(value) is not Digest:
        object.__setattr__(spec, field, Digest(value))


@dataclass(frozen=True, slots=True)
class InRepository(PathSpec):
    """A place in a repository.

    :param name: the repository's name.
    :raises NameInvalidError: the name breaks the grammar in :mod:`regstore.reference`.
    """

    name: str

    def __post_init__(self) -> None:
        check_name(self.name)


@dataclass(frozen=True, slots=True)
class InRepositoryByAlgorithm(InRepository):
    """A place in a repository that gathers digests of one algorithm.

    :param algorithm: the algorithm's name, such as ``sha256``.
    :raises UnsupportedAlgorithmError: the algorithm is not known here.
    """

    algorithm: str

    def __post_init__(self) -> None:
        InRepository.__post_init__(self)
        check_algorithm(self.algorithm)


@dataclass(frozen=True, slots=True)
class InRepositoryByDigest(InRepository):
    """A place in a repository that a digest names.

    :param digest: the digest; a plain string is checked and becomes a :class:`Digest`.
    :raises DigestInvalidError: the digest is malformed or its algorithm unknown.
    """

    digest: Digest

    def __post_init__(self) -> None:
        InRepository.__post_init__(self)
        check_digest(self, "digest")


@dataclass(frozen=True, slots=True)
class OfTag(InRepository):
    """A place that belongs to a tag.

    :param tag: the tag's name.
    :raises TagInvalidError: the tag breaks the grammar in :mod:`regstore.reference`.
    """

    tag: str

    def __post_init__(self) -> None:
        InRepository.__post_init__(self)
        check_tag(self.tag)


@dataclass(frozen=True, slots=True)
class OfTagByAlgorithm(OfTag):
    """A place in the history of a tag that gathers digests of one algorithm.

    :param algorithm: the algorithm's name.
    :raises UnsupportedAlgorithmError: the algorithm is not known here.
    """

    algorithm: str

    def __post_init__(self) -> None:
        OfTag.__post_init__(self)
        check_algorithm(self.algorithm)


@dataclass(frozen=True, slots=True)
class OfTagByDigest(OfTag):
    """A place in the history of a tag that a digest names.

    :param digest: the digest of a revision that the tag named.
    :raises DigestInvalidError: the digest is malformed or its algorithm unknown.
    """

    digest: Digest

    def __post_init__(self) -> None:
        OfTag.__post_init__(self)
        check_digest(self, "digest")


@dataclass(frozen=True, slots=True)
class OfUpload(InRepository):
    """A place that belongs to an upload in progress.

    :param upload_id: the upload's id (see :func:`check_upload_id`).
    :raises BlobUploadUnknownError: no upload can be called so.
    """

    upload_id: str

    def __post_init__(self) -> None:
        InRepository.__post_init__(self)
        check_upload_id(self.name, self.upload_id)


@dataclass(frozen=True, slots=True)
class OfUploadByAlgorithm(OfUpload):
    """A place that belongs to an upload and gathers the hash states of one algorithm.

    :param algorithm: the algorithm's name.
    :raises UnsupportedAlgorithmError: the algorithm is not known here.
    """

    algorithm: str

    def __post_init__(self) -> None:
        OfUpload.__post_init__(self)
        check_algorithm(self.algorithm)


@dataclass(frozen=True, slots=True)
class OfUploadAtOffset(OfUploadByAlgorithm):
    """A place that belongs to an upload as it stood at an offset.

    :param offset: bytes hashed so far, 0 to 2**63 - 1 (Go's ``int64``).
    :raises InvalidOffsetError: the offset is outside this range.
    """

    offset: int

    def __post_init__(self) -> None:
        OfUploadByAlgorithm.__post_init__(self)
        if not 0 <= self.offset <= _MAX_OFFSET:
            raise InvalidOffsetError(self.path, self.offset)


@dataclass(frozen=True, slots=True)
class ByAlgorithm(PathSpec):
    """A place among the blobs that gathers digests of one algorithm.

    :param algorithm: the algorithm's name.
    :raises UnsupportedAlgorithmError: the algorithm is not known here.
    """

    algorithm: str

    def __post_init__(self) -> None:
        check_algorithm(self.algorithm)


@dataclass(frozen=True, slots=True)
class ByPrefix(ByAlgorithm):
    """A place among the blobs that gathers digests with the same first byte.

    :param prefix: the first two hexadecimal digits, in lower case.
    :raises DigestInvalidError: the prefix is something else.
    """

    prefix: str

    def __post_init__(self) -> None:
        ByAlgorithm.__post_init__(self)
        check_prefix(self.algorithm, self.prefix)


@dataclass(frozen=True, slots=True)
class ByDigest(PathSpec):
    """A place among the blobs that a digest names.

    :param digest: the digest; a plain string is checked and becomes a :class:`Digest`.
    :raises DigestInvalidError: the digest is malformed or its algorithm unknown.
    """

    digest: Digest

    def __post_init__(self) -> None:
        check_digest(self, "digest")
