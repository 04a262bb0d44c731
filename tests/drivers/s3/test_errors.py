"""What S3 and its client raise becomes exactly one error of ours."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from botocore.exceptions import ClientError

from regstore._loop import OwnLoopRuntime
from regstore.driver import ANY, EPOCH, IF_ABSENT, Condition, FileInfo, if_version
from regstore.drivers.objects.port import Part, Session
from regstore.drivers.s3 import S3Store, s3_store
from regstore.errors import (
    ConfigurationError,
    DriverError,
    IncompleteReadError,
    InvalidOffsetError,
    InvalidPathError,
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
from tests.drivers.s3.canned import (
    HANG_UP,
    SECRET,
    SILENCE,
    Answer,
    CannedServer,
    content,
    error,
)
from tests.object_servers import S3Server
from tests.servers import free_port

run = OwnLoopRuntime().run
V1 = if_version("v1")
SESSION = Session("k", "upload", "scratch")
PARTS = [Part(1, 3, "tag")]


def raised(
    coro: Coroutine[Any, Any, object], kind: type[RegstoreError] = RegstoreError
) -> RegstoreError:
    with pytest.raises(kind) as caught:
        run(coro)
    return caught.value


@pytest.mark.parametrize(
    ("answer", "kind", "unknown"),
    [
        (error(404, "NoSuchKey"), PathNotFoundError, None),
        (error(404, "NoSuchBucket"), ConfigurationError, None),
        (error(403, "AccessDenied"), PermissionDeniedError, None),
        (error(403, "InvalidAccessKeyId"), PermissionDeniedError, None),
        (error(403, "SignatureDoesNotMatch"), PermissionDeniedError, None),
        (error(400, "ExpiredToken"), PermissionDeniedError, None),
        (error(403, "RequestTimeTooSkewed"), PermissionDeniedError, None),
        (Answer(401), PermissionDeniedError, None),
        (error(503, "SlowDown"), ThrottledError, False),
        (error(429, "TooManyRequests"), ThrottledError, False),
        (error(503, "RequestLimitExceeded"), ThrottledError, False),
        (Answer(503, b"<html>a proxy</html>"), ThrottledError, False),
        (error(500, "InternalError"), TransientError, True),
        (error(400, "RequestTimeout"), TransientError, True),
        (Answer(502, b"<html>a proxy</html>"), TransientError, True),
        (Answer(504), TransientError, True),
        (error(400, "BadDigest"), TransientError, False),
        (error(409, "OperationAborted"), TransientError, False),
        (error(400, "EntityTooLarge"), NoSpaceError, None),
        (error(403, "QuotaExceeded"), NoSpaceError, None),
        (Answer(507), NoSpaceError, None),
        (error(400, "KeyTooLongError"), InvalidPathError, None),
        (error(501, "NotImplemented"), UnsupportedMethodError, None),
        (error(400, "SomethingNew"), DriverError, None),
        (HANG_UP, TransientError, True),
    ],
)
def test_what_a_write_is_answered(
    told: S3Store,
    canned: CannedServer,
    answer: Answer,
    kind: type[RegstoreError],
    unknown: bool | None,
) -> None:
    canned.tell(answer)
    found = raised(told.put("k", b"data"), kind)
    assert type(found) is kind
    if isinstance(found, TransientError):
        assert found.outcome_unknown is unknown
    if isinstance(found, DriverError):
        assert (found.path, found.driver) == ("k", "s3")
    assert len(canned.requests) == 1, "a write was sent again"
    if answer is not HANG_UP:
        assert isinstance(found.__cause__, ClientError)


@pytest.mark.parametrize("answer", [error(500, "InternalError"), SILENCE])
def test_a_failed_read_has_changed_nothing(canned: CannedServer, answer: Answer) -> None:
    options = {**canned.storage_options, "config_kwargs": {"read_timeout": 0.2}}
    store = s3_store("s3://bucket", options, OwnLoopRuntime())
    canned.tell(answer)
    found = raised(store.get("k"), TransientError)
    assert isinstance(found, TransientError)
    assert not found.outcome_unknown
    run(store.aclose())


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry_After": "7"}, 7.0),
        (
            {
                "Retry_After": "Wed, 21 Oct 2026 07:28:05 GMT",
                "Date": "Wed, 21 Oct 2026 07:28:00 GMT",
            },
            5.0,
        ),
        ({"Retry_After": "soon"}, None),
        ({}, None),
    ],
)
def test_throttling_tells_how_long_to_wait(
    told: S3Store, canned: CannedServer, headers: dict[str, str], seconds: float | None
) -> None:
    canned.tell(error(503, "SlowDown", **headers))
    found = raised(told.get("k"), ThrottledError)
    assert isinstance(found, ThrottledError)
    assert found.retry_after == seconds


@pytest.mark.parametrize(
    ("answer", "condition", "kind"),
    [
        (error(412, "PreconditionFailed"), IF_ABSENT, PathExistsError),
        (error(412, "PreconditionFailed"), V1, PreconditionFailedError),
        (Answer(412), IF_ABSENT, PathExistsError),
        (Answer(412), V1, PreconditionFailedError),
        (error(404, "NoSuchKey"), V1, PreconditionFailedError),
        (error(404, "NoSuchBucket"), V1, ConfigurationError),
        (error(409, "ConditionalRequestConflict"), V1, PreconditionFailedError),
        (error(409, "ConditionalRequestConflict"), IF_ABSENT, TransientError),
        (error(501, "NotImplemented"), IF_ABSENT, UnsupportedMethodError),
    ],
)
@pytest.mark.parametrize("call", ["put", "complete"])
def test_conditions_that_do_not_hold(
    told: S3Store,
    canned: CannedServer,
    answer: Answer,
    condition: Condition,
    kind: type[RegstoreError],
    call: str,
) -> None:
    canned.tell(answer)
    calls: dict[str, Callable[[], Coroutine[Any, Any, str]]] = {
        "put": lambda: told.put("k", b"data", condition),
        "complete": lambda: told.complete(SESSION, PARTS, condition),
    }
    found = raised(calls[call](), kind)
    assert type(found) is kind
    assert not getattr(found, "outcome_unknown", False)
    assert len(canned.requests) == 1


@pytest.mark.parametrize("code", ["NoSuchUpload", "InvalidPart"])
@pytest.mark.parametrize("condition", [ANY, IF_ABSENT, V1])
def test_a_session_that_has_ended_is_not_found(
    told: S3Store, canned: CannedServer, code: str, condition: Condition
) -> None:
    canned.tell(error(404 if code == "NoSuchUpload" else 400, code))
    raised(told.complete(SESSION, PARTS, condition), PathNotFoundError)


@pytest.mark.parametrize(
    "answer", [error(200, "InternalError"), Answer(200, b"<CopyObjectResult>"), Answer(200)]
)
@pytest.mark.parametrize("call", ["copy", "complete", "copy_part"])
def test_a_success_that_was_none(
    told: S3Store, canned: CannedServer, answer: Answer, call: str
) -> None:
    canned.tell(answer)
    info = FileInfo("a", 9, EPOCH, "v1")
    calls: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
        "copy": lambda: told.copy("a", "b"),
        "complete": lambda: told.complete(SESSION, PARTS),
        "copy_part": lambda: told.copy_part(SESSION, 1, info, 0, 9),
    }
    found = raised(calls[call](), TransientError)
    assert isinstance(found, TransientError)
    assert found.outcome_unknown


def test_copies_tell_which_end_is_in_the_way(told: S3Store, canned: CannedServer) -> None:
    canned.tell(error(404, "NoSuchKey"))
    found = raised(told.copy("a", "b", V1), PathNotFoundError)
    assert isinstance(found, DriverError)
    assert found.path == "a"
    canned.tell(error(412, "PreconditionFailed"))
    found = raised(told.copy("a", "b", source_version="v0"), PreconditionFailedError)
    assert isinstance(found, DriverError)
    assert found.path == "a"
    canned.tell(error(412, "PreconditionFailed"))
    found = raised(told.copy("a", "b", IF_ABSENT), PathExistsError)
    assert isinstance(found, DriverError)
    assert found.path == "b"


def test_one_refused_key_of_many_is_told(told: S3Store, canned: CannedServer) -> None:
    refusals = "<Error><Key>root/b</Key><Code>AccessDenied</Code></Error>"
    canned.tell(Answer(200, f"<DeleteResult>{refusals}</DeleteResult>".encode()))
    found = raised(told.delete_many(["a", "b"]), PermissionDeniedError)
    assert isinstance(found, DriverError)
    assert found.path == "b"


def test_a_body_that_ends_early_raises(told: S3Store, canned: CannedServer) -> None:
    canned.tell(content(b"some", announced=10))
    raised(told.get("k"), IncompleteReadError)


def test_nobody_listens() -> None:
    options = {"key": "a", "secret": SECRET, "endpoint_url": f"http://127.0.0.1:{free_port()}"}
    store = s3_store("s3://bucket", options, OwnLoopRuntime())
    found = raised(store.put("k", b"data"), TransientError)
    assert isinstance(found, TransientError)
    assert not found.outcome_unknown
    run(store.aclose())


def test_reads_survive_a_connection_that_was_closed_and_writes_tell(
    told: S3Store, canned: CannedServer
) -> None:
    canned.tell(content(b"data"), HANG_UP, content(b"data"))
    assert run(told.get("k")).data == b"data"
    assert run(told.get("k")).data == b"data"
    calls: list[Callable[[], Coroutine[Any, Any, object]]] = [
        lambda: told.put("k", b"data", IF_ABSENT),
        lambda: told.put("k", b"data"),
        lambda: told.delete("k", V1),
        lambda: told.complete(SESSION, PARTS),
    ]
    for call in calls:
        canned.requests.clear()
        canned.tell(content(b"data"), HANG_UP)
        run(told.get("k"))  # its connection is used again, and hung up on
        found = raised(call(), TransientError)
        assert isinstance(found, TransientError)
        assert found.outcome_unknown
        assert len(canned.requests) == 2


def test_no_credentials_are_told(told: S3Store, canned: CannedServer) -> None:
    canned.tell(error(403, "SignatureDoesNotMatch"))
    found = raised(told.get("k"))
    told_of = [str(found), repr(found), repr(told), repr(vars(found))]
    assert SECRET not in "".join(told_of)


def test_missing_credentials_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    store = s3_store("s3://bucket", {"endpoint_url": "http://127.0.0.1:9"}, OwnLoopRuntime())
    raised(store.get("k"), PermissionDeniedError)
    run(store.aclose())


@pytest.mark.parametrize(
    "options", [{"tokken": "x"}, {"config_kwargs": {"retrys": 1}}, {"client_kwargs": {"x": 1}}]
)
def test_options_that_do_not_exist_are_told(options: dict[str, object]) -> None:
    store = s3_store("s3://bucket", {"key": "a", "secret": SECRET, **options}, OwnLoopRuntime())
    found = raised(store.get("k"), ConfigurationError)
    assert SECRET not in "".join(traceback.format_exception(found))
    run(store.aclose())


def test_a_bucket_that_does_not_exist(server: S3Server) -> None:
    store = s3_store("s3://no-such-bucket/x", server.storage_options, OwnLoopRuntime())
    for call in (store.head("k"), store.get("k"), store.put("k", b""), store.list("")):
        found = raised(call, ConfigurationError)
        assert "no-such-bucket" in str(found)
    run(store.aclose())


def test_who_may_only_read(seaweedfs: S3Server) -> None:
    assert seaweedfs.reader_options is not None
    store = s3_store(seaweedfs.fresh_url(), seaweedfs.reader_options, OwnLoopRuntime())
    raised(store.put("k", b"data"), PermissionDeniedError)
    raised(store.begin("k", ""), PermissionDeniedError)
    raised(store.get("k"), PathNotFoundError)
    run(store.aclose())


def test_a_wrong_secret(seaweedfs: S3Server) -> None:
    options = {**seaweedfs.storage_options, "secret": "wrong"}
    store = s3_store(seaweedfs.fresh_url(), options, OwnLoopRuntime())
    for call in (store.get("k"), store.head("k"), store.put("k", b"")):
        raised(call, PermissionDeniedError)
    run(store.aclose())


def test_ranges_beyond_the_end(store: S3Store) -> None:
    run(store.put("k", b"0123456789"))
    run(store.put("empty", b""))
    for key, start, length in (("k", 10, None), ("k", 11, 5), ("empty", 0, 1), ("empty", 1, None)):
        found = raised(store.open(key, start, length), InvalidOffsetError)
        assert isinstance(found, InvalidOffsetError)
        assert found.offset == start


def test_parts_that_are_too_small(store: S3Store) -> None:
    session = run(store.begin("k", ""))
    parts = [run(store.put_part(session, number, b"x")) for number in (1, 2)]
    found = raised(store.complete(session, parts), DriverError)
    assert "smaller" in str(found)
    run(store.abort(session, parts))
