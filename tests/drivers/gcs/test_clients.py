"""How a store is opened, and which loop, process and credentials its requests go through."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
import traceback
import weakref
from collections.abc import Callable, Mapping

import pytest
from google.auth.exceptions import RefreshError, TransportError
from google.oauth2.credentials import Credentials

from regstore._loop import OwnLoopRuntime
from regstore._run import LoopRuntime
from regstore.drivers.gcs import gcs_store
from regstore.drivers.gcs.place import Place, parse_url
from regstore.errors import ConfigurationError, PermissionDeniedError, TransientError
from tests.drivers.gcs.canned import CannedServer, answer, media
from tests.gcs_server import FakeGcs


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("gs://bucket", Place("bucket")),
        ("gcs://bucket/", Place("bucket")),
        ("gs://my.bucket_1/a/b/", Place("my.bucket_1", "a/b/")),
    ],
)
def test_a_url_names_a_bucket_and_a_prefix(url: str, place: Place) -> None:
    assert parse_url(url) == place


@pytest.mark.parametrize(
    "url",
    [
        *("gs://", "gs://B", "gs://user:secret@bucket", "s3://bucket", "gs://bucket/a?secret"),
        *("gs://bucket/a//b", "gs://bucket/../b", "gs://bucket/./b"),
    ],
)
def test_another_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        parse_url(url)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "options",
    [
        {"endpoint_url": "http://user:secret@host"},
        {"endpoint_url": "127.0.0.1:4443"},
        {"asynchronous": False},
        {"loop": None},
    ],
)
def test_options_that_cannot_be_kept_are_refused(options: Mapping[str, object]) -> None:
    with pytest.raises(ConfigurationError) as raised:
        gcs_store("gs://bucket", options, LoopRuntime())
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("options", [{"access": "any"}, {"token": {"secret": "x"}}])
def test_options_that_gcsfs_refuses_are_told_at_the_first_request(
    options: Mapping[str, object],
) -> None:
    async def ask() -> None:
        store = gcs_store("gs://bucket", {"token": "anon", **options}, LoopRuntime())
        with pytest.raises(ConfigurationError) as raised:
            await store.head("a")
        assert "secret" not in str(raised.value)
        await store.aclose()

    asyncio.run(ask())


def test_importing_and_opening_ask_nobody_and_leave_the_environment_alone() -> None:
    """Not a name is looked up, nor any connection made, also without credentials."""
    program = """
import os, sys
before = dict(os.environ)
def hook(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        print(event, args); os._exit(3)
sys.addaudithook(hook)
from regstore._run import LoopRuntime
from regstore.drivers.gcs import gcs_store
gcs_store("gs://bucket/prefix", {}, LoopRuntime())
assert dict(os.environ) == before
"""
    environment = {name: value for name, value in os.environ.items() if "GC" not in name}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**environment, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_one_store_serves_loops_one_after_the_other_and_beside_each_other(
    fake_gcs: FakeGcs,
) -> None:
    store = gcs_store(fake_gcs.url(), fake_gcs.storage_options, LoopRuntime())
    meeting = threading.Barrier(2, timeout=60)

    async def use(name: str, *, meet: bool) -> None:
        await store.put(name, name.encode())
        if meet:
            await asyncio.to_thread(meeting.wait)
        assert (await store.get(name)).data == name.encode()
        if not meet:
            await store.aclose()

    asyncio.run(use("a", meet=False))
    asyncio.run(use("b", meet=False))
    own = OwnLoopRuntime()
    thread = threading.Thread(target=lambda: own.run(use("c", meet=True)))
    thread.start()
    loop = asyncio.new_event_loop()
    loop.run_until_complete(use("d", meet=True))
    thread.join()
    loop.run_until_complete(store.aclose())
    loop.close()
    assert own.run(store.get("d")).data == b"d"
    own.run(store.aclose())


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_a_loop_that_ended_is_forgotten(fake_gcs: FakeGcs) -> None:
    store = gcs_store(fake_gcs.url(), fake_gcs.storage_options, LoopRuntime())
    loops = []

    async def use() -> None:
        loops.append(weakref.ref(asyncio.get_running_loop()))
        await store.put("a", b"")

    asyncio.run(use())
    asyncio.run(use())
    gc.collect()
    assert loops[0]() is None
    asyncio.run(store.aclose())
    gc.collect()  # here, where what those loops left open may be warned of


def test_a_fork_leaves_the_connections_of_its_parent_alone(fake_gcs: FakeGcs) -> None:
    runtime = OwnLoopRuntime()
    store = gcs_store(fake_gcs.url(), fake_gcs.storage_options, runtime)
    runtime.run(store.put("a", b"a"))
    child = os.fork()
    if not child:
        status = 1
        try:
            runtime.run(store.put("b", b"b"))
            runtime.run(store.aclose())
            status = 0
        except BaseException:  # noqa: BLE001 - a child must not go on as the test
            traceback.print_exc()
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert runtime.run(store.get("a")).data == b"a"
    assert runtime.run(store.get("b")).data == b"b"
    runtime.run(store.aclose())


class Token(Credentials):
    """Credentials that must be fetched, which blocks."""

    def __init__(self, failure: Exception | None = None) -> None:
        super().__init__(None)  # type: ignore[no-untyped-call]
        self.failure = failure
        self.thread = 0

    def refresh(self, _request: object) -> None:
        self.thread = threading.get_ident()
        if self.failure is not None:
            raise self.failure
        self.token = "fetched"  # noqa: S105 - a test's


@pytest.mark.anyio
async def test_a_token_is_fetched_beside_the_loop_and_sent(canned: CannedServer) -> None:
    token = Token()
    options = {"token": token, "project": "test", "endpoint_url": canned.endpoint}
    store = gcs_store("gs://registry", options, LoopRuntime())
    canned.answers = [media(b"")]
    await store.get("a")
    assert token.thread not in {0, threading.get_ident()}
    assert canned.requests[0].headers["authorization"] == "Bearer fetched"
    await store.aclose()


def error(kind: Callable[..., Exception], **fields: bool) -> Exception:
    return kind("secret", **fields)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (error(RefreshError), PermissionDeniedError),
        (error(RefreshError, retryable=True), TransientError),
        (error(TransportError), TransientError),
    ],
)
async def test_a_token_that_is_refused_or_lost_is_told_before_anything_is_sent(
    canned: CannedServer, failure: Exception, kind: type[Exception]
) -> None:
    options = {"token": Token(failure), "project": "test", "endpoint_url": canned.endpoint}
    store = gcs_store("gs://registry", options, LoopRuntime())
    with pytest.raises(kind) as raised:
        await store.put("a", b"")
    assert "secret" not in str(raised.value)
    assert not getattr(raised.value, "outcome_unknown", False)
    assert canned.requests == []
    await store.aclose()


@pytest.mark.anyio
async def test_who_pays_is_said_of_every_request(canned: CannedServer) -> None:
    options = {"token": "anon", "endpoint_url": canned.endpoint, "requester_pays": "payer"}
    store = gcs_store("gs://registry", options, LoopRuntime())
    canned.answers = [media(b""), answer(404), answer(204), answer(204)]
    await store.get("a")
    await store.delete_many(["a", "b"])
    assert "userProject=payer" in canned.requests[0].target
    assert canned.requests[1].body.count(b"?userProject=payer HTTP/1.1\r\n") == 2
    await store.aclose()
