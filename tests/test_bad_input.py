"""Bad input of every kind: a typed error each, and a store that is as it was before."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import ParamSpec

import pytest

from regstore import ABSENT, Registry, Repository
from regstore.digest import Digest
from regstore.errors import (
    BlobUploadUnknownError,
    DigestInvalidError,
    InvalidOffsetError,
    ManifestBlobUnknownError,
    ManifestInvalidError,
    ManifestTooLargeError,
    NameInvalidError,
    RegstoreError,
    SizeInvalidError,
    TagInvalidError,
    UnsupportedAlgorithmError,
    UploadOffsetError,
)
from regstore.oci import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX
from tests import places
from tests.images import described, make_image, make_index
from tests.places import Place

NAME = "library/app"
IMAGE = make_image("x", layers=2)
BLOB = b"some content"
DIGEST = Digest.of(BLOB)

BAD_NAMES = [
    "",
    "/",
    ".",
    "..",
    "../app",
    "library/../app",
    "library/..",
    "library/./app",
    "/library/app",
    "library/app/",
    "library//app",
    "library/_uploads",
    "_manifests",
    "library/-app",
    "library/app-",
    "library/App",
    "library/app\n",
    "library/app\x00",
    "library\\app",
    "library/%2e%2e/app",
    "library/\uff41pp",
    "library/.regstore-tmp",
    "localhost:5000/app",
    "~root",
    "a" * 256,
    "/".join(["a"] * 129),
]
BAD_TAGS = [
    "",
    ".",
    "..",
    "../v1",
    "v1/..",
    "v1/../../x",
    "/etc/passwd",
    "-v1",
    ".regstore-part",
    "v 1",
    "v1\n",
    "v1\x00",
    "v1%2f",
    "vé",
    "\u0663",
    "v" * 129,
    "v" * 5000,
]
BAD_IDS = [
    "",
    ".",
    "..",
    "../data",
    "a/../b",
    "/etc/passwd",
    "a/b",
    "a b",
    "a\n",
    "a\x00",
    "é",
    ".regstore-part",
    "a" * 5000,
]
BAD_DIGESTS = [
    ("", DigestInvalidError),
    ("sha256", DigestInvalidError),
    ("sha256:", DigestInvalidError),
    (":" + "0" * 64, DigestInvalidError),
    ("sha256:" + "0" * 63, DigestInvalidError),
    ("sha256:" + "0" * 65, DigestInvalidError),
    ("sha512:" + "0" * 64, DigestInvalidError),
    ("sha256:" + "A" * 64, DigestInvalidError),
    ("sha256:" + "g" * 64, DigestInvalidError),
    ("sha256:" + "\u0660" * 64, DigestInvalidError),
    ("SHA256:" + "0" * 64, DigestInvalidError),
    ("sha256:" + "0" * 64 + "\n", DigestInvalidError),
    (" sha256:" + "0" * 64, DigestInvalidError),
    ("sha256:../../../" + "0" * 55, DigestInvalidError),
    ("../sha256:" + "0" * 64, DigestInvalidError),
    ("sha256:sha256:" + "0" * 57, DigestInvalidError),
    ("md5:" + "0" * 32, UnsupportedAlgorithmError),
    ("sha1:" + "0" * 40, UnsupportedAlgorithmError),
    ("sha256+b64u:" + "a" * 43, UnsupportedAlgorithmError),
    ("tarsum.v1+sha256:" + "0" * 64, UnsupportedAlgorithmError),
]
WRONG_TYPES = [
    OCI_INDEX,
    DOCKER_MANIFEST,
    DOCKER_LIST,
    "application/json",
    "text/html",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
    "a" * 10_000,
    "\x00",
]


@pytest.fixture(params=["memory", "local"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    place = places.local(tmp_path / "store") if request.param == "local" else places.memory()
    IMAGE.push(place.repository(NAME), "v1")
    place.repository(NAME).blobs.put(BLOB)
    return place


@pytest.fixture
def registry(place: Place) -> Registry:
    return place.open()


@pytest.fixture
def repo(registry: Registry) -> Repository:
    return registry.repository(NAME)


@pytest.fixture(autouse=True)
def nothing_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test asks for, the store is afterwards as it was before."""
    if "place" not in request.fixturenames:
        yield
        return
    place: Place = request.getfixturevalue("place")
    before = place.files()
    yield
    assert place.files() == before


P = ParamSpec("P")


def refused(
    kind: type[RegstoreError], step: Callable[P, object], *args: P.args, **options: P.kwargs
) -> None:
    """Assert that *step* raises exactly *kind*."""
    with pytest.raises(RegstoreError) as caught:
        step(*args, **options)
    assert caught.type is kind


def test_bad_names(registry: Registry, repo: Repository) -> None:
    for name in BAD_NAMES:
        refused(NameInvalidError, registry.repository, name)
        refused(NameInvalidError, registry.delete_repository, name)
        refused(NameInvalidError, repo.blobs.mount, DIGEST, source=name)


def test_bad_tags(repo: Repository) -> None:
    for tag in BAD_TAGS:
        refused(TagInvalidError, repo.tags.get, tag)
        refused(TagInvalidError, repo.tags.history, tag)
        refused(TagInvalidError, repo.tags.delete, tag)
        refused(TagInvalidError, repo.tags.set, tag, IMAGE.digest)
        refused(TagInvalidError, repo.tags.set, tag, IMAGE.digest, ABSENT)
        refused(TagInvalidError, repo.manifests.get, tag)
        refused(TagInvalidError, repo.manifests.exists, tag)
        refused(TagInvalidError, repo.manifests.put, IMAGE.manifest, tags=[tag])


def go_on(repo: Repository, upload_id: str, step: str) -> None:
    upload = repo.uploads.resume(upload_id)
    match step:
        case "write":
            upload.write(BLOB)
        case "commit":
            upload.commit(DIGEST)
        case _:
            getattr(upload, step)()


def test_bad_upload_ids(repo: Repository) -> None:
    for upload_id in BAD_IDS:
        for step in ("status", "digest", "cancel", "park", "commit", "write"):
            refused(BlobUploadUnknownError, go_on, repo, upload_id, step)


def test_bad_digests(repo: Repository) -> None:
    for digest, kind in BAD_DIGESTS:
        refused(kind, repo.blobs.get, digest)
        refused(kind, repo.blobs.stat, digest)
        refused(kind, repo.blobs.exists, digest)
        refused(kind, repo.blobs.open, digest)
        refused(kind, repo.blobs.delete, digest)
        refused(kind, repo.blobs.put, BLOB, digest)
        refused(kind, repo.blobs.put, [BLOB], digest)
        refused(kind, repo.blobs.mount, digest, source=NAME)
        refused(kind, repo.blobs.redirect_url, digest)
        refused(kind, repo.manifests.put, IMAGE.manifest, digest=digest)
        refused(kind, repo.manifests.delete, digest)
        refused(kind, repo.tags.set, "v1", digest)
        refused(kind, repo.tags.set, "v1", IMAGE.digest, expect=digest)
        refused(kind, repo.tags.delete, "v1", expect=digest)
        refused(kind, repo.tags.naming, digest)
        refused(kind, next, repo.referrers.all(digest))
        refused(kind, repo.referrers.page, digest, 1)
        refused(kind, repo.uploads.create, digest=digest)
        if ":" in digest:
            refused(kind, repo.manifests.get, digest)
            refused(kind, repo.manifests.exists, digest)


def test_a_bad_digest_at_the_end_of_an_upload(repo: Repository) -> None:
    upload = repo.uploads.create()
    upload.write(BLOB)
    for digest, kind in BAD_DIGESTS:
        refused(kind, upload.commit, digest)
    upload.cancel()


def changed(**fields: object) -> bytes:
    return json.dumps(json.loads(IMAGE.manifest) | fields).encode()


def twice(key: str) -> bytes:
    """The manifest, with one key said twice."""
    value = json.dumps(json.loads(IMAGE.manifest)[key])
    return IMAGE.manifest[:-1] + f', "{key}": {value}}}'.encode()


BAD_MANIFESTS = {
    "empty": b"",
    "text": b"not json",
    "binary": bytes(range(256)),
    "cut": IMAGE.manifest[:-1],
    "more": IMAGE.manifest + b"{}",
    "array": b"[]",
    "string": b'"manifest"',
    "number": b"7",
    "null": b"null",
    "object": b"{}",
    "deep array": b"[" * 100_000 + b"]" * 100_000,
    "deep object": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "deep annotation": IMAGE.manifest[:-1] + b', "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "huge number": IMAGE.manifest[:-1] + b', "x": ' + b"9" * 5000 + b"}",
    "not a number": IMAGE.manifest[:-1] + b', "x": NaN}',
    "infinite": IMAGE.manifest[:-1] + b', "x": -Infinity}',
    "utf-16": IMAGE.manifest.decode().encode("utf-16"),
    "utf-8 with a mark": b"\xef\xbb\xbf" + IMAGE.manifest,
    "latin-1": IMAGE.manifest.replace(b"linux", b"lin\xfcx").replace(b"{", b'{"\xfc": 1, ', 1),
    "config twice": twice("config"),
    "layers twice": twice("layers"),
    "media type twice": twice("mediaType"),
    "a digest twice": IMAGE.manifest.replace(b'"digest"', b'"digest": "x", "digest"', 1),
    "image and index": changed(manifests=[]),
    "index and image": json.dumps(json.loads(make_index().manifest) | {"layers": []}).encode(),
    "no config": changed(config=None),
    "config is text": changed(config="sha256"),
    "layers are an object": changed(layers={}),
    "schema 1": changed(schemaVersion=1),
    "schema as text": changed(schemaVersion="2"),
    "type is a number": changed(mediaType=2),
    "size as text": changed(config=described(b"x", "a/b") | {"size": "1"}),
    "negative size": changed(config=described(b"x", "a/b") | {"size": -1}),
    "bad digest": changed(config=described(b"x", "a/b") | {"digest": "sha256:../../etc"}),
    "subject is text": changed(subject="sha256:"),
    "annotations of numbers": changed(annotations={"a": 1}),
}


def test_bad_manifests(repo: Repository) -> None:
    taken = []
    for what, body in BAD_MANIFESTS.items():
        with suppress(ManifestInvalidError):
            repo.manifests.put(body, tags=["v1", "v2"])
            taken.append(what)
    assert taken == []


def test_wrong_content_types(repo: Repository) -> None:
    typeless = IMAGE.manifest.replace(b'"mediaType"', b'"x"', 1)
    for media_type in WRONG_TYPES:
        for body in (IMAGE.manifest, typeless):
            refused(ManifestInvalidError, repo.manifests.put, body, media_type, tags=["v2"])


@pytest.mark.parametrize("body", [b"[" * (5 << 20), changed(annotations={"a": "b" * (5 << 20)})])
def test_manifests_of_5_mib(repo: Repository, body: bytes) -> None:
    refused(ManifestTooLargeError, repo.manifests.put, body, tags=["v2"])


def test_missing_references(repo: Repository) -> None:
    missing = make_image("never pushed", layers=0)
    for body in (
        missing.manifest,
        make_index(missing).manifest,
        changed(config=described(b"missing", "a/b")),
        changed(layers=[described(BLOB, "a/b"), described(b"missing", "a/b")]),
        make_index(IMAGE, missing).manifest,
    ):
        refused(ManifestBlobUnknownError, repo.manifests.put, body, tags=["v2"])


def test_bad_offsets_of_reads(repo: Repository) -> None:
    outside: list[tuple[int, int | None]] = [
        (-1, None),
        (-(1 << 80), None),
        (len(BLOB) + 1, None),
        (1 << 63, None),
        (1 << 80, 1),
        (0, -1),
        (0, -(1 << 80)),
    ]
    for offset, length in outside:
        refused(InvalidOffsetError, repo.blobs.open(DIGEST, offset, length).__enter__)
    with repo.blobs.open(DIGEST, 1, 1 << 80) as reader:
        assert b"".join(reader) == BLOB[1:]


def test_bad_offsets_of_writes(repo: Repository) -> None:
    upload = repo.uploads.create()
    upload.write(BLOB)
    for offset in (-1, -(1 << 80)):
        refused(InvalidOffsetError, upload.write, b"x", offset=offset)
    for offset in (0, len(BLOB) - 1, len(BLOB) + 1, 1 << 63, 1 << 80):
        refused(UploadOffsetError, upload.write, b"x", offset=offset)
    assert upload.offset == len(BLOB)
    upload.cancel()


def test_wrong_sizes(repo: Repository) -> None:
    for size in (-1, 0, len(BLOB) - 1, len(BLOB) + 1, 1 << 80):
        upload = repo.uploads.create()
        upload.write(BLOB)
        refused(SizeInvalidError, upload.commit, DIGEST, size=size)
    for size in (-1, 0, len(BLOB) - 1):
        upload = repo.uploads.create(size=size)
        refused(SizeInvalidError, upload.write, BLOB)
        upload.cancel()


def test_bad_pages(registry: Registry, repo: Repository) -> None:
    for limit in (-1, -(1 << 80)):
        for page in (repo.tags.page, registry.repositories.page):
            with pytest.raises(ValueError, match="a page cannot have"):
                page(limit)
        with pytest.raises(ValueError, match="a page cannot have"):
            repo.referrers.page(DIGEST, limit)
    for last in ("..", "../../etc", "\x00", "é", "a" * 5000, "/"):
        assert repo.tags.page(1 << 70, last).more is False
        assert registry.repositories.page(1 << 70, last).more is False
