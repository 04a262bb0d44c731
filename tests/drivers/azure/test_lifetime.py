"""Loops, processes and the end of both: nothing is left open, and nothing is said at exit."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.blob import ResourceTypes, generate_account_sas

from regstore._run import LoopRuntime
from regstore.drivers.azure import AzureStore, azure_store
from regstore.errors import PathNotFoundError
from tests.azure_server import ACCOUNT, KEY, Azurite
from tests.drivers.azure.conftest import Run

_SCRIPT = """
import asyncio, json, sys
from regstore.driver import LoopRuntime
from regstore.drivers.azure import azure_store

async def main(url, options):
    store = azure_store(url, json.loads(options), LoopRuntime())
    await store.put("f", b"x")
    assert (await store.get("f")).data == b"x"
    await store.aclose()
    await store.aclose()

asyncio.run(main(*sys.argv[1:]))
"""


def test_nothing_is_said_at_exit(azurite: Azurite, url: str) -> None:
    """adlfs would say "Loop is not running", and aiohttp name what was not closed."""
    argv = [sys.executable, "-W", "error", "-c", _SCRIPT]
    done = subprocess.run(
        [*argv, url, json.dumps(azurite.options)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_one_store_serves_loop_after_loop(azurite: Azurite, url: str) -> None:
    store = azure_store(url, azurite.options, LoopRuntime())

    async def write(data: bytes) -> None:
        await store.put("f", data)
        await store.aclose()

    async def read() -> bytes:
        content = await store.get("f")
        await store.aclose()
        return content.data

    asyncio.run(write(b"x"))
    assert asyncio.run(read()) == b"x"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_opens_its_own_connections(store: AzureStore, run: Run) -> None:
    run(store.put("f", b"before"))
    child = os.fork()
    if not child:
        status = 1
        try:
            asyncio.run(_in_child(store))
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert run(store.get("f")).data == b"child"


async def _in_child(store: AzureStore) -> None:
    assert (await store.get("f")).data == b"before"
    await store.put("f", b"child")
    await store.aclose()


def test_a_cancelled_write_is_whole_or_not_there(store: AzureStore, run: Run) -> None:
    async def cancel() -> None:
        writing = asyncio.ensure_future(store.put("f", bytes(8 << 20)))
        await asyncio.sleep(0)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing

    run(cancel())
    with suppress(PathNotFoundError):
        assert run(store.head("f")).size == 8 << 20
    run(store.put("f", b"after"))
    assert run(store.get("f")).data == b"after"


def test_a_shared_access_signature_is_enough(azurite: Azurite, url: str, run: Run) -> None:
    """But for batches and parts of stored blobs: Azurite answers 500 to these from such a client.

    It lacks them in its table of what a signature permits (``OperationAccountSASPermission``).
    """
    signature = generate_account_sas(
        ACCOUNT,
        KEY,
        ResourceTypes(container=True, object=True),
        "rwdlac",
        datetime.now(UTC) + timedelta(hours=1),
    )
    text = f"BlobEndpoint={azurite.endpoint};SharedAccessSignature={signature}"
    store = azure_store(url, {"connection_string": text}, LoopRuntime())

    async def use() -> None:
        await store.put("a b", b"0123")
        await store.copy("a b", "d/g")
        assert [info.path for info in (await store.list("d/")).objects] == ["d/g"]
        session = await store.begin("h", "s")
        part = await store.put_part(session, 1, b"12")
        await store.complete(session, [part])
        assert (await store.get("h")).data == b"12"
        for key in ("a b", "d/g", "h"):
            await store.delete(key)
        assert (await store.list("")).objects == ()
        assert await store.sign("h", "GET", timedelta(minutes=1), None) is None
        await store.aclose()

    run(use())
