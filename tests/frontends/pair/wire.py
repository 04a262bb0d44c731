"""Requests that no HTTP library would send: cut, slow, and with lies about their length."""

from __future__ import annotations

import http.client
import socket
import struct
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tests.frontends.frontends import Server

TIMEOUT = 30.0


class Wire:
    """One connection to a server.

    :param window: bytes that may wait unread on this side, where the client is a slow reader.
    """

    def __init__(self, server: Server, window: int | None = None) -> None:
        parts = urlsplit(server.url)
        self._socket = socket.socket()
        self._socket.settimeout(TIMEOUT)
        if window is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        self._socket.connect((parts.hostname, parts.port))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    def begin(self, method: str, path: str, **headers: object) -> None:
        """Send the head of a request."""
        lines = [f"{method} {path} HTTP/1.1", "Host: registry"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.send("".join(f"{line}\r\n" for line in [*lines, ""]).encode())

    def send(self, data: bytes) -> None:
        """Send more, however much of it the server takes."""
        with suppress(BrokenPipeError, ConnectionResetError):  # refused: the answer tells why
            self._socket.sendall(data)

    def end(self) -> None:
        """Tell that nothing more comes, and still listen."""
        with suppress(OSError):  # the server was faster
            self._socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Vanish: what is under way is lost, in both directions."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def answer(self, method: str = "PUT") -> http.client.HTTPResponse | None:
        """Return the answer, its body unread; ``None`` where the server hung up instead."""
        answer = http.client.HTTPResponse(self._socket, method=method)
        try:
            answer.begin()
        except (http.client.RemoteDisconnected, ConnectionResetError):
            answer.close()
            return None
        return answer

    def status(self) -> int | None:
        """Return the status of the answer, ``None`` where the server hung up instead."""
        answer = self.answer()
        if answer is None:
            return None
        with answer:
            answer.read()
        return answer.status
