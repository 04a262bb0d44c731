"""What registries 2.0 to 2.3 left in the tree, beside what later ones still write.

They are read for what they are, never written. Sources: distribution 2.0,
``registry/storage/paths.go`` (``manifestSignatureLinkPathSpec``, ``digestPathComponents``) and
``digest/tarsum.go`` (the grammar of tarsums).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from regstore.digest import Digest
from regstore.errors import DigestInvalidError
from regstore.layout.fields import InRepository, InRepositoryByDigest, check_digest
from regstore.layout.spec import PathSpec, directory, file
from regstore.layout.v2 import BLOBS, LAYERS, REVISION

_WORD = re.compile(r"[a-z0-9]+", re.ASCII)
_ALGORITHM = re.compile(r"[a-zA-Z0-9]+", re.ASCII)
_HEX = re.compile(r"[a-fA-F0-9]{2,}", re.ASCII)


def check_tarsum(version: str, algorithm: str, hex_part: str) -> None:
    """Refuse what no tarsum can be.

    Stock stores a tarsum without version as ``v0``. Its grammar knows no list of algorithms and no
    length of the digest; two digits are the least that its paths can shard.

    :raises DigestInvalidError: some part breaks the grammar.
    """
    parts = ((_WORD, version), (_ALGORITHM, algorithm), (_HEX, hex_part))
    if not all(grammar.fullmatch(part) for grammar, part in parts):
        tarsum = f"tarsum.{version}+{algorithm}:{hex_part}"
        raise DigestInvalidError(f"{tarsum!r} is not a tarsum", digest=tarsum, actual=None)


@directory(REVISION + "/signatures")
class SignaturesRoot(InRepositoryByDigest):
    """The signatures of a schema 1 manifest."""

    __slots__ = ()


@file(REVISION + "/signatures/{signature.algorithm}/{signature.hex}/link")
@dataclass(frozen=True, slots=True)
class SignatureLink(InRepositoryByDigest):
    """A signature of a schema 1 manifest; holds the digest of the blob that is the signature.

    :param signature: the digest of the signature.
    :raises DigestInvalidError: the digest is malformed or its algorithm unknown.
    """

    signature: Digest

    def __post_init__(self) -> None:
        InRepositoryByDigest.__post_init__(self)
        check_digest(self, "signature")


@file(LAYERS + "/tarsum/{version}/{algorithm}/{hex}/link")
@dataclass(frozen=True, slots=True)
class TarsumLayerLink(InRepository):
    """A layer under the tarsum that its client gave; holds the digest under which the data lies.

    :param version: the version of the tarsum algorithm, such as ``v1``.
    :param algorithm: the algorithm of the final digest; none is known, each is taken.
    :param hex: the digest in hexadecimal digits of either case.
    :raises DigestInvalidError: some part breaks the grammar of tarsums.
    """

    version: str
    algorithm: str
    hex: str

    def __post_init__(self) -> None:
        InRepository.__post_init__(self)
        check_tarsum(self.version, self.algorithm, self.hex)


@file(BLOBS + "/tarsum/{version}/{algorithm}/{hex:.2}/{hex}/data")
@dataclass(frozen=True, slots=True)
class TarsumBlobData(PathSpec):
    """Content under a tarsum.

    :param version: the version of the tarsum algorithm, such as ``v1``.
    :param algorithm: the algorithm of the final digest; none is known, each is taken.
    :param hex: the digest in hexadecimal digits of either case.
    :raises DigestInvalidError: some part breaks the grammar of tarsums.
    """

    version: str
    algorithm: str
    hex: str

    def __post_init__(self) -> None:
        check_tarsum(self.version, self.algorithm, self.hex)
