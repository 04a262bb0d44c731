"""What Cloud Storage and the wire may answer, and what it is called here."""

from __future__ import annotations

import pickle
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from regstore._run import LoopRuntime
from regstore.driver import ANY, IF_ABSENT, Condition, if_version
from regstore.drivers.gcs import gcs_store
from regstore.drivers.gcs.store import GcsStore
from regstore.errors import (
    ConfigurationError,
    DriverError,
    IncompleteReadError,
    InvalidOffsetError,
    NoSpaceError,
    PathExistsError,
    PathNotFoundError,
    PermissionDeniedError,
    PreconditionFailedError,
    RegstoreError,
    ThrottledError,
    TransientError,
    UnsupportedMethodError,
)
from tests.drivers.gcs.canned import DROP, CannedServer, answer, media

pytestmark = pytest.mark.anyio

Step = Callable[[GcsStore], Coroutine[Any, Any, object]]
SECRET = "ya29.secret"  # noqa: S105 - what no message may show


def read(store: GcsStore) -> Coroutine[Any, Any, object]:
    return store.get("a/b")


def write(store: GcsStore) -> Coroutine[Any, Any, object]:
    return store.put("a/b", b"content")


def remove(store: GcsStore) -> Coroutine[Any, Any, object]:
    return store.delete("a/b")


def put_under(condition: Condition) -> Step:
    return lambda store: store.put("a/b", b"content", condition)


def why(reason: str) -> dict[str, object]:
    """A refusal with the store's own word for it, and a text that is not to be repeated."""
    return {"error": {"errors": [{"reason": reason}], "message": SECRET}}


TABLE: list[tuple[int, object, Step, type[RegstoreError], bool | None]] = [
    (304, b"", read, PreconditionFailedError, None),
    (400, why("invalid"), write, DriverError, None),
    (401, why("authError"), read, PermissionDeniedError, None),
    (403, why("forbidden"), write, PermissionDeniedError, None),
    (403, why("rateLimitExceeded"), write, ThrottledError, False),
    (403, why("quotaExceeded"), write, NoSpaceError, None),
    (404, b"No such object: registry/place/a/b", read, PathNotFoundError, None),
    (404, b"The specified bucket does not exist.", read, ConfigurationError, None),
    (404, b"", write, ConfigurationError, None),
    (404, b"", remove, PathNotFoundError, None),
    (408, b"", read, TransientError, False),
    (408, b"", write, TransientError, True),
    (409, why("conflict"), write, TransientError, True),
    (412, b"", put_under(IF_ABSENT), PathExistsError, None),
    (412, b"", put_under(if_version("1")), PreconditionFailedError, None),
    (413, b"", write, NoSpaceError, None),
    (416, b"", lambda store: store.open("a/b", 5, 1), InvalidOffsetError, None),
    (429, why("rateLimitExceeded"), write, ThrottledError, False),
    (500, b"<html>", read, TransientError, False),
    (500, b"[]", write, TransientError, True),
    (501, b"", write, UnsupportedMethodError, None),
    (502, b"", remove, TransientError, True),
    (503, why("backendError"), write, TransientError, True),
    (507, b"", write, NoSpaceError, None),
]


@pytest.mark.parametrize(("status", "body", "step", "kind", "unknown"), TABLE)
async def test_a_refusal_becomes_the_error_that_a_handler_expects(
    canned: CannedServer,
    canned_store: GcsStore,
    status: int,
    body: object,
    step: Step,
    kind: type[RegstoreError],
    unknown: bool | None,
) -> None:
    canned.answers = [answer(status, body)]
    with pytest.raises(RegstoreError) as raised:
        await step(canned_store)
    error = raised.value
    assert type(error) is kind
    assert isinstance(error, ConfigurationError) or getattr(error, "path", "") == "a/b"
    assert getattr(error, "outcome_unknown", None) is unknown
    assert SECRET not in str(error)
    assert canned.endpoint not in str(error)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 - our own
    assert len(canned.requests) == 1


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("soon", None)])
async def test_a_read_that_is_throttled_says_when_to_come_back(
    canned: CannedServer, canned_store: GcsStore, status: int, header: str, seconds: float | None
) -> None:
    canned.answers = [answer(status, headers={"Retry-After": header})]
    with pytest.raises(ThrottledError) as raised:
        await read(canned_store)
    assert raised.value.retry_after == seconds


@pytest.mark.parametrize("step", [write, remove, put_under(IF_ABSENT)])
async def test_a_write_whose_answer_is_lost_is_sent_once_and_its_outcome_unknown(
    canned: CannedServer, canned_store: GcsStore, step: Step
) -> None:
    """On a connection that was kept open, too: there aiohttp itself sends a deletion twice."""
    canned.answers = [media(b"first"), DROP, DROP]
    await read(canned_store)
    with pytest.raises(TransientError) as raised:
        await step(canned_store)
    assert raised.value.outcome_unknown
    assert len(canned.requests) == 2


async def test_a_read_is_sent_twice_at_most(canned: CannedServer, canned_store: GcsStore) -> None:
    canned.answers = [media(b"first"), DROP, DROP, DROP]
    await read(canned_store)
    with pytest.raises(TransientError) as raised:
        await read(canned_store)
    assert not raised.value.outcome_unknown
    assert len(canned.requests) <= 3


async def test_a_write_whose_answer_is_cut_short_has_an_unknown_outcome(
    canned: CannedServer, canned_store: GcsStore
) -> None:
    canned.answers = [answer(200, b'{"size": ', announced=100)]
    with pytest.raises(TransientError) as raised:
        await write(canned_store)
    assert raised.value.outcome_unknown


@pytest.mark.parametrize(
    "body", [b"no JSON", b"[]", {"size": "7"}, {"size": "6", "generation": "1"}]
)
async def test_an_answer_that_does_not_say_what_was_stored_has_an_unknown_outcome(
    canned: CannedServer, canned_store: GcsStore, body: object
) -> None:
    canned.answers = [answer(200, body)]
    with pytest.raises(TransientError) as raised:
        await write(canned_store)
    assert raised.value.outcome_unknown


async def test_a_server_that_is_not_there_has_done_nothing() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
        options = {"token": "anon", "project": "test", "endpoint_url": endpoint}
        store = gcs_store("gs://registry", options, LoopRuntime())
        for step in (read, write, remove):
            with pytest.raises(TransientError) as raised:
                await step(store)
            assert not raised.value.outcome_unknown
            assert endpoint not in str(raised.value)
            assert raised.value.__cause__ is not None
        await store.aclose()


@pytest.mark.parametrize("data", [b"", b"conten"])
async def test_a_body_that_ends_early_raises(
    canned: CannedServer, canned_store: GcsStore, data: bytes
) -> None:
    canned.answers = [media(data, announced=7)] * 2
    with pytest.raises(IncompleteReadError):
        await read(canned_store)
    body = await canned_store.open("a/b")
    with pytest.raises(IncompleteReadError):
        await body.read()
    await body.aclose()


async def test_a_body_shorter_than_what_is_stored_raises(
    canned: CannedServer, canned_store: GcsStore
) -> None:
    """As when something on the way has encoded it."""
    headers = {
        "X-Goog-Generation": "7",
        "X-Goog-Stored-Content-Length": "7",
        "Last-Modified": "Fri, 27 Nov 2026 16:38:59 GMT",
    }
    canned.answers = [answer(200, b"packed", headers)]
    with pytest.raises(IncompleteReadError):
        await read(canned_store)


async def test_a_download_that_does_not_say_what_it_is_raises(
    canned: CannedServer, canned_store: GcsStore
) -> None:
    canned.answers = [answer(200, b"content")]
    with pytest.raises(TransientError):
        await read(canned_store)


async def test_the_whole_instead_of_a_range_is_not_handed_out(
    canned: CannedServer, canned_store: GcsStore
) -> None:
    canned.answers = [media(b"content")]
    with pytest.raises(DriverError, match="no ranges"):
        await canned_store.open("a/b", 3, 2)


async def test_a_batch_raises_what_befell_one_of_its_objects(
    canned: CannedServer, canned_store: GcsStore
) -> None:
    canned.answers = [batch_answer({2: 503, 0: 204, 1: 404})]
    with pytest.raises(TransientError) as raised:
        await canned_store.delete_many(["a", "b", "c"])
    assert raised.value.path == "c"
    canned.answers = [batch_answer({0: 204, 1: 403})]
    with pytest.raises(PermissionDeniedError) as denied:
        await canned_store.delete_many(["a", "b"])
    assert denied.value.path == "b"


async def test_a_batch_that_is_silent_about_an_object_raises(
    canned: CannedServer, canned_store: GcsStore
) -> None:
    canned.answers = [batch_answer({1: 204})]
    with pytest.raises(TransientError) as raised:
        await canned_store.delete_many(["a", "b"])
    assert (raised.value.path, raised.value.outcome_unknown) == ("a", True)


def batch_answer(statuses: dict[int, int]) -> bytes:
    parts = [
        f"--mark\r\nContent-Type: application/http\r\nContent-ID: <response-item-{number}>\r\n\r\n"
        f"HTTP/1.1 {status} Word\r\nContent-Type: application/json\r\n\r\n{{}}\r\n\r\n"
        for number, status in statuses.items()
    ]
    body = "".join([*parts, "--mark--\r\n"]).encode()
    return answer(200, body, {"Content-Type": "multipart/mixed; boundary=mark"})


async def test_of_two_conditions_of_a_copy_the_one_that_failed_is_told(
    canned: CannedServer, canned_store: GcsStore
) -> None:
    there = {"size": "1", "generation": "4", "updated": "2026-11-27T16:38:59.453Z"}
    canned.answers = [answer(412), answer(200, there)]
    with pytest.raises(PathExistsError) as exists:
        await canned_store.copy("a", "b", IF_ABSENT, "3")
    assert exists.value.path == "b"
    canned.answers = [answer(412), answer(404)]
    with pytest.raises(PreconditionFailedError):
        await canned_store.copy("a", "b", IF_ABSENT, "3")
    canned.answers = [answer(412)]
    with pytest.raises(PreconditionFailedError):
        await canned_store.copy("a", "b", ANY, "3")


async def test_parts_that_are_gone_are_not_found_and_stay_when_completing_fails(
    canned: CannedServer, canned_store: GcsStore
) -> None:
    canned.answers = [answer(200, {"size": "3", "generation": "1"}), answer(404)]
    session = await canned_store.begin("a/b", ".regstore-parts")
    part = await canned_store.put_part(session, 1, b"one")
    with pytest.raises(PathNotFoundError) as raised:
        await canned_store.complete(session, [part], IF_ABSENT)
    assert raised.value.path == "a/b"
    assert [request.method for request in canned.requests] == ["POST", "POST"]
