"""Cloud Storage behind the port, method by method, over fake-gcs-server.

Where that server does not keep a condition, the test asserts that the request carries it.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import urllib.request
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from yarl import URL

from regstore._run import LoopRuntime
from regstore.driver import IF_ABSENT, if_version
from regstore.drivers.gcs import gcs_store
from regstore.drivers.gcs.assembly import prefix_of
from regstore.drivers.gcs.body import CHUNK
from regstore.drivers.gcs.store import GcsStore
from regstore.drivers.objects.port import Part
from regstore.errors import (
    ConfigurationError,
    InvalidOffsetError,
    PathExistsError,
    PathNotFoundError,
    PreconditionFailedError,
    UnsupportedMethodError,
)
from tests.drivers.gcs.canned import CannedServer, answer
from tests.drivers.gcs.conftest import Sent
from tests.gcs_server import BUCKET, FakeGcs

pytestmark = pytest.mark.anyio

SCRATCH = "a/.regstore-parts"


async def keys(store: GcsStore, prefix: str = "") -> list[str]:
    return sorted(each.path for each in (await store.list(prefix)).objects)


async def test_an_object_reads_as_it_was_put_at_one_request_each(
    store: GcsStore, sent: Sent
) -> None:
    version = await store.put("a/b", b"content")
    assert sent.count() == 1
    content = await store.get("a/b")
    assert sent.count() == 1
    info = await store.head("a/b")
    assert sent.count() == 1
    assert (content.data, content.version, content.modified) == (b"content", version, info.modified)
    assert (info.path, info.size, info.version) == ("a/b", 7, version)
    assert abs(info.modified - datetime.now(UTC)) < timedelta(minutes=1)


async def test_content_that_looks_like_a_boundary_is_stored_whole(store: GcsStore) -> None:
    data = b"head\r\n--==0==--\r\n\r\n--\r\n--\r\ntail\n--==0==--\n"
    await store.put("a", data)
    assert (await store.get("a")).data == data


async def test_an_empty_object_is_one(store: GcsStore) -> None:
    await store.put("empty", b"")
    assert (await store.get("empty")).data == b""
    with pytest.raises(InvalidOffsetError):
        await store.open("empty", 0, 1)


async def test_the_same_bytes_written_again_have_another_version(store: GcsStore) -> None:
    first = await store.put("a", b"same")
    assert await store.put("a", b"same") != first


async def test_a_put_if_absent_is_refused_where_something_is(store: GcsStore) -> None:
    await store.put("a", b"first", IF_ABSENT)
    with pytest.raises(PathExistsError):
        await store.put("a", b"second", IF_ABSENT)
    assert (await store.get("a")).data == b"first"


async def test_of_many_who_create_one_succeeds(store: GcsStore) -> None:
    async def create(number: int) -> int:
        try:
            await store.put("a", b"%d" % number, IF_ABSENT)
        except PathExistsError:
            return 0
        return 1

    assert sum(await asyncio.gather(*map(create, range(10)))) == 1


async def test_a_put_over_a_version_is_refused_when_that_has_gone(store: GcsStore) -> None:
    first = await store.put("a", b"first")
    second = await store.put("a", b"second", if_version(first))
    for stale in (first, "0", "", "etag", "1 or 2"):
        with pytest.raises(PreconditionFailedError):
            await store.put("a", b"third", if_version(stale))
    with pytest.raises(PreconditionFailedError):
        await store.put("never", b"", if_version(second))
    assert (await store.get("a")).version == second


async def test_what_is_missing_is_not_found(store: GcsStore) -> None:
    for call in (store.head("no"), store.get("no"), store.open("no", 3, 4), store.delete("no")):
        with pytest.raises(PathNotFoundError) as raised:
            await call
        assert raised.value.path == "no"


async def test_a_missing_bucket_is_a_matter_of_configuration(fake_gcs: FakeGcs) -> None:
    store = gcs_store("gs://no-such-bucket", fake_gcs.storage_options, LoopRuntime())
    with pytest.raises(ConfigurationError, match="bucket"):
        await store.put("a", b"")
    with pytest.raises(ConfigurationError, match="bucket"):
        await store.list("")
    await store.aclose()


async def test_a_range_is_streamed_in_large_chunks(store: GcsStore, sent: Sent) -> None:
    data = os.urandom(3 * CHUNK)
    version = await store.put("a", data)
    sent.count()
    body = await store.open("a", 10, 2 * CHUNK + 5)
    assert sent.count() == 1
    chunks = []
    while chunk := await body.read():
        chunks.append(chunk)
    await body.aclose()
    assert [len(chunk) for chunk in chunks] == [CHUNK, CHUNK, 5]
    assert b"".join(chunks) == data[10 : 2 * CHUNK + 15]
    assert body.info == await store.head("a")
    assert body.info.version == version


async def test_a_range_may_reach_beyond_the_end_but_not_begin_there(store: GcsStore) -> None:
    await store.put("a", b"0123456789")
    body = await store.open("a", 8, 100)
    assert await body.read() == b"89"
    assert await body.read() == b""
    await body.aclose()
    await body.aclose()
    for start in (10, 11):
        with pytest.raises(InvalidOffsetError) as raised:
            await store.open("a", start, 1)
        assert raised.value.offset == start


async def test_a_body_may_be_closed_before_its_end(store: GcsStore) -> None:
    await store.put("a", bytes(8 * CHUNK))
    body = await store.open("a")
    assert len(await body.read()) == CHUNK
    await body.aclose()
    assert len((await store.get("a")).data) == 8 * CHUNK


async def test_a_pinned_read_names_its_version_and_fails_on_another(
    store: GcsStore, sent: Sent
) -> None:
    """The server ignores the condition; the answer's own version is looked at as well."""
    version = await store.put("a", b"one")
    sent.count()
    body = await store.open("a", version=version)
    assert sent.query()["ifGenerationMatch"] == version
    await body.aclose()
    await store.put("a", b"two")
    with pytest.raises(PreconditionFailedError):
        await store.open("a", version=version)


async def test_a_deletion_takes_away_and_carries_its_condition(store: GcsStore, sent: Sent) -> None:
    """The server ignores the condition of a deletion."""
    version = await store.put("a", b"")
    sent.count()
    await store.delete("a", if_version(version))
    assert sent.query() == {"ifGenerationMatch": version}
    with pytest.raises(PathNotFoundError):
        await store.head("a")
    with pytest.raises(UnsupportedMethodError):
        await store.delete("a", IF_ABSENT)


async def test_a_hundred_objects_go_with_one_request(store: GcsStore, sent: Sent) -> None:
    names = [f"d/{number:03}" for number in range(store.limits.delete_batch)]
    await store.runtime.map(lambda name: store.put(name, b""), names[1:])
    sent.count()
    await store.delete_many(names)
    assert sent.count() == 1
    assert await keys(store) == []


async def test_a_listing_shows_only_this_place(store: GcsStore, fake_gcs: FakeGcs) -> None:
    other = gcs_store(f"{fake_gcs.url()}", fake_gcs.storage_options, LoopRuntime())
    await other.put("a", b"")
    await other.aclose()
    await store.put("b", b"12")
    [info] = (await store.list("")).objects
    assert info == await store.head("b")


async def test_a_listing_folds_continues_and_begins_where_it_is_told(store: GcsStore) -> None:
    names = ["d/a", "d/a-b/x", "d/a/1", "d/a/2", "d/b", "d/c/d/e", "d/z"]
    for name in ("d", "dd/a", *names):
        await store.put(name, b"")
    seen: set[str] = set()
    token = None
    pages = 0
    while pages == 0 or token:
        page = await store.list("d/", delimited=True, token=token, limit=2)
        seen |= {each.path for each in page.objects} | set(page.prefixes)
        token, pages = page.token, pages + 1
    assert seen == {"d/a", "d/a-b/", "d/a/", "d/b", "d/c/", "d/z"}
    assert pages > 1
    rest = await store.list("d/", start_after="d/a/2")
    assert {each.path for each in rest.objects} - {"d/a/2"} == {"d/b", "d/c/d/e", "d/z"}
    rest = await store.list("d/", delimited=True, start_after="d/b")
    assert {each.path for each in rest.objects} - {"d/b"} == {"d/z"}
    assert rest.prefixes == ("d/c/",)
    assert await store.list("none/") == await store.list("no")


async def test_a_copy_has_the_content_and_carries_its_conditions(
    store: GcsStore, sent: Sent
) -> None:
    """The server ignores both conditions of a rewrite."""
    version = await store.put("a", b"content")
    there = await store.put("b", b"old")
    sent.count()
    copied = await store.copy("a", "b", if_version(there), version)
    assert sent.query() == {"ifGenerationMatch": there, "ifSourceGenerationMatch": version}
    content = await store.get("b")
    assert (content.data, content.version) == (b"content", copied)
    await store.copy("a", "c", IF_ABSENT)
    assert sent.requests[-1][1].query["ifGenerationMatch"] == "0"
    with pytest.raises(PathNotFoundError) as raised:
        await store.copy("no", "b")
    assert raised.value.path == "no"


@pytest.mark.parametrize(("parts", "composed"), [(1, 1), (3, 1), (32, 1), (33, 2), (70, 4)])
async def test_parts_appear_as_one_object_in_their_order_and_are_gone(
    store: GcsStore, sent: Sent, parts: int, composed: int
) -> None:
    session = await store.begin("a/whole", SCRATCH)
    assert sent.count() == 0
    numbers = list(range(1, parts + 1))

    async def send(number: int) -> Part:
        return await store.put_part(session, number, b"%04d" % number)

    taken = await store.runtime.map(send, reversed(numbers))
    with pytest.raises(PathNotFoundError):
        await store.head("a/whole")
    sent.count()
    version = await store.complete(session, taken[::-1], IF_ABSENT)
    composes = [url for _, url in sent.requests if url.path.endswith("/compose")]
    assert len(composes) == composed
    assert composes[-1].query["ifGenerationMatch"] == "0"
    content = await store.get("a/whole")
    assert content.data == b"".join(b"%04d" % number for number in numbers)
    assert content.version == version
    assert await keys(store) == ["a/whole"]


async def test_a_stored_object_becomes_a_part_without_a_request(
    store: GcsStore, sent: Sent
) -> None:
    await store.put("old", b"old-")
    source = await store.head("old")
    session = await store.begin("new", SCRATCH)
    sent.count()
    first = await store.copy_part(session, 1, source, 0, 4)
    assert sent.count() == 0
    second = await store.put_part(session, 2, b"new")
    await store.complete(session, [first, second])
    assert (await store.get("new")).data == b"old-new"
    assert await keys(store) == ["new", "old"]
    with pytest.raises(UnsupportedMethodError):
        await store.copy_part(session, 1, source, 1, 3)


async def test_no_parts_make_an_empty_object(store: GcsStore) -> None:
    session = await store.begin("a", SCRATCH)
    await store.complete(session, [], IF_ABSENT)
    assert (await store.get("a")).data == b""
    with pytest.raises(PathExistsError):
        await store.complete(session, [], IF_ABSENT)


async def test_an_aborted_session_leaves_nothing_even_of_parts_it_is_not_told_of(
    store: GcsStore,
) -> None:
    session, other = await store.begin("a", SCRATCH), await store.begin("a", SCRATCH)
    kept = await store.put_part(other, 1, b"kept")
    first = await store.put_part(session, 1, b"one")
    await store.put_part(session, 2, b"two")
    await store.abort(session, [first])
    await store.abort(session, [])
    assert await keys(store) == [f"{prefix_of(other)}1"]
    await store.complete(other, [kept])
    assert await store.sessions("") == []


async def test_a_compose_pins_its_sources_and_goes_to_the_key_under_its_condition(
    canned: CannedServer, canned_store: GcsStore
) -> None:
    """The server of the other tests ignores both."""
    canned.answers = [
        answer(200, {"size": "3", "generation": "11"}),
        answer(200, {"size": "7", "generation": "12"}),
        answer(204),
    ]
    session = await canned_store.begin("a/whole", SCRATCH)
    part = await canned_store.put_part(session, 1, b"one")
    version = await canned_store.complete(
        session, [part, Part(2, 4, "5/old/object")], if_version("9")
    )
    assert version == "12"
    request = canned.requests[1]
    assert URL(request.target).query["ifGenerationMatch"] == "9"
    assert URL(request.target).raw_path.endswith("/o/place%2Fa%2Fwhole/compose")
    assert json.loads(request.body)["sourceObjects"] == [
        {"name": f"place/{prefix_of(session)}1", "generation": "11"},
        {"name": "place/old/object", "generation": "5"},
    ]
    assert canned.requests[2].method == "DELETE"


async def test_a_long_copy_is_asked_for_until_it_is_done(
    canned: CannedServer, canned_store: GcsStore
) -> None:
    canned.answers = [
        answer(200, {"done": False, "rewriteToken": "go/on"}),
        answer(200, {"done": True, "resource": {"generation": "3"}}),
    ]
    assert await canned_store.copy("a", "b", if_version("2"), "1") == "3"
    first, second = (dict(URL(request.target).query) for request in canned.requests)
    assert first == {"ifGenerationMatch": "2", "ifSourceGenerationMatch": "1"}
    assert second == {**first, "rewriteToken": "go/on"}


async def test_a_server_without_batches_deletes_one_by_one_and_is_asked_once(
    canned: CannedServer, canned_store: GcsStore
) -> None:
    canned.answers = [answer(404), answer(204), answer(404), answer(204), answer(204)]
    await canned_store.delete_many(["a", "b"])
    await canned_store.delete_many(["c", "d"])
    assert [request.method for request in canned.requests] == ["POST", *["DELETE"] * 4]


def declare_gzip(endpoint: str, path: str) -> None:
    """Say of an object what other software says of what it has compressed."""
    body = json.dumps({"contentEncoding": "gzip"}).encode()
    url = f"{endpoint}/storage/v1/b/{BUCKET}/o/{quote(path, safe='')}"
    kind = {"Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, body, kind, method="PATCH")):
        return


async def test_gzip_is_read_as_it_is_stored(fake_gcs: FakeGcs) -> None:
    url = fake_gcs.url()
    store = gcs_store(url, fake_gcs.storage_options, LoopRuntime())
    packed = gzip.compress(b"content")
    await store.put("a", packed)
    path = url.removeprefix(f"gs://{BUCKET}/") + "/a"
    await store.runtime.offload(lambda: declare_gzip(fake_gcs.endpoint, path))
    assert (await store.get("a")).data == packed
    body = await store.open("a", 2, 3)
    assert await body.read() == packed[2:5]
    assert body.info.size == len(packed)
    await body.aclose()
    await store.aclose()


async def test_anonymous_credentials_sign_nothing(store: GcsStore) -> None:
    assert not store.capabilities.redirect
    assert await store.sign("a", "GET", timedelta(minutes=1), None) is None


async def test_closing_is_harmless_and_not_final(store: GcsStore) -> None:
    await store.put("a", b"")
    await store.aclose()
    await store.aclose()
    assert (await store.get("a")).data == b""
