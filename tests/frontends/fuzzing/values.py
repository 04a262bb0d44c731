"""What is put into requests: mostly what is right, so that much of it gets far, and else traps."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import TypeVar
from urllib.parse import quote

from hypothesis import strategies as st

from regstore.digest import Digest
from regstore.oci import DOCKER_LIST, DOCKER_MANIFEST, DOCKER_SCHEMA1, OCI_INDEX, OCI_MANIFEST
from tests.images import make_image, make_index

NAMES = ("a", "library/app", "a/b/c.d/" + "z" * 100)
TAGS = ("latest", "v1", "T" * 128)
IMAGES = (make_image("one"), make_image("two", layers=3), make_image("three", subject=None))
SIGNED = make_image("signed", artifactType="application/x-sig", subject=IMAGES[0].described())
MANIFESTS = (*IMAGES, SIGNED, make_index(IMAGES[0]), make_index())
BLOBS = (b"", b"{}", *(blob for image in (*IMAGES, SIGNED) for blob in image.blobs))
BIG = random.Random(3).randbytes(300_000)
CONTENT = (*BLOBS, BIG, *(manifest.manifest for manifest in MANIFESTS))
DIGESTS = tuple(Digest.of(content) for content in CONTENT)
WIDE_DIGESTS = tuple(Digest.of(content, "sha512") for content in CONTENT[:6])
TYPES = (OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST)

SEGMENTS = (
    "",
    ".",
    "..",
    "../../../beside",
    "%2e%2e",
    "%2e%2e%2f%2e%2e%2f%2e%2e%2f%2e%2e%2fbeside",
    "..%2f..%2f..%2f..%2f..%2f..%2f..%2fbeside",
    "%252e%252e%252fbeside",
    "%c0%ae%c0%ae%c0%af",
    "%5c..%5c..%5cbeside",
    "a%00b",
    "%00",
    "%0d%0aX-Injected:%20yes",
    "%0a",
    "latest%0a",
    "a%2fb",
    "%ff%fe",
    "%ed%a0%80",
    "%E2%80%AE",
    "%zz%",
    "%",
    "A",
    "Library/App",
    "caf%C3%A9",
    "_uploads",
    "_manifests/tags/latest/current/link",
    "_layers",
    "_catalog",
    "tags/list",
    "blobs/uploads",
    "manifests/manifests",
    ".regstore-tmp",
    ".regstore-part-0",
    "a" * 256,
    "a/" * 300 + "a",
    "-" * 129,
    "a" * 8000,
    "~root",
    "$(id)",
    "%7B0.__class__%7D",
    "%25s%25n",
    "'%20OR%201=1",
    "%3Cscript%3E",
    "C:%5cx",
    "a:b:c",
    "nul",
    "\u00e9",
)
HEX = "0123456789abcdef" * 4
BAD_DIGESTS = (
    "sha256:",
    "sha256",
    ":",
    f"sha256:{HEX[:-1]}",
    f"sha256:{HEX}0",
    f"sha256:{HEX.upper()}",
    f"SHA256:{HEX}",
    f"sha256:{HEX}%0a",
    f"sha256:{HEX}%00",
    f"%20sha256:{HEX}",
    f"sha512:{HEX}",
    f"sha384:{HEX}",
    f"md5:{HEX[:32]}",
    f"blake3:{HEX}",
    f"sha256+b64:{HEX}",
    f"tarsum.v1+sha256:{HEX}",
    "sha256:" + "%2e%2e%2f" * 8 + "beside",
    "sha256:../../../../../../beside",
    "sha256:" + "%D9%A1" * 64,
    "../../" + HEX,
    "sha256:" + "0" * 5000,
)
NUMBERS = (
    "0",
    "1",
    "3",
    "-1",
    "%2b1",
    "1e3",
    "0x10",
    "1_0",
    "",
    "%20",
    "1.5",
    "9" * 18,
    "9" * 19,
    "9" * 5000,
    "%D9%A3",
    "%C2%B2",
    "NaN",
)
RANGES = (
    "bytes=0-",
    "bytes=0-0",
    "bytes=5-9",
    "bytes=-1",
    "bytes=-0",
    "bytes=-",
    "bytes=9-5",
    "bytes=0-0,2-3",
    "bytes=0-0," * 2000,
    "bytes=999999999999999999-",
    "bytes=" + "9" * 400 + "-",
    "bytes=0-" + "9" * 400,
    "bytes=--5",
    "bytes=a-b",
    "bytes= 0 - 4 ",
    "items=0-4",
    "bytes",
    "\u00b2-\u00b3",
    "bytes=\u00b2-",
    "",
)
CHUNK_RANGES = (
    "0-0",
    "0-9",
    "5-4",
    "1-0",
    "-1-5",
    "0--1",
    "bytes 0-9/10",
    "0-" + "9" * 18,
    "0-" + "9" * 19,
    "9" * 18 + "-" + "9" * 18,
    "9" * 400 + "-" + "9" * 401,
    "0 - 9",
    "0-9\t",
    "\u00b2-\u00b3",
    "*",
    "",
)
ETAGS = (
    "*",
    "",
    '""',
    '"',
    "W/",
    ",",
    '"a", "b"',
    f'"{DIGESTS[0]}"',
    f'W/"{DIGESTS[0]}", "{DIGESTS[1]}"',
    f"sha256:{HEX}",
    '"sha256:"',
    '"' * 3000,
    "\u00e9",
    "Mon, 01 Jan 2024 00:00:00 GMT",
)
CONTENT_TYPES = (
    "",
    "/",
    "application/json",
    "application/octet-stream",
    "text/html; charset=utf-7",
    f"{OCI_MANIFEST}; charset=utf-8",
    f"{OCI_MANIFEST},{OCI_INDEX}",
    OCI_MANIFEST.upper(),
    DOCKER_SCHEMA1,
    "multipart/form-data",
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded",
    "application/" + "x" * 5000,
    "\u00e9/\u00e9",
)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
ODD_METHODS = (
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "get",
    "Get",
    "PROPFIND",
    "QUERY",
    "NAME",
    "FRONTEND",
    "REPOSITORY",
    "DISPATCH",
    "METHOD_NOT_ALLOWED",
    "SCOPE",
    "RECEIVE",
    "__INIT__",
    "__CLASS__",
    "_MOUNT",
    "_UPLOAD",
    "_STANDING",
    "_CREATED",
    "HEALTH",
    "X" * 300,
    "!#$%&'*+-.^_`|~",
)
ODD_HEADERS = (
    ("Host", "evil.example/x?y#z"),
    ("Host", ""),
    ("Host", "\u00e9"),
    ("Host", "[::1"),
    ("Host", "a" * 3000),
    ("X-Forwarded-Host", "evil.example"),
    ("X-Forwarded-Proto", "javascript"),
    ("X-HTTP-Method-Override", "DELETE"),
    ("X-Original-URL", "/metrics"),
    ("Expect", "100-continue"),
    ("Accept", "*/*;q=NaN"),
    ("Accept", ",;=" * 500),
    ("Accept-Encoding", "br;q=\u00e9"),
    ("Content-Encoding", "gzip"),
    ("Authorization", "Basic !!!"),
    ("Authorization", "Bearer " + "x" * 5000),
    ("Cookie", "a=\u00e9; $Version=1; =;;"),
    ("If-Modified-Since", "never"),
    ("If-Range", "W/x"),
    ("Content-MD5", "x"),
    ("Upgrade", "h2c"),
    ("Connection", "keep-alive, Host"),
    ("X-Long", "x" * 20_000),
)


Value = TypeVar("Value")


def one(values: Sequence[Value]) -> st.SearchStrategy[Value]:
    """One of *values*; unlike ``sampled_from`` it does not show them all wherever it is shown."""
    return st.integers(0, len(values) - 1).map(lambda index: values[index])


def mostly(good: Sequence[str], bad: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Three of *good* for one of *bad*."""
    right = one(good)
    return st.one_of(right, right, right, bad)


_text = st.text(max_size=12).map(lambda text: quote(text.encode(errors="surrogatepass"), safe=""))
_octets = st.binary(max_size=12).map(lambda octets: quote(octets, safe=""))
hostile = st.one_of(one(SEGMENTS), one(BAD_DIGESTS), _text, _octets)
nested = st.lists(one(SEGMENTS), min_size=2, max_size=4).map("/".join)

names = mostly(NAMES, st.one_of(hostile, nested))
tags = mostly(TAGS, hostile)
digests = mostly((*DIGESTS, *WIDE_DIGESTS), st.one_of(one(BAD_DIGESTS), hostile))
references = st.one_of(tags, digests)
numbers = st.one_of(one(NUMBERS), hostile)
content = st.one_of(one(CONTENT), st.binary(max_size=40))
methods = mostly(METHODS, one(ODD_METHODS))
types = mostly(TYPES, one(CONTENT_TYPES))
is_odd = one((False, False, False, False, True))


def _values(*values: str) -> st.SearchStrategy[str]:
    latin = st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"]), max_size=20)
    return st.one_of(one(values), latin.map(str.strip))


conditions = st.tuples(one(("If-Match", "If-None-Match", "If-Range")), _values(*ETAGS))
odd_headers = st.one_of(
    one(ODD_HEADERS),
    conditions,
    st.tuples(st.just("Range"), _values(*RANGES)),
    st.tuples(st.just("Content-Range"), _values(*CHUNK_RANGES)),
    st.tuples(st.just("Content-Type"), _values(*CONTENT_TYPES)),
)
ranges = _values(*RANGES)
chunk_ranges = _values(*CHUNK_RANGES)

QUERY_KEYS = ("n", "last", "digest", "mount", "from", "tag", "artifactType", "digest-algorithm")
_pairs = st.tuples(
    one((*QUERY_KEYS, "_state", "a%00", "")), st.one_of(numbers, names, digests, tags)
)
queries = st.one_of(
    st.just(""),
    st.lists(_pairs, max_size=4).map(lambda pairs: "&".join(f"{k}={v}" for k, v in pairs)),
    one(("&&&", "=", "n", "%", "tag=x&" * 150, "last=" + "a" * 9000, "a=" * 3000)),
)

_MONSTERS: tuple[object, ...] = (
    None,
    True,
    -1,
    0,
    1 << 70,
    1e308,
    "",
    "\ud800",
    "\x00",
    "..",
    "../../../beside",
    "x" * 5000,
    [],
    {},
    [[]],
    {"": {}},
    {"digest": "../../beside", "size": 1, "mediaType": "x"},
    DIGESTS[0],
    BAD_DIGESTS[0],
)
_RAW_JSON = (
    b"",
    b" ",
    b"null",
    b"[]",
    b"{}",
    b'""',
    b"0",
    b"NaN",
    b"-Infinity",
    b"1e999999",
    b"1" * 6000,
    b"[" * 100_000,
    b'{"a":' * 20_000,
    b'{"schemaVersion":' + b"2" * 6000 + b"}",
    b'{"schemaVersion":2,"schemaVersion":1}',
    b'{"schemaVersion":2,"config":{},"layers":[],"manifests":[]}',
    b"\xef\xbb\xbf{}",
    '{"schemaVersion":2}'.encode("utf-16"),
    '{"schemaVersion":2}'.encode("utf-32"),
    b'{"\xff":1}',
    b'{"a":"\x00"}',
    b"{} trailing",
    b"{'a':1}",
    b'{"schemaVersion":2,"mediaType":"' + b"x" * 70_000 + b'"}',
    b"{" + b" " * (4 << 20) + b"}",
)


def _twisted(body: bytes, place: int, monster: object) -> bytes:
    """Put *monster* where the *place*-th value of the document stands."""
    document = json.loads(body)
    holders: list[tuple[dict[str, object] | list[object], str | int]] = []
    _gather(document, holders)
    holder, key = holders[place % len(holders)]
    holder[key] = monster  # type: ignore[index] # the key fits the holder
    return json.dumps(document).encode()


def _gather(value: object, found: list[tuple[dict[str, object] | list[object], str | int]]) -> None:
    if isinstance(value, dict):
        for key in value:
            found.append((value, key))
            _gather(value[key], found)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            found.append((value, index))
            _gather(each, found)


_twists = st.builds(
    _twisted,
    one([manifest.manifest for manifest in MANIFESTS]),
    st.integers(0, 40),
    one(_MONSTERS),
)
_json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
).map(lambda value: json.dumps(value).encode())
documents = st.one_of(_twists, one(_RAW_JSON), _json, st.binary(max_size=30))
