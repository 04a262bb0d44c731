"""The port of object stores, method by method, on Azurite."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.blob import ContentSettings

from regstore.driver import ANY, IF_ABSENT, Condition, if_version
from regstore.drivers.azure import AzureStore
from regstore.drivers.azure.body import CHUNK_SIZE
from regstore.errors import (
    DriverError,
    InvalidOffsetError,
    PathExistsError,
    PathNotFoundError,
    PreconditionFailedError,
    UnsupportedMethodError,
)
from regstore.testing.material import content
from tests.azure_server import KEY, Azurite
from tests.drivers.azure.conftest import Run

HTTP_LOGGER = "azure.core.pipeline.policies.http_logging_policy"


@contextmanager
def requests(caplog: pytest.LogCaptureFixture, count: int) -> Iterator[None]:
    """Count what the SDK says that it sends."""
    caplog.clear()
    with caplog.at_level("INFO", HTTP_LOGGER):
        yield
    sent = [each for each in caplog.messages if each.startswith("Request URL")]
    assert len(sent) == count, sent


class TestPut:
    def test_returns_the_version_that_head_get_and_list_tell(
        self, store: AzureStore, run: Run
    ) -> None:
        version = run(store.put("a/b", b"body"))
        info = run(store.head("a/b"))
        got = run(store.get("a/b"))
        listed = run(store.list("a/")).objects[0]
        assert (info.path, info.size, info.version) == ("a/b", 4, version)
        assert (got.data, got.version, got.modified) == (b"body", version, info.modified)
        assert listed == info
        assert abs(info.modified - datetime.now(UTC)) < timedelta(minutes=5)

    @pytest.mark.parametrize("size", [0, 1, (1 << 20) + 1, 16 << 20])
    def test_sends_one_request_whatever_the_size(
        self, store: AzureStore, run: Run, caplog: pytest.LogCaptureFixture, size: int
    ) -> None:
        data = content(size)
        with requests(caplog, 1):
            run(store.put("f", data))
        with requests(caplog, 1):
            assert run(store.get("f")).data == data

    def test_the_same_bytes_again_are_a_new_version(self, store: AzureStore, run: Run) -> None:
        assert run(store.put("f", b"x")) != run(store.put("f", b"x"))

    def test_if_absent_refuses_what_is_there(self, store: AzureStore, run: Run) -> None:
        run(store.put("f", b"1", IF_ABSENT))
        with pytest.raises(PathExistsError, match="'f'"):
            run(store.put("f", b"2", IF_ABSENT))
        assert run(store.get("f")).data == b"1"

    def test_if_version_refuses_another_version_and_none(self, store: AzureStore, run: Run) -> None:
        first = run(store.put("f", b"1"))
        second = run(store.put("f", b"2", if_version(first)))
        with pytest.raises(PreconditionFailedError):
            run(store.put("f", b"3", if_version(first)))
        assert run(store.get("f")).data == b"2"
        run(store.delete("f"))
        with pytest.raises(PreconditionFailedError):
            run(store.put("f", b"4", if_version(second)))

    @pytest.mark.parametrize("create", [True, False])
    def test_one_of_many_racers_wins(self, store: AzureStore, run: Run, create: bool) -> None:
        condition = IF_ABSENT if create else if_version(run(store.put("f", b"before")))

        async def race() -> list[object]:
            racers = (store.put("f", b"%d" % each, condition) for each in range(8))
            return await asyncio.gather(*racers, return_exceptions=True)

        outcomes = run(race())
        won = [each for each, outcome in enumerate(outcomes) if isinstance(outcome, str)]
        lost = PathExistsError if create else PreconditionFailedError
        assert len(won) == 1
        assert all(isinstance(each, str | lost) for each in outcomes)
        assert run(store.get("f")).data == b"%d" % won[0]


class TestReading:
    @pytest.mark.parametrize("read", ["head", "get", "open"])
    def test_a_missing_blob_is_not_found(self, store: AzureStore, run: Run, read: str) -> None:
        with pytest.raises(PathNotFoundError, match="'a/missing'"):
            run(getattr(store, read)("a/missing"))

    @pytest.mark.parametrize(
        ("start", "length", "expected"),
        [
            (0, None, slice(None)),
            (0, 10, slice(10)),
            (7, 10, slice(7, 17)),
            (90, 99, slice(90, 100)),
        ],
    )
    def test_a_range_is_one_request_and_tells_the_whole_size(
        self,
        store: AzureStore,
        run: Run,
        caplog: pytest.LogCaptureFixture,
        start: int,
        length: int | None,
        expected: slice,
    ) -> None:
        data = content(100)
        version = run(store.put("f", data))
        with requests(caplog, 1):
            info, read = run(read_all(store, "f", start, length))
        assert b"".join(read) == data[expected]
        assert (info.path, info.size, info.version) == ("f", 100, version)

    def test_a_large_body_streams_in_large_chunks(
        self, store: AzureStore, run: Run, caplog: pytest.LogCaptureFixture
    ) -> None:
        data = content(5 << 20)
        run(store.put("f", data))
        with requests(caplog, 1):
            _, chunks = run(read_all(store, "f", 1, None))
        assert b"".join(chunks) == data[1:]
        assert min(map(len, chunks[:-1])) >= CHUNK_SIZE

    def test_a_body_may_be_left_at_any_point(self, store: AzureStore, run: Run) -> None:
        run(store.put("f", content(5 << 20)))

        async def leave() -> None:
            body = await store.open("f")
            await body.read()
            await body.aclose()
            await body.aclose()
            assert await body.read() == b""

        run(leave())

    def test_compressed_content_is_given_as_it_is_stored(
        self, store: AzureStore, run: Run, azurite: Azurite, url: str
    ) -> None:
        container = url.removeprefix("abfs://").partition("/")[0]
        with azurite.client() as client:
            client.get_blob_client(container, "some/prefix/f").upload_blob(
                b"not even gzip", content_settings=ContentSettings(content_encoding="gzip")
            )
        assert run(store.get("f")).data == b"not even gzip"

    @pytest.mark.parametrize(
        ("size", "start", "length"), [(3, 3, None), (3, 9, 1), (0, 0, 5), (0, 1, None)]
    )
    def test_a_range_beyond_the_end_is_refused(
        self, store: AzureStore, run: Run, size: int, start: int, length: int | None
    ) -> None:
        run(store.put("f", content(size)))
        with pytest.raises(InvalidOffsetError) as caught:
            run(store.open("f", start, length))
        assert caught.value.offset == start

    def test_an_empty_blob_reads_as_nothing(self, store: AzureStore, run: Run) -> None:
        run(store.put("f", b""))
        info, read = run(read_all(store, "f", 0, None))
        assert (info.size, read) == (0, [])

    def test_a_pinned_read_refuses_another_version(self, store: AzureStore, run: Run) -> None:
        first = run(store.put("f", b"1"))
        assert run(read_all(store, "f", 0, None, first))[1] == [b"1"]
        run(store.put("f", b"2"))
        with pytest.raises(PreconditionFailedError):
            run(store.open("f", 0, 1, first))


class TestDeleting:
    def test_deletes_and_tells_what_was_missing(self, store: AzureStore, run: Run) -> None:
        run(store.put("f", b"x"))
        run(store.delete("f"))
        with pytest.raises(PathNotFoundError):
            run(store.delete("f"))
        with pytest.raises(PathNotFoundError):
            run(store.head("f"))

    def test_only_the_version_named(self, store: AzureStore, run: Run) -> None:
        first = run(store.put("f", b"1"))
        second = run(store.put("f", b"2"))
        with pytest.raises(PreconditionFailedError):
            run(store.delete("f", if_version(first)))
        assert run(store.get("f")).data == b"2"
        run(store.delete("f", if_version(second)))
        with pytest.raises(PathNotFoundError):
            run(store.delete("f", if_version(second)))
        with pytest.raises(UnsupportedMethodError):
            run(store.delete("f", IF_ABSENT))

    def test_many_in_one_request_whether_there_or_not(
        self, store: AzureStore, run: Run, caplog: pytest.LogCaptureFixture
    ) -> None:
        keys = [f"d/{each}" for each in range(256)]
        run(store.runtime.map(lambda key: store.put(key, b"x"), keys[:40]))
        run(store.put("kept", b"x"))
        with requests(caplog, 1):
            run(store.delete_many(keys))
        assert [info.path for info in run(store.list("")).objects] == ["kept"]
        with requests(caplog, 0):
            run(store.delete_many([]))

    def test_many_name_the_one_that_was_not_deleted(
        self, store: AzureStore, run: Run, azurite: Azurite, url: str
    ) -> None:
        keys = ["a", "b", "c"]
        for key in keys:
            run(store.put(key, b"x"))
        container = url.removeprefix("abfs://").partition("/")[0]
        with azurite.client() as client:
            lease = client.get_blob_client(container, "some/prefix/b").acquire_lease()
            with pytest.raises(DriverError, match="LeaseIdMissing") as caught:
                run(store.delete_many(keys))
            lease.release()
        assert caught.value.path == "b"
        assert [info.path for info in run(store.list("")).objects] == ["b"]


class TestListing:
    @pytest.fixture(autouse=True)
    def keys(self, store: AzureStore, run: Run) -> list[str]:
        keys = ["d/a", "d/a-b/x", "d/a.b/x", "d/a/x", "d/a/y", "d/b c+d%", "d/z", "e"]
        run(store.runtime.map(lambda key: store.put(key, b"x"), keys))
        return keys

    def test_flat(self, store: AzureStore, run: Run, keys: list[str]) -> None:
        listing = run(store.list("d/"))
        assert sorted(info.path for info in listing.objects) == keys[:-1]
        assert (listing.prefixes, listing.token) == ((), None)
        assert run(store.list("missing/")).objects == ()
        assert len(run(store.list("")).objects) == len(keys)

    def test_delimited(self, store: AzureStore, run: Run) -> None:
        listing = run(store.list("d/", delimited=True))
        assert sorted(info.path for info in listing.objects) == ["d/a", "d/b c+d%", "d/z"]
        assert sorted(listing.prefixes) == ["d/a-b/", "d/a.b/", "d/a/"]
        assert run(store.list("", delimited=True)).prefixes == ("d/",)

    @pytest.mark.parametrize("delimited", [True, False])
    def test_pages_are_one_request_each_and_lose_nothing(
        self,
        store: AzureStore,
        run: Run,
        caplog: pytest.LogCaptureFixture,
        delimited: bool,
    ) -> None:
        whole = run(store.list("d/", delimited=delimited))
        seen: list[str] = []
        token = None
        while True:
            with requests(caplog, 1):
                page = run(store.list("d/", delimited=delimited, token=token, limit=2))
            names = [*(info.path for info in page.objects), *page.prefixes]
            assert len(names) <= 2
            seen += names
            token = page.token
            if token is None:
                break
        assert sorted(seen) == sorted([*(info.path for info in whole.objects), *whole.prefixes])

    def test_start_after_is_a_hint_that_azurite_ignores(
        self, store: AzureStore, run: Run, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Azurite 3.35 knows no ``startFrom``; that it is sent is all that can be seen here."""
        assert store.honours_start_after is None
        with requests(caplog, 1):
            listing = run(store.list("d/", delimited=True, start_after="d/z"))
        assert any("startFrom" in each for each in caplog.messages)
        assert "d/z" in {info.path for info in listing.objects}
        assert store.honours_start_after is False


class TestCopying:
    def test_copies_on_the_server(
        self, store: AzureStore, run: Run, caplog: pytest.LogCaptureFixture
    ) -> None:
        data = content(3 << 20)
        run(store.put("a b+c", data))
        with requests(caplog, 1):
            version = run(store.copy("a b+c", "g"))
        got = run(store.get("g"))
        assert (got.data, got.version) == (data, version)

    def test_conditions_on_both_ends(self, store: AzureStore, run: Run) -> None:
        """Azurite does not tell a source of another version from such a destination."""
        old = run(store.put("f", b"old"))
        new = run(store.put("f", b"new"))
        at = run(store.copy("f", "g", IF_ABSENT, new))
        with pytest.raises(PathExistsError) as exists:
            run(store.copy("f", "g", IF_ABSENT))
        with pytest.raises(PreconditionFailedError) as changed:
            run(store.copy("f", "g", ANY, old))
        with pytest.raises(PreconditionFailedError) as other:
            run(store.copy("f", "g", if_version(old)))
        assert (exists.value.path, other.value.path) == ("g", "g")
        assert changed.value.path in {"f", "g"}
        assert run(store.copy("f", "g", if_version(at))) != at

    def test_a_missing_source_leaves_the_destination(self, store: AzureStore, run: Run) -> None:
        run(store.put("g", b"x"))
        with pytest.raises(PathNotFoundError, match="'missing'"):
            run(store.copy("missing", "g"))
        assert run(store.get("g")).data == b"x"


class TestSessions:
    def test_parts_appear_at_once_in_the_order_given(self, store: AzureStore, run: Run) -> None:
        async def assemble() -> str:
            session = await store.begin("f", "scratch")
            third, first = await asyncio.gather(
                store.put_part(session, 3, b"three"), store.put_part(session, 1, b"one")
            )
            second = await store.put_part(session, 2, content(1 << 20))
            with pytest.raises(PathNotFoundError):
                await store.head("f")
            assert (await store.list("")).objects == ()
            return await store.complete(session, [first, second, third])

        version = run(assemble())
        got = run(store.get("f"))
        assert (got.data, got.version) == (b"one" + content(1 << 20) + b"three", version)

    def test_no_part_makes_an_empty_blob(self, store: AzureStore, run: Run) -> None:
        run(store.complete(run(store.begin("f", "s")), []))
        assert run(store.head("f")).size == 0

    @pytest.mark.parametrize(
        ("condition", "error"),
        [(IF_ABSENT, PathExistsError), (if_version("0x1"), PreconditionFailedError)],
    )
    def test_conditions(
        self, store: AzureStore, run: Run, condition: Condition, error: type[DriverError]
    ) -> None:
        version = run(store.put("f", b"before"))
        session = run(store.begin("f", "s"))
        part = run(store.put_part(session, 1, b"after"))
        with pytest.raises(error):
            run(store.complete(session, [part], condition))
        assert run(store.get("f")).data == b"before"
        run(store.complete(session, [part], if_version(version)))
        assert run(store.get("f")).data == b"after"

    def test_another_commit_discards_the_parts(self, store: AzureStore, run: Run) -> None:
        mine, theirs = run(store.begin("f", "s")), run(store.begin("f", "s"))
        my_part = run(store.put_part(mine, 1, b"mine"))
        their_part = run(store.put_part(theirs, 1, b"theirs"))
        run(store.complete(theirs, [their_part]))
        for session, part in ((mine, my_part), (theirs, their_part)):
            with pytest.raises(PathNotFoundError, match="send it again"):
                run(store.complete(session, [part]))
        assert run(store.get("f")).data == b"theirs"

    def test_abort_leaves_nothing_to_see_and_other_sessions_alone(
        self, store: AzureStore, run: Run
    ) -> None:
        gone, kept = run(store.begin("f", "s")), run(store.begin("f", "s"))
        part = run(store.put_part(gone, 1, b"gone"))
        run(store.abort(gone, [part]))
        run(store.abort(gone, [part]))
        assert run(store.list("")).objects == ()
        assert run(store.sessions("")) == []
        run(store.complete(kept, [run(store.put_part(kept, 1, b"kept"))]))
        assert run(store.get("f")).data == b"kept"

    def test_parts_of_stored_blobs(
        self, store: AzureStore, run: Run, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Azurite answers 501 to Put Block From URL: seen once, then the range is read and sent."""
        run(store.put("source", b"0123456789"))
        source = run(store.head("source"))
        session = run(store.begin("f", "s"))
        with requests(caplog, 3):
            first = run(store.copy_part(session, 1, source, 4, 3))
        with requests(caplog, 2):
            second = run(store.copy_part(session, 2, source, 0, 2))
        assert (first.size, second.size) == (3, 2)
        run(store.complete(session, [first, second]))
        assert run(store.get("f")).data == b"45601"

    def test_parts_of_blobs_that_changed_or_went(self, store: AzureStore, run: Run) -> None:
        run(store.put("source", b"old"))
        source = run(store.head("source"))
        session = run(store.begin("f", "s"))
        run(store.put("source", b"new"))
        with pytest.raises(PreconditionFailedError):
            run(store.copy_part(session, 1, source, 0, 1))
        run(store.delete("source"))
        with pytest.raises(PathNotFoundError, match="'source'"):
            run(store.copy_part(session, 1, source, 0, 1))


class TestSigning:
    def test_a_url_reads_one_blob_under_a_name(self, store: AzureStore, run: Run) -> None:
        run(store.put("a b/f", b"body"))
        url = run(store.sign("a b/f", "GET", timedelta(minutes=5), 'l\u00e4yer "1".tar'))
        with urllib.request.urlopen(url) as answer:
            assert answer.read() == b"body"
            told = answer.headers["Content-Disposition"]
        assert (
            told
            == "attachment; filename=\"l_yer _1_.tar\"; filename*=UTF-8''l%C3%A4yer%20%221%22.tar"
        )
        assert KEY not in url

    def test_a_url_grants_nothing_else_and_expires(self, store: AzureStore, run: Run) -> None:
        run(store.put("f", b"body"))
        run(store.put("g", b"other"))
        url = run(store.sign("f", "GET", timedelta(minutes=5), None))
        expired = run(store.sign("f", "GET", timedelta(seconds=-5), None))
        other = url.replace("/f?", "/g?")
        for target, method in ((url, "DELETE"), (url, "PUT"), (other, "GET"), (expired, "GET")):
            with pytest.raises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(urllib.request.Request(target, method=method))
            caught.value.close()
        assert run(store.get("f")).data == b"body"

    def test_no_url_for_head_since_it_would_grant_get(self, store: AzureStore, run: Run) -> None:
        assert run(store.sign("f", "HEAD", timedelta(minutes=5), None)) is None


async def read_all(
    store: AzureStore, key: str, start: int, length: int | None, version: str | None = None
) -> tuple[object, list[bytes]]:
    body = await store.open(key, start, length, version)
    try:
        chunks = []
        while chunk := await body.read():
            chunks.append(chunk)
    finally:
        await body.aclose()
    return body.info, chunks
