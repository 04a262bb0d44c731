"""One side of the comparison, in a process of its own, warmed before it is measured.

Takes a JSON list on each line of its standard input, ``["up", 256]``, and answers with
``{"seconds": ..., "cpu": ..., "peak": ...}``; ``peak`` is the memory of the process in MiB.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import resource
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import obstore
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

from bench.remote.server import BUCKET, KEY, REGION, SECRET, peer_store
from regstore import AsyncRegistry

MIB = 1 << 20
CHUNK = MIB
PEER_PART = 8 * MIB
PEER_PARTS = 4
SMALL_BYTES = 512
BASE = random.Random(7).randbytes(MIB)


async def chunks(mib: int, seed: int) -> AsyncIterator[bytes]:
    """Yield content of its own for each *seed*, without holding it."""
    for number in range(mib):
        mark = b"%016d" % (seed << 32 | number)
        yield mark + BASE[len(mark) :]


async def digest_of(mib: int, seed: int) -> str:
    sha256 = hashlib.sha256()
    async for chunk in chunks(mib, seed):
        sha256.update(chunk)
    return f"sha256:{sha256.hexdigest()}"


async def read_all(stream: AsyncIterator[Any]) -> None:
    sha256 = hashlib.sha256()
    async for chunk in stream:
        sha256.update(chunk)


class Side(ABC):
    """What is compared; *seed* makes the content of each call its own."""

    @abstractmethod
    async def open(self, endpoint: str, stack: AsyncExitStack) -> None: ...

    async def prepare(self, mib: int, seed: int) -> None:  # noqa: B027 - few need it
        """Find out the digest of what *up* will send: a client knows it before it pushes."""

    @abstractmethod
    async def up(self, mib: int, seed: int) -> None: ...

    @abstractmethod
    async def down(self, mib: int, seed: int) -> None: ...

    @abstractmethod
    async def small(self, number: int) -> None:
        """Store an object and a link."""


class Ours(Side):
    async def open(self, endpoint: str, stack: AsyncExitStack) -> None:
        options = {
            "key": KEY,
            "secret": SECRET,
            "endpoint_url": endpoint,
            "client_kwargs": {"region_name": REGION},
        }
        registry = AsyncRegistry.open(f"s3://{BUCKET}/ours", storage_options=options)
        await stack.enter_async_context(registry)
        self.blobs = registry.repository("bench/cloud").blobs
        self.digests: dict[int, str] = {}

    async def prepare(self, mib: int, seed: int) -> None:
        self.digests[seed] = await digest_of(mib, seed)

    async def up(self, mib: int, seed: int) -> None:
        digest = self.digests[seed]  # a client tells it, and so the content needs no copy
        await self.blobs.put(chunks(mib, seed), digest)

    async def down(self, _: int, seed: int) -> None:
        async with self.blobs.open(self.digests[seed]) as reader:
            await read_all(reader)

    async def small(self, number: int) -> None:
        await self.blobs.put(b"%0*d" % (SMALL_BYTES, number))


class Obstore(Side):
    async def open(self, endpoint: str, _: AsyncExitStack) -> None:
        self.store = peer_store(endpoint)

    async def up(self, mib: int, seed: int) -> None:
        sha256 = hashlib.sha256()

        async def hashed() -> AsyncIterator[bytes]:
            async for chunk in chunks(mib, seed):
                sha256.update(chunk)
                yield chunk

        await obstore.put_async(
            self.store,
            f"peer/{seed}",
            hashed(),
            chunk_size=PEER_PART,
            max_concurrency=PEER_PARTS,
        )

    async def down(self, _: int, seed: int) -> None:
        found = await obstore.get_async(self.store, f"peer/{seed}")
        await read_all(found.stream(min_chunk_size=CHUNK))

    async def small(self, number: int) -> None:
        raise NotImplementedError


class Aiobotocore(Side):
    async def open(self, endpoint: str, stack: AsyncExitStack) -> None:
        client = get_session().create_client(
            "s3",
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            config=AioConfig(
                signature_version="s3v4",
                request_checksum_calculation="when_required",
                max_pool_connections=256,
                retries={"mode": "standard", "total_max_attempts": 1},
            ),
        )
        self.client: Any = await stack.enter_async_context(client)

    async def up(self, mib: int, seed: int) -> None:
        raise NotImplementedError

    async def down(self, mib: int, seed: int) -> None:
        raise NotImplementedError

    async def small(self, number: int) -> None:
        body = b"%0*d" % (SMALL_BYTES, number)
        name = hashlib.sha256(body).hexdigest()
        for key, data in ((f"{name}/data", body), (f"{name}/link", b"sha256:" + name.encode())):
            await self.client.put_object(Bucket=BUCKET, Key=f"peer/{key}", Body=data)


SIDES: dict[str, type[Side]] = {"ours": Ours, "obstore": Obstore, "aiobotocore": Aiobotocore}


async def many(action: Callable[[int], Awaitable[None]], numbers: range, at_once: int) -> None:
    turns = asyncio.Semaphore(at_once)

    async def one(number: int) -> None:
        async with turns:
            await action(number)

    await asyncio.gather(*(one(number) for number in numbers))


async def perform(side: Side, command: str, values: list[int]) -> None:
    if command == "small":
        first, count, at_once = values
        await many(side.small, range(first, first + count), at_once)
    elif command == "together":
        mib, seed, uploads = values
        await asyncio.gather(*(side.up(mib, seed + number) for number in range(uploads)))
    else:
        await getattr(side, command)(*values)


async def main(name: str, endpoint: str) -> None:
    side = SIDES[name]()
    async with AsyncExitStack() as stack:
        await side.open(endpoint, stack)
        while line := await asyncio.to_thread(sys.stdin.readline):
            command, *values = json.loads(line)
            start, cpu = time.perf_counter(), time.process_time()
            await perform(side, command, values)
            answer = {
                "seconds": time.perf_counter() - start,
                "cpu": time.process_time() - cpu,
                "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
