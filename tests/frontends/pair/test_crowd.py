"""Two hundred clients at once, on both servers: nothing fails, and nothing is lost."""

from __future__ import annotations

import asyncio
import json
import random
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx

from regstore.digest import Digest
from regstore.oci import OCI_MANIFEST
from tests.frontends.client import Repo
from tests.frontends.pair.processes import Pair
from tests.images import Image, described

CLIENTS = 200
LAYER_BYTES = 512 << 10
PIECE_BYTES = 64 << 10


@dataclass
class Visitor:
    """One of many: it pushes an image of its own, and pulls that and one that all pull.

    :ivar turn: the server that it goes to next; each request goes to the other one.
    """

    pair: Pair
    name: str
    number: int
    http: httpx.AsyncClient
    turn: int = 0

    async def ask(
        self,
        expected: int,
        method: str,
        path: str,
        content: bytes | AsyncIterator[bytes] | None = None,
        media_type: str = "application/octet-stream",
    ) -> httpx.Response:
        self.turn += 1
        below = path if path.startswith("/") else f"/v2/{self.name}/{path}"
        url = f"{self.pair.turn(self.turn + self.number).url}{below}"
        headers = {"Content-Type": media_type}
        answer = await self.http.request(method, url, content=content, headers=headers)
        assert answer.status_code == expected, f"{method} {url}: {answer.text}"
        return answer

    async def push_blob(self, blob: bytes) -> None:
        location = (await self.ask(202, "POST", "blobs/uploads/")).headers["Location"]
        middle = len(blob) // 2
        for part in (blob[:middle], blob[middle:]):
            await self.ask(202, "PATCH", location, pieces(part))
        await self.ask(201, "PUT", f"{location}?digest={Digest.of(blob)}")

    async def push(self, image: Image) -> None:
        for blob in image.blobs:
            await self.push_blob(blob)
        tag = f"manifests/v{self.number}"
        await self.ask(201, "PUT", tag, image.manifest, image.media_type)

    async def pull(self, tag: str, image: Image) -> None:
        """Pull by tag, as clients do, and compare every byte."""
        assert (await self.ask(200, "GET", f"manifests/{tag}")).content == image.manifest
        for blob in image.blobs:
            assert (await self.ask(200, "GET", f"blobs/{Digest.of(blob)}")).content == blob

    async def visit(self, image: Image, common: Image) -> None:
        await self.push(image)
        await self.pull("common", common)
        await self.pull(f"v{self.number}", image)


async def pieces(data: bytes) -> AsyncIterator[bytes]:
    """A body whose length is not announced."""
    for start in range(0, len(data), PIECE_BYTES):
        yield data[start : start + PIECE_BYTES]


async def meet(pair: Pair, name: str, images: list[Image], common: Image) -> None:
    """Let everybody in at once; what went wrong for whom is told when all have gone."""
    unused = ssl.create_default_context()  # takes long to make, and httpx makes one per client
    clients = [httpx.AsyncClient(verify=unused, timeout=60) for _ in images]
    visits = [
        Visitor(pair, name, number, clients[number]).visit(image, common)
        for number, image in enumerate(images)
    ]
    outcomes = await asyncio.gather(*visits, return_exceptions=True)
    for client in clients:
        await client.aclose()
    failed = [repr(outcome) for outcome in outcomes if outcome is not None]
    assert not failed, f"{len(failed)} fail: {failed[:5]}"


def image_of(seed: int) -> Image:
    """An image of one layer that nobody else has."""
    config, layer = b'{"seed": %d}' % seed, random.Random(seed).randbytes(LAYER_BYTES)
    fields = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": described(config, "application/vnd.oci.image.config.v1+json"),
        "layers": [described(layer, "application/vnd.oci.image.layer.v1.tar")],
    }
    return Image(json.dumps(fields).encode(), OCI_MANIFEST, (config, layer))


def test_two_hundred_push_and_pull_at_once(pair: Pair, repos: tuple[Repo, Repo]) -> None:
    images, common = [image_of(seed) for seed in range(CLIENTS)], image_of(CLIENTS)
    repos[0].push(common, "common")
    asyncio.run(meet(pair, repos[0].name, images, common))
    tags = sorted(["common", *(f"v{number}" for number in range(CLIENTS))])
    assert [repo.tags() for repo in repos] == [tags, tags]
    for number, image in enumerate(images):
        repo = repos[number % 2]
        assert repo.ask("GET", f"manifests/v{number}").content == image.manifest
        for blob in image.blobs:
            assert repo.ask("GET", f"blobs/{Digest.of(blob)}").content == blob
