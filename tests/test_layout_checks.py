from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from functools import partial

import pytest

from regstore import layout
from regstore.digest import Digest
from regstore.errors import (
    BlobUploadUnknownError,
    DigestInvalidError,
    InvalidOffsetError,
    InvalidPathError,
    NameInvalidError,
    TagInvalidError,
    UnsupportedAlgorithmError,
)
from regstore.layout import PathSpec

A = Digest("sha256:" + "0123456789abcdef" * 4)
ALIEN_DIGIT = "\u0663"

BAD_NAMES = ["", "..", "a/../b", "/a", "a/", "a//b", "A", "a/_layers", "_a", "ä", "a\n", "a" * 256]
BAD_TAGS = ["", "..", ".", "-x", "a/b", "ä", "x\n", "x" * 129, "../../x"]
BAD_UPLOADS = ["", ".", "..", "a/b", "../x", "ä", "x\n", "x" * 256, ".regstore-x", "a=b", "\0"]
BAD_DIGESTS = [
    "",
    "sha256",
    "sha256:",
    "sha256:..",
    f"sha256:{'a' * 63}",
    f"sha256:{'A' * 64}",
    f"sha256:{'a' * 64}\n",
    f"sha256:../../{'a' * 58}",
    f"../sha256:{'a' * 64}",
    f"sha256+b64:{'a' * 64}",
    f"md5:{'a' * 32}",
    f"sha256:{ALIEN_DIGIT * 64}",
]
GOOD: dict[str, object] = {
    "name": "a",
    "tag": "x",
    "digest": A,
    "subject": A,
    "signature": A,
    "algorithm": "sha256",
    "prefix": "ab",
    "offset": 0,
    "upload_id": "id",
    "collector": "host-1",
    "nonce": "0123456789abcdef",
    "version": "v1",
    "hex": "abcd",
}


TARSUMS = {layout.TarsumLayerLink, layout.TarsumBlobData}


def made_with(value: object, *wanted: str) -> Iterator[partial[PathSpec]]:
    """Yield, for every class and field of these names, what makes a spec with this value there."""
    for cls in layout.SPECS:
        names = [field.name for field in fields(cls)]
        for name in names:
            if name in wanted:
                yield partial(cls, **{**{each: GOOD[each] for each in names}, name: value})


@pytest.mark.parametrize(
    "nonce", ["", "..", "0" * 15, "0" * 17, "A" * 16, "0" * 16 + "\n"], ids=repr
)
def test_bad_nonces_are_refused(nonce: str) -> None:
    with pytest.raises(InvalidPathError):
        layout.ProbeScratch(nonce)


@pytest.mark.parametrize(
    "collector", ["", "..", ".a", "-a", "a/b", "a b", "a" * 129, "a\n"], ids=repr
)
def test_bad_collectors_are_refused(collector: str) -> None:
    for make in made_with(collector, "collector"):
        with pytest.raises(InvalidPathError):
            make()


@pytest.mark.parametrize("name", BAD_NAMES, ids=repr)
def test_bad_names_are_refused(name: str) -> None:
    for make in made_with(name, "name"):
        with pytest.raises(NameInvalidError) as caught:
            make()
        assert caught.value.name == name


@pytest.mark.parametrize("tag", BAD_TAGS, ids=repr)
def test_bad_tags_are_refused(tag: str) -> None:
    for make in made_with(tag, "tag"):
        with pytest.raises(TagInvalidError) as caught:
            make()
        assert caught.value.tag == tag


@pytest.mark.parametrize("upload_id", BAD_UPLOADS, ids=repr)
def test_bad_upload_ids_are_unknown(upload_id: str) -> None:
    for make in made_with(upload_id, "upload_id"):
        with pytest.raises(BlobUploadUnknownError) as caught:
            make()
        assert (caught.value.name, caught.value.upload_id) == ("a", upload_id)


@pytest.mark.parametrize("digest", BAD_DIGESTS, ids=repr)
def test_bad_digests_are_refused(digest: str) -> None:
    for make in made_with(digest, "digest", "subject", "signature"):
        with pytest.raises(DigestInvalidError) as caught:
            make()
        assert caught.value.digest == digest


def test_good_digests_may_be_plain_strings() -> None:
    made = [make() for make in made_with(str(A), "digest", "subject", "signature")]
    assert made == [make() for make in made_with(A, "digest", "subject", "signature")]
    assert all(isinstance(getattr(spec, "digest", A), Digest) for spec in made)


@pytest.mark.parametrize(
    "algorithm", ["", "..", "md5", "SHA256", "sha256\n", "sha256/..", "tarsum"]
)
def test_unknown_algorithms_are_refused(algorithm: str) -> None:
    for make in made_with(algorithm, "algorithm"):
        if make.func in TARSUMS:
            continue
        with pytest.raises(UnsupportedAlgorithmError) as caught:
            make()
        assert caught.value.algorithm == algorithm


@pytest.mark.parametrize("prefix", ["", "a", "abc", "AB", "..", "zz", "a\n", ALIEN_DIGIT * 2])
def test_bad_prefixes_are_refused(prefix: str) -> None:
    with pytest.raises(DigestInvalidError):
        layout.BlobsShard("sha256", prefix)


@pytest.mark.parametrize("offset", [-1, 2**63, -(2**70)])
def test_bad_offsets_are_refused(offset: int) -> None:
    with pytest.raises(InvalidOffsetError) as caught:
        layout.UploadHashState("a", "id", "sha256", offset)
    assert caught.value.offset == offset


@pytest.mark.parametrize(
    ("version", "algorithm", "encoded"),
    [
        ("", "sha256", "ab"),
        ("..", "sha256", "ab"),
        ("v1", "..", "ab"),
        ("v1", "a/b", "ab"),
        ("v1", "sha256", ""),
        ("v1", "sha256", "a"),
        ("v1", "sha256", ".."),
        ("v1", "sha256", "ab\n"),
    ],
)
def test_bad_tarsums_are_refused(version: str, algorithm: str, encoded: str) -> None:
    with pytest.raises(DigestInvalidError):
        layout.TarsumLayerLink("a", version, algorithm, encoded)
    with pytest.raises(DigestInvalidError):
        layout.TarsumBlobData(version, algorithm, encoded)
