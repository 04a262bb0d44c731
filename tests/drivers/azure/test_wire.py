"""What Azurite cannot show: long copies, blocks from URLs, hints that are kept or refused."""

from __future__ import annotations

from collections.abc import Sequence

from regstore.driver import ANY, FileInfo
from regstore.drivers.azure.listing import parse_time
from regstore.errors import PreconditionFailedError, TransientError
from tests.drivers.azure.canned import ETAG, Canned, answer, canned, failure, store_at, told
from tests.drivers.azure.conftest import Run


def copy_status(status: str, copy: str = "1") -> dict[str, str]:
    return {**ETAG, "x-ms-copy-id": copy, "x-ms-copy-status": status}


def test_a_copy_is_seen_to_its_end(run: Run) -> None:
    async def copy() -> tuple[str, list[str]]:
        answers = (
            answer(202, copy_status("pending")),
            answer(200, copy_status("pending")),
            answer(200, {**copy_status("success"), "ETag": '"0x2"'}),
        )
        async with canned(answers) as server, store_at(server.endpoint) as store:
            return await store.copy("a", "f", ANY, "0x9"), [*server.requests]

    version, requests = run(copy())
    assert version == "0x2"
    assert [each.split()[0] for each in requests] == ["PUT", "HEAD", "HEAD"]


def test_a_copy_that_fails_leaves_nothing(run: Run) -> None:
    error, server = run(
        told(
            lambda s: s.copy("a", "f"),
            answer(202, copy_status("pending")),
            answer(200, copy_status("failed")),
            answer(200, copy_status("failed")),
            answer(202),
        )
    )
    assert isinstance(error, TransientError)
    assert [each.split()[0] for each in server.requests] == ["PUT", "HEAD", "HEAD", "DELETE"]
    assert server.headers[-1]["if-match"] == '"0x1"'


def test_a_copy_that_somebody_overwrote_is_left_alone(run: Run) -> None:
    theirs = answer(200, copy_status("success", "2"))
    error, server = run(
        told(lambda s: s.copy("a", "f"), answer(202, copy_status("pending")), theirs, theirs)
    )
    assert isinstance(error, PreconditionFailedError)
    assert len(server.requests) == 3


def test_parts_come_from_urls_where_the_service_takes_them(run: Run) -> None:
    """Azurite does not; so that it is asked for as the REST API says is all that is seen here."""

    async def copy() -> Canned:
        source = FileInfo("a b", 100, parse_time(None), "0x9")
        async with canned([answer(201)]) as server, store_at(server.endpoint) as store:
            session = await store.begin("f", "s")
            part = await store.copy_part(session, 1, source, 10, 20)
            assert part.size == 20
            return server

    server = run(copy())
    headers = server.headers[0]
    assert "comp=block&blockid=" in server.requests[0]
    assert headers["x-ms-source-range"] == "bytes=10-29"
    assert headers["x-ms-source-if-match"] == '"0x9"'
    assert "/account/container/prefix/a%20b?" in headers["x-ms-copy-source"]
    assert "sp=r&" in headers["x-ms-copy-source"]


LISTED = answer(
    200, {}, b"<EnumerationResults><Blobs/><NextMarker /></EnumerationResults>"
)  # fmt: skip


def test_a_service_that_refuses_the_hint_is_not_given_it_again(run: Run) -> None:
    async def list_twice() -> list[str]:
        refusal = failure(400, "UnsupportedQueryParameter")
        async with canned([refusal, LISTED, LISTED]) as server, store_at(server.endpoint) as store:
            await store.list("d/", start_after="d/x")
            await store.list("d/", start_after="d/x")
            assert store.honours_start_after is False
            return server.requests

    requests = run(list_twice())
    assert ["startFrom=" in each for each in requests] == [True, False, False]


def test_a_service_that_keeps_to_the_hint_is_noticed(run: Run) -> None:
    async def list_once() -> bool | None:
        names = b"".join(b"<Blob><Name>prefix/d/%s</Name></Blob>" % each for each in (b"x", b"y"))
        body = b"<EnumerationResults><Blobs>" + names + b"</Blobs></EnumerationResults>"
        async with canned([answer(200, {}, body)]) as server, store_at(server.endpoint) as store:
            listing = await store.list("d/", start_after="d/x")
            assert [info.path for info in listing.objects] == ["d/x", "d/y"]
            return store.honours_start_after

    assert run(list_once()) is True


def test_directories_of_hierarchical_accounts_are_not_listed(run: Run) -> None:
    async def list_once() -> Sequence[str]:
        body = (
            b"<EnumerationResults><Blobs><Blob><Name>prefix/d</Name><Properties>"
            b"<ResourceType>directory</ResourceType></Properties></Blob>"
            b'<Blob><Name Encoded="true">prefix/d%2Ff</Name></Blob></Blobs></EnumerationResults>'
        )
        async with canned([answer(200, {}, body)]) as server, store_at(server.endpoint) as store:
            return [info.path for info in (await store.list("")).objects]

    assert run(list_once()) == ["d/f"]


def test_a_batch_without_all_its_answers_is_told(run: Run) -> None:
    part = b"--b\r\nContent-ID: 0\r\n\r\nHTTP/1.1 202 Accepted\r\nx-ms-version: 1\r\n\r\n"
    reply = answer(202, {"Content-Type": "multipart/mixed; boundary=b"}, part + b"--b--")
    error, _ = run(told(lambda s: s.delete_many(["a", "b"]), reply))
    assert "1 answers to 2 deletions" in str(error)
