"""What the suite writes and how it reads it back."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from typing import TypeVar

from regstore.driver import StorageDriver

T = TypeVar("T")


def content(size: int, seed: object = 0) -> bytes:
    """Return *size* bytes that repeat nowhere and differ with each *seed* (A10)."""
    return hashlib.shake_128(repr(seed).encode()).digest(size)


async def collect(items: AsyncGenerator[T, None]) -> list[T]:
    """Return all *items*."""
    return [item async for item in items]


async def chunks(items: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Yield *items*."""
    for item in items:
        yield item


async def read_range(
    driver: StorageDriver, path: str, offset: int = 0, length: int | None = None
) -> bytes:
    """Read a range through a reader, and close it."""
    async with await driver.reader(path, offset, length) as reader:
        return b"".join([chunk async for chunk in reader])


async def write_object(driver: StorageDriver, path: str, *parts: bytes) -> str | None:
    """Write *parts* through a writer and commit them; return what the commit returned."""
    writer = await driver.writer(path)
    for part in parts:
        await writer.write(part)
    return await writer.commit()


async def park_object(driver: StorageDriver, path: str, *parts: bytes) -> None:
    """Write *parts* through a writer, and park it."""
    writer = await driver.writer(path)
    for part in parts:
        await writer.write(part)
    await writer.park()
