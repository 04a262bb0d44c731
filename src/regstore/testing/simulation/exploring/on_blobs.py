"""Operations on blobs, whose digest is told."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from typing import Final

from regstore import ANYWHERE, AsyncRegistry
from regstore.digest import Digest
from regstore.errors import BlobUnknownError
from regstore.testing.simulation.exploring.on_uploads import FIRST
from regstore.testing.simulation.exploring.operation import NAME, Check, Ending, Operation
from regstore.testing.simulation.violations import Violation

COPY: Final = "copy"
"""Where blobs are mounted."""


async def stored(registry: AsyncRegistry, told: str) -> str:
    """Put FIRST as a blob, and tell its digest."""
    del told
    return (await registry.repository(NAME).blobs.put(FIRST)).digest


def put(content: bytes) -> Operation:
    """Put a blob whole."""

    async def run(registry: AsyncRegistry, told: str) -> object:
        del told
        return await registry.repository(NAME).blobs.put(content)

    return Operation("put", run, _is_there(NAME, Digest.of(content)))


def stream(*chunks: bytes, is_known: bool) -> Operation:
    """Put a blob in chunks; *is_known*: with its digest."""
    digest = Digest.of(b"".join(chunks))

    async def body() -> AsyncGenerator[bytes, None]:
        for chunk in chunks:
            yield chunk

    async def run(registry: AsyncRegistry, told: str) -> object:
        del told
        known = digest if is_known else None
        return await registry.repository(NAME).blobs.put(body(), known)

    return Operation("stream", run, _is_there(NAME, digest))


def delete() -> Operation:
    """Delete the blob."""

    async def run(registry: AsyncRegistry, told: str) -> None:
        await registry.repository(NAME).blobs.delete(told)

    def holds(ending: Ending) -> Iterator[Violation]:
        if ending.registry.repository(NAME).blobs.exists(ending.told):
            yield Violation("I1", "a deletion was acknowledged, and it is there", ending.told)

    return Operation("delete blob", run, holds, repeated=(BlobUnknownError,))


def mount(*, is_anywhere: bool = False) -> Operation:
    """Mount the blob into another repository, from NAME or from wherever it is."""

    async def run(registry: AsyncRegistry, told: str) -> object:
        source = ANYWHERE if is_anywhere else NAME
        return await registry.repository(COPY).blobs.mount(told, source)

    return Operation("mount", run, _is_there(COPY), (BlobUnknownError,))


def _is_there(name: str, digest: Digest | None = None) -> Check:
    """Return a check that repository *name* has the blob *digest*, or the one that was told."""

    def holds(ending: Ending) -> Iterator[Violation]:
        wanted = digest or ending.told
        if not ending.registry.repository(name).blobs.exists(wanted):
            yield Violation("I1", "it was acknowledged, and there is no blob", wanted)

    return holds
