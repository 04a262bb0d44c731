"""Requests as they came, answers as they came."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import unquote

import aiohttp
from multidict import CIMultiDict
from yarl import URL

_OF_THE_CONNECTION = {"connection", "content-length", "keep-alive", "transfer-encoding"}
_NOT_ADDED = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
"""What the client would add by itself."""


@dataclass(frozen=True)
class Question:
    """A request.

    :ivar target: path and query, quoted as the client has signed them.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def query(self) -> Mapping[str, str]:
        return URL(self.target, encoded=True).query

    @property
    def key(self) -> str:
        """The key of an object; empty where the bucket itself is meant."""
        return unquote(self.target.partition("?")[0]).lstrip("/").partition("/")[2]


@dataclass(frozen=True)
class Answer:
    """A response; to HEAD its body is empty, and its headers tell a length all the same."""

    status: int
    body: bytes = b""
    headers: CIMultiDict[str] = field(default_factory=CIMultiDict)

    def truncated(self) -> bytes:
        """Return what comes over the wire before the body ends, or the head where there is none."""
        headers = CIMultiDict(self.headers)
        headers.setdefault("Content-Length", str(len(self.body)))
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join([*lines, "", ""]).encode()
        if not self.body:
            return head[: len(head) // 2]
        return head + self.body[: len(self.body) // 2]


def refusal(status: int, code: str, *, is_head: bool = False) -> Answer:
    """Return an error as S3 tells it."""
    told = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>by a proxy</Message></Error>'
    headers = CIMultiDict({"Content-Type": "application/xml"})
    return Answer(status, b"" if is_head else told.encode(), headers)


class Upstream:
    """The server behind; each request takes a connection of its own.

    :param endpoint: ``http://host:port``.
    """

    def __init__(self, endpoint: str, session: aiohttp.ClientSession) -> None:
        self.endpoint = endpoint
        self._session = session

    async def ask(self, question: Question) -> Answer:
        """Pass *question* on unchanged, the Host header too, which signatures cover."""
        async with self._send(question, io.BytesIO(question.body)) as answer:
            headers = CIMultiDict(_kept(answer.headers))
            body = await answer.read()
            if question.method == "HEAD":
                headers["Content-Length"] = answer.headers.get("Content-Length", "0")
            return Answer(answer.status, body, headers)

    async def begin(self, question: Question) -> None:
        """Send half of the body, and hang up."""
        try:
            async with self._send(question, _half(question.body)):
                pass
        except (aiohttp.ClientError, _HungUpError):
            pass

    def _send(self, question: Question, body: object) -> aiohttp.client._RequestContextManager:
        return self._session.request(
            question.method,
            URL(self.endpoint + question.target, encoded=True),
            data=body if question.body else None,
            headers=question.headers,
            skip_auto_headers=_NOT_ADDED,
            allow_redirects=False,
        )


class _HungUpError(Exception):
    pass


async def _half(body: bytes) -> AsyncIterator[bytes]:
    yield body[: len(body) // 2]
    raise _HungUpError


def _kept(headers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    return (pair for pair in headers.items() if pair[0].lower() not in _OF_THE_CONNECTION)


def session() -> aiohttp.ClientSession:
    """Return one for :class:`Upstream`."""
    return aiohttp.ClientSession(
        auto_decompress=False, connector=aiohttp.TCPConnector(force_close=True, limit=0)
    )
