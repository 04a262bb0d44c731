"""What the suite writes and how it reads it back."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterable
from typing import TypeVar

from regstore.driver import StorageDriver

T = TypeVar("T")


def content(size: int, seed: object = 0) -> bytes:
    """Return *size* bytes that repeat nowhere and differ with each *seed* (A10)."""
    return hashlib.shake_128(repr(seed).encode()).digest(size)


def same(got: bytes, expected: bytes) -> None:
    """Fail unless both are equal, and say from where on they differ."""
    __tracebackhide__ = True
    if got == expected:
        return
    pairs = enumerate(zip(got, expected, strict=False))
    start = next((at for at, (one, other) in pairs if one != other), min(len(got), len(expected)))
    raise AssertionError(
        f"{len(got)} bytes where {len(expected)} were expected; from byte {start} on "
        f"{got[start : start + 16]!r} instead of {expected[start : start + 16]!r}"
    )


def one_of(got: bytes, whole: Collection[bytes]) -> None:
    """Fail unless *got* is one of *whole*, never a part or a mixture of them."""
    __tracebackhide__ = True
    if got not in whole:
        sizes = sorted(map(len, whole))
        raise AssertionError(
            f"{len(got)} bytes, beginning {got[:16]!r} and ending {got[-16:]!r}, that nobody wrote "
            f"(what was written has {sizes} bytes)"
        )


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
