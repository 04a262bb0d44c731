"""The port, method by method, on servers that disagree usefully."""

from __future__ import annotations

import asyncio
import os
import urllib.error
import urllib.request
from datetime import UTC, timedelta

import pytest

from regstore._loop import OwnLoopRuntime
from regstore._run import LoopRuntime
from regstore.driver import IF_ABSENT, FileInfo, if_version
from regstore.drivers.s3 import S3Store, s3_store
from regstore.drivers.s3.body import CHUNK
from regstore.drivers.s3.location import Location
from regstore.errors import (
    ConfigurationError,
    PathExistsError,
    PathNotFoundError,
    PreconditionFailedError,
    UnsupportedMethodError,
)
from tests.drivers.s3.canned import Answer, CannedServer, content, written
from tests.object_servers import S3Server

run = OwnLoopRuntime().run
MIB = 1 << 20


@pytest.mark.parametrize(
    ("url", "bucket", "root"),
    [
        ("s3://b", "b", ""),
        ("s3://b/", "b", ""),
        ("s3a://b/x/y/", "b", "x/y/"),
        (
            "s3://arn:aws:s3:eu-west-1:123456789012:accesspoint/mine/x",
            "arn:aws:s3:eu-west-1:123456789012:accesspoint/mine",
            "x/",
        ),
    ],
)
def test_urls_name_bucket_and_prefix(url: str, bucket: str, root: str) -> None:
    assert Location.of(url) == Location(bucket, root)


@pytest.mark.parametrize("url", ["s3://", "s3:///x", "http://b/x", "s3://b/a//c", "s3://b/../c"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(ConfigurationError):
        Location.of(url)


def test_an_object_is_told_alike_by_all(store: S3Store) -> None:
    version = run(store.put("d/k", b"0123456789"))
    info = run(store.head("d/k"))
    assert (info.path, info.size, info.version, info.is_dir) == ("d/k", 10, version, False)
    assert info.modified.tzinfo is UTC
    assert run(store.head("d/k")) == info
    found = run(store.get("d/k"))
    assert (found.data, found.version, found.modified) == (b"0123456789", version, info.modified)
    (listed,) = run(store.list("d/")).objects
    assert (listed.path, listed.size, listed.version) == ("d/k", 10, version)
    assert run(store.copy("d/k", "d/l", source_version=version)) == version
    assert '"' not in version


async def read(store: S3Store, key: str, start: int, length: int | None) -> tuple[bytes, FileInfo]:
    body = await store.open(key, start, length)
    chunks = []
    while chunk := await body.read():
        chunks.append(chunk)
    await body.aclose()
    await body.aclose()
    assert all(len(chunk) >= CHUNK for chunk in chunks[:-1])
    return b"".join(chunks), body.info


@pytest.mark.parametrize(
    ("start", "length"), [(0, None), (0, 1), (3, None), (3, MIB), (2 * MIB, 99), (MIB, 9 * MIB)]
)
def test_ranges(store: S3Store, start: int, length: int | None) -> None:
    data = os.urandom(2 * MIB + 7)
    run(store.put("k", data))
    end = None if length is None else start + length
    found, info = run(read(store, "k", start, length))
    assert found == data[start:end]
    assert info.size == len(data)


def test_reads_may_be_pinned(store: S3Store) -> None:
    version = run(store.put("k", b"one"))
    run(run(store.open("k", 1, None, version)).aclose())
    run(store.put("k", b"two"))
    with pytest.raises(PreconditionFailedError):
        run(store.open("k", 1, None, version))


def test_conditional_puts(store: S3Store) -> None:
    first = run(store.put("k", b"one", IF_ABSENT))
    with pytest.raises(PathExistsError):
        run(store.put("k", b"two", IF_ABSENT))
    second = run(store.put("k", b"two", if_version(first)))
    with pytest.raises(PreconditionFailedError):
        run(store.put("k", b"three", if_version(first)))
    with pytest.raises(PreconditionFailedError):
        run(store.put("missing", b"three", if_version(second)))
    assert run(store.get("k")).data == b"two"


def test_deletes(store: S3Store) -> None:
    version = run(store.put("k", b"one"))
    with pytest.raises(PreconditionFailedError):
        run(store.delete("k", if_version("0" * 32)))
    run(store.delete("k", if_version(version)))
    run(store.delete("k"))
    with pytest.raises(UnsupportedMethodError):
        run(store.delete("k", IF_ABSENT))
    with pytest.raises((PathNotFoundError, PreconditionFailedError)):
        run(store.delete("k", if_version(version)))
    for name in ("a", "b/c"):
        run(store.put(name, b""))
    run(store.delete_many(["a", "b/c", "missing"]))
    run(store.delete_many([]))
    assert run(store.list("")).objects == ()


def test_listings(store: S3Store) -> None:
    names = ["d/a", "d/b/x", "d/b/y", "d/c", "e"]
    for name in names:
        run(store.put(name, b""))
    assert sorted(info.path for info in run(store.list("")).objects) == names
    flat = run(store.list("d/", delimited=True))
    assert [info.path for info in flat.objects] == ["d/a", "d/c"]
    assert flat.prefixes == ("d/b/",)
    assert flat.token is None
    found: list[str] = []
    token = None
    while True:
        page = run(store.list("d/", token=token, limit=2))
        assert len(page.objects) <= 2
        found += [info.path for info in page.objects]
        token = page.token
        if token is None:
            break
    assert sorted(found) == names[:4]
    later = run(store.list("d/", delimited=True, start_after="d/a"))
    assert [info.path for info in later.objects] == ["d/c"]
    inside = run(store.list("d/", delimited=True, start_after="d/b/x"))
    assert [info.path for info in inside.objects] == ["d/c"]


def test_copies_keep_the_pin(seaweedfs: S3Server) -> None:
    """Moto ignores the conditions of copies."""
    store = s3_store(seaweedfs.fresh_url(), seaweedfs.storage_options, OwnLoopRuntime())
    run(store.put("a", b"one"))
    with pytest.raises(PreconditionFailedError):
        run(store.copy("a", "b", source_version="0" * 32))
    run(store.copy("a", "b"))
    with pytest.raises(PathExistsError):
        run(store.copy("a", "b", IF_ABSENT))
    with pytest.raises(PathNotFoundError):
        run(store.copy("missing", "b"))
    run(store.aclose())


def test_parts_become_an_object(store: S3Store) -> None:
    source = os.urandom(6 * MIB)
    run(store.put("source", source))
    info = run(store.head("source"))
    session = run(store.begin("k", "scratch"))
    assert [(each.key, each.token) for each in run(store.sessions("k"))] == [("k", session.token)]
    parts = [
        run(store.copy_part(session, 1, info, 5, 5 * MIB)),
        run(store.put_part(session, 2, b"tail")),
    ]
    with pytest.raises(PathNotFoundError):
        run(store.head("k"))
    version = run(store.complete(session, parts))
    assert run(store.head("k")).version == version
    assert run(store.get("k")).data == source[5 : 5 + 5 * MIB] + b"tail"
    assert run(store.sessions("")) == []


def test_aborted_sessions_are_gone_and_may_be_aborted_again(
    store: S3Store, server: S3Server
) -> None:
    session = run(store.begin("k", ""))
    part = run(store.put_part(session, 1, b"x"))
    run(store.abort(session, ()))
    run(store.abort(session, ()))
    assert run(store.sessions("")) == []
    if server.name != "moto":  # it answers 500
        with pytest.raises(PathNotFoundError):
            run(store.complete(session, [part]))


def test_who_is_cancelled_leaves_no_session(server: S3Server) -> None:
    async def cancel_at_once() -> list[object]:
        store = s3_store(server.fresh_url(), server.storage_options, LoopRuntime())
        await store.list("")
        begun = asyncio.ensure_future(store.begin("k", ""))
        await asyncio.sleep(0)
        begun.cancel()
        with pytest.raises(asyncio.CancelledError):
            await begun
        left: list[object] = [*await store.sessions("")]
        await store.aclose()
        return left

    assert asyncio.run(cancel_at_once()) == []


def test_signed_urls(seaweedfs: S3Server) -> None:
    """Moto checks no signature."""
    store = s3_store(seaweedfs.fresh_url(), seaweedfs.storage_options, OwnLoopRuntime())
    run(store.put("k", b"data"))
    url = run(store.sign("k", "GET", timedelta(minutes=1), 'a "name"'))
    assert url is not None
    with urllib.request.urlopen(url, timeout=30) as answer:
        assert answer.read() == b"data"
        assert "a%20%22name%22" in answer.headers["Content-Disposition"]
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url.replace("/k?", "/l?"), timeout=30)
    caught.value.close()
    assert run(store.sign("k", "GET", timedelta(milliseconds=10), None)) is None
    run(store.aclose())
    anonymous = s3_store("s3://b", {"anon": True, "endpoint_url": "http://x"}, OwnLoopRuntime())
    assert run(anonymous.sign("k", "GET", timedelta(minutes=1), None)) is None
    run(anonymous.aclose())


def test_one_store_serves_loops_one_after_the_other(server: S3Server) -> None:
    store = s3_store(server.fresh_url(), server.storage_options, LoopRuntime())

    async def use(data: bytes) -> bytes:
        await store.put("k", data)
        found = (await store.get("k")).data
        await store.aclose()
        await store.aclose()
        return found

    assert [asyncio.run(use(data)) for data in (b"one", b"two")] == [b"one", b"two"]


def test_requests_carry_what_they_must(told: S3Store, canned: CannedServer) -> None:
    canned.tell(written(), written(), content(b"data"), written())
    run(told.put("k", b"data", IF_ABSENT))
    run(told.put("k", b"x" * (2 * MIB), if_version("v1")))
    run(told.get("k"))
    run(told.delete("k", if_version("v1")))
    create, replace, get, delete = canned.requests
    assert create.headers["if-none-match"] == "*"
    assert replace.headers["if-match"] == delete.headers["if-match"] == '"v1"'
    assert replace.body == b"x" * (2 * MIB)
    assert "range" not in get.headers
    for request in canned.requests:
        assert "expect" not in request.headers
        assert not [name for name in request.headers if name.startswith("x-amz-checksum")]
        assert request.headers["authorization"].startswith("AWS4-HMAC-SHA256")


def test_what_a_user_sets_wins(canned: CannedServer) -> None:
    options = {
        **canned.storage_options,
        "config_kwargs": {"retries": {"total_max_attempts": 2}, "max_pool_connections": 3},
        "s3_additional_kwargs": {"ServerSideEncryption": "AES256", "IfMatch": '"theirs"'},
    }
    store = s3_store("s3://bucket", options, OwnLoopRuntime())
    canned.tell(Answer(500), written())
    run(store.put("k", b"data", if_version("ours")))
    _, request = canned.requests
    assert request.headers["x-amz-server-side-encryption"] == "AES256"
    assert request.headers["if-match"] == '"ours"'
    run(store.aclose())


def test_a_store_that_ignores_ranges_is_told(told: S3Store, canned: CannedServer) -> None:
    canned.tell(content(b"0123456789"))
    with pytest.raises(UnsupportedMethodError, match="ranges"):
        run(told.open("k", 2, 3))
