"""A TCP proxy that keeps the first byte of every request back, as a distant store would.

Run in a process of its own: prints its port, and ends with its standard input.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import suppress

PIECE = 1 << 18
CONTINUE = b"HTTP/1.1 100"


class Line:
    """One connection: what the client sends after an answer is a new request, and is late."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._is_new = True

    async def ask(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(PIECE):
            if self._is_new:
                self._is_new = False
                await asyncio.sleep(self._seconds)
            target.write(data)
            await target.drain()
        target.close()

    async def answer(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(PIECE):
            self._is_new = not data.startswith(CONTINUE)
            target.write(data)
            await target.drain()
        target.close()


async def serve(port: int, milliseconds: float) -> None:
    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_connection("127.0.0.1", port, limit=PIECE)
        line = Line(milliseconds / 1000)
        with suppress(ConnectionError):
            await asyncio.gather(line.ask(reader, outer), line.answer(inner, writer))

    server = await asyncio.start_server(meet, "127.0.0.1", 0, limit=PIECE)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("milliseconds", type=float)
    options = parser.parse_args()
    asyncio.run(serve(options.port, options.milliseconds))
