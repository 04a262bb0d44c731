"""The table of errors, and what is sent how often, on a server that answers as it is told."""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from typing import Any

import pytest

from regstore._run import LoopRuntime
from regstore.driver import IF_ABSENT, FileInfo, if_version
from regstore.drivers.azure import AzureStore, Settings, azure_store
from regstore.drivers.azure.listing import parse_time
from regstore.errors import (
    ConfigurationError,
    DriverError,
    IncompleteReadError,
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
from tests.azure_server import KEY, SAS, connection_string
from tests.drivers.azure.canned import CUT, ETAG, Call, answer, canned, failure, store_at, told
from tests.drivers.azure.conftest import Run
from tests.servers import free_port

CHANGED = PreconditionFailedError


def head(store: AzureStore) -> Awaitable[Any]:
    return store.head("f")


def put(store: AzureStore) -> Awaitable[Any]:
    return store.put("f", b"body")


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "InvalidInput", DriverError),
        (401, "NoAuthenticationInformation", PermissionDeniedError),
        (403, "AuthenticationFailed", PermissionDeniedError),
        (403, "InsufficientAccountPermissions", PermissionDeniedError),
        (404, "BlobNotFound", PathNotFoundError),
        (404, "", PathNotFoundError),
        (404, "ContainerNotFound", ConfigurationError),
        (409, "ContainerBeingDeleted", TransientError),
        (409, "BlobAlreadyExists", PathExistsError),
        (409, "InvalidBlobType", DriverError),
        (409, "BlobImmutableDueToPolicy", PermissionDeniedError),
        (412, "ConditionNotMet", PreconditionFailedError),
        (412, "LeaseIdMissing", PermissionDeniedError),
        (429, "", ThrottledError),
        (500, "InternalError", TransientError),
        (500, "OperationTimedOut", TransientError),
        (501, "", UnsupportedMethodError),
        (503, "ServerBusy", ThrottledError),
        (503, "", TransientError),
        (507, "", NoSpaceError),
    ],
)
def test_each_answer_is_one_error(
    run: Run, status: int, code: str, expected: type[RegstoreError]
) -> None:
    error, server = run(told(put, failure(status, code)))
    assert type(error) is expected
    assert len(server.requests) == 1
    assert str(status) in str(error)
    assert code in str(error)
    if isinstance(error, DriverError):
        assert (error.path, error.driver) == ("f", "azure")
    assert error.__cause__ is not None


def test_codes_are_found_in_bodies_too(run: Run) -> None:
    body = b"<?xml version='1.0'?><Error><Code>ContainerNotFound</Code></Error>"
    error, _ = run(told(put, answer(404, {"Content-Type": "application/xml"}, body)))
    assert type(error) is ConfigurationError


@pytest.mark.parametrize(
    ("call", "reply", "expected"),
    [
        (lambda s: s.put("f", b"", IF_ABSENT), (412, "ConditionNotMet"), PathExistsError),
        (lambda s: s.put("f", b"", if_version("1")), (404, "BlobNotFound"), CHANGED),
        (lambda s: s.delete("f", if_version("1")), (404, "BlobNotFound"), PathNotFoundError),
        (lambda s: s.copy("a", "f", IF_ABSENT), (412, "SourceConditionNotMet"), CHANGED),
        (lambda s: s.copy("a", "f", IF_ABSENT), (412, "TargetConditionNotMet"), PathExistsError),
        (lambda s: s.copy("a", "f"), (404, "CannotVerifyCopySource"), PathNotFoundError),
    ],
)
def test_conditions_decide_what_a_code_means(
    run: Run, call: Call, reply: tuple[int, str], expected: type[RegstoreError]
) -> None:
    error, _ = run(told(call, failure(*reply)))
    assert type(error) is expected


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"Retry-After": "7"}, 7.0), ({"x-ms-retry-after-ms": "1500"}, 1.5), ({}, None)],
)
def test_throttling_says_for_how_long(
    run: Run, headers: dict[str, str], seconds: float | None
) -> None:
    error, _ = run(told(head, failure(503, "ServerBusy", headers)))
    assert isinstance(error, ThrottledError)
    assert error.retry_after == seconds
    assert not error.outcome_unknown


@pytest.mark.parametrize("reply", [failure(500, "OperationTimedOut"), CUT])
@pytest.mark.parametrize("writing", [True, False])
def test_a_lost_answer_leaves_open_what_a_write_did(run: Run, reply: bytes, writing: bool) -> None:
    error, server = run(told(put if writing else head, reply, reply))
    assert isinstance(error, TransientError)
    assert error.outcome_unknown is writing
    assert len(server.requests) == (1 if writing or reply != CUT else 2)


def test_a_refused_connection_is_known_to_have_done_nothing(run: Run) -> None:
    async def call() -> None:
        async with store_at(f"http://127.0.0.1:{free_port()}/account") as store:
            await store.put("f", b"")

    with pytest.raises(TransientError, match="ClientConnectorError") as caught:
        run(call())
    assert not caught.value.outcome_unknown


@pytest.mark.parametrize(
    ("call", "method", "sent"),
    [
        (put, "PUT", 1),
        (lambda s: s.put("f", b"", IF_ABSENT), "PUT", 1),
        (lambda s: s.delete("f", if_version("1")), "DELETE", 1),
        (head, "HEAD", 2),
    ],
)
def test_nothing_but_a_read_is_sent_again_on_a_broken_connection(
    run: Run, call: Call, method: str, sent: int
) -> None:
    """aiohttp takes PUT and DELETE for repeatable, and sends them again on a kept connection."""
    error, server = run(told(warmed(call), answer(200, ETAG), CUT, CUT))
    assert isinstance(error, TransientError)
    assert [each.split()[0] for each in server.requests[1:]] == [method] * sent


def warmed(call: Call) -> Call:
    async def both(store: AzureStore) -> object:
        await store.head("f")
        return await call(store)

    return both


async def read(store: AzureStore) -> None:
    body = await store.open("f")
    try:
        while await body.read():
            pass
    finally:
        await body.aclose()


@pytest.mark.parametrize("call", [lambda s: s.get("f"), read])
def test_a_body_that_ends_early_is_told(run: Run, call: Call) -> None:
    error, _ = run(told(call, answer(200, {**ETAG, "Content-Length": "10"}, b"short")))
    assert type(error) is IncompleteReadError


def test_a_service_that_ignores_a_range_is_told(run: Run) -> None:
    error, _ = run(told(lambda s: s.open("f", 1, 2), answer(200, ETAG, b"0123456789")))
    assert "ignored the range" in str(error)


@pytest.mark.parametrize("options", ["key", "sas"])
def test_credentials_are_in_no_error_no_log_and_no_representation(
    run: Run, caplog: pytest.LogCaptureFixture, options: str
) -> None:
    """At DEBUG, with all that the SDK, adlfs, fsspec, aiohttp and asyncio have to say."""

    async def fail() -> str:
        answers = [failure(403, "AuthenticationFailed")] * 6
        async with canned(answers) as server:
            text = connection_string(server.endpoint)
            if options == "sas":
                text = f"BlobEndpoint={server.endpoint};SharedAccessSignature={SAS}"
            store = azure_store("az://container", {"connection_string": text}, LoopRuntime())
            seen = [
                repr(store),
                repr(vars(store)),
                repr(Settings("box", options={"account_key": KEY})),
            ]
            source = FileInfo("g", 9, parse_time(None), "0x1")
            session = await store.begin("f", "s")
            for call in (
                store.head("f"),
                store.put("f", b"x"),
                store.list(""),
                store.copy("g", "f"),
                store.copy_part(session, 1, source, 0, 1),
                store.delete_many(["f"]),
            ):
                with pytest.raises(PermissionDeniedError) as caught:
                    await call
                seen += [str(caught.value), repr(caught.value)]
            await store.sign("f", "GET", parse_time(None) - parse_time(None), None)
            await store.aclose()
        return "\n".join(seen)

    with caplog.at_level(logging.DEBUG):
        shown = run(fail()) + caplog.text
    for secret in (KEY, KEY.rstrip("="), "c2VjcmV0LXNpZ25hdHVyZQ"):
        assert secret not in shown
    assert "Request URL" in caplog.text
