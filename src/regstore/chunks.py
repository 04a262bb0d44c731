"""Bodies as they come in: iterables of chunks, plain or asynchronous, of whatever sizes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from contextlib import aclosing

from regstore._run import as_async

Chunks = Iterable[bytes] | AsyncIterable[bytes]


def check_body(body: object) -> None:
    """Refuse what cannot be a body, before anything is begun for it.

    :raises TypeError: *body* is neither bytes nor an iterable.
    """
    if isinstance(body, str | dict) or not isinstance(body, Iterable | AsyncIterable):
        msg = f"a body is bytes, or an iterable of bytes, not {type(body).__name__}"
        raise TypeError(msg)


async def joined(chunks: Chunks, size: int) -> AsyncGenerator[bytes, None]:
    """Yield the same bytes in pieces of at least *size* bytes, but for the last.

    Where *chunks* raises, what came before is yielded first.
    """
    pending = bytearray()
    failure: Exception | None = None
    try:
        async with aclosing(as_async(chunks)) as source:
            async for chunk in source:
                pending += chunk
                if len(pending) >= size:
                    yield bytes(pending)
                    pending.clear()
    except Exception as error:  # noqa: BLE001 - raised again below
        failure = error
    if pending:
        yield bytes(pending)
    if failure is not None:
        raise failure


async def gathered(chunks: Chunks, limit: int) -> bytes:
    """Return all bytes of *chunks*; where they are more than *limit*, the first of those beyond.

    What comes later is not asked for: the answer exceeds *limit* by a chunk at most.
    """
    whole = bytearray()
    async with aclosing(as_async(chunks)) as source:
        async for chunk in source:
            whole += chunk
            if len(whole) > limit:
                break
    return bytes(whole)
