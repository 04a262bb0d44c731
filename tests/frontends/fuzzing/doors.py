"""Calls the example servers in this process, as their HTTP servers would: nothing is normalized."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self
from urllib.parse import unquote, unquote_to_bytes
from wsgiref.util import FileWrapper

from examples.registry.app import create_app
from examples.wsgi.app import App
from regstore import AsyncRegistry, Registry

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from starlette.types import Message

READ_BYTES = 1 << 16


@dataclass(frozen=True)
class Asked:
    """A request: *target* is percent-encoded already, and may be anything that servers let pass.

    :ivar announced: the ``Content-Length``; ``None`` for a chunked body.
    :ivar is_cut: whether the client goes away after the body.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    announced: int | None = None
    is_cut: bool = False

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

    def fields(self) -> list[tuple[str, str]]:
        if self.announced is None:
            framing = [("Transfer-Encoding", "chunked")] if self.body else []
        else:
            framing = [("Content-Length", str(self.announced))]
        return [*framing, *self.headers]


@dataclass
class Answer:
    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


class Door(Protocol):
    """A server in this process; leaving its block closes the registry."""

    def ask(self, asked: Asked) -> Answer:
        """Answer one request, or raise what an HTTP server would log before it answers 500."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class AsgiDoor:
    """Does as granian does."""

    def __init__(self, root: Path) -> None:
        self._registry = AsyncRegistry.open(str(root))
        self._app = create_app(self._registry)
        self._runner = asyncio.Runner()

    def ask(self, asked: Asked) -> Answer:
        return self._runner.run(self._ask(asked))

    async def _ask(self, asked: Asked) -> Answer:
        exchange = _Exchange(asked)
        await self._app(_scope(asked), exchange.receive, exchange.send)
        assert exchange.is_whole, "the answer was not finished"
        return exchange.answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._runner.run(self._registry.aclose())
        self._runner.close()


def _scope(asked: Asked) -> dict[str, object]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": asked.method,
        "scheme": "http",
        "path": unquote(asked.path, errors="replace"),
        "raw_path": asked.path.encode("latin-1"),
        "query_string": asked.query.encode("latin-1"),
        "root_path": "",
        "headers": [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in asked.fields()
        ],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "extensions": {"http.response.pathsend": {}},
    }


class _Exchange:
    """What passes between the server and the application for one request."""

    def __init__(self, asked: Asked) -> None:
        self.answer = Answer()
        self.is_whole = False
        self._asked = asked
        self._body = io.BytesIO(asked.body[: asked.announced])
        self._has_all = False
        self._over = asyncio.Event()

    async def receive(self) -> Message:
        if not self._has_all:
            piece = self._body.read(READ_BYTES)
            at_end = self._body.tell() >= len(self._body.getbuffer())
            self._has_all = at_end
            is_short = (self._asked.announced or 0) > len(self._asked.body)
            more = not at_end or is_short or self._asked.is_cut
            return {"type": "http.request", "body": piece, "more_body": more}
        if not self._asked.is_cut and (self._asked.announced or 0) <= len(self._asked.body):
            await self._over.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        match message["type"]:
            case "http.response.start":
                assert not self.answer.status, "a second answer"
                self.answer.status = message["status"]
                self.answer.headers = [
                    (name.decode("latin-1"), value.decode("latin-1"))
                    for name, value in message.get("headers", ())
                ]
            case "http.response.pathsend":
                self.answer.body = Path(message["path"]).read_bytes()  # noqa: ASYNC240 - small
                self._end()
            case "http.response.body":
                self.answer.body += message.get("body", b"")
                if not message.get("more_body", False):
                    self._end()

    def _end(self) -> None:
        assert self.answer.status, "a body before its headers"
        self.is_whole = True
        self._over.set()


class WsgiDoor:
    """Does as gunicorn does."""

    def __init__(self, root: Path) -> None:
        self._registry = Registry.open(str(root))
        self._app = App(self._registry)

    def ask(self, asked: Asked) -> Answer:
        answer = Answer()

        def start_response(
            status: str, headers: list[tuple[str, str]], _: object = None
        ) -> Callable[[bytes], object]:
            answer.status, answer.headers = int(status.split(maxsplit=1)[0]), headers
            return lambda _: None

        pieces = self._app(_environ(asked), start_response)
        with closing(_Closing(pieces)):
            answer.body = b"".join(pieces)
        if isinstance(pieces, FileWrapper):  # these end with the length announced, says PEP 3333
            answer.body = answer.body[: int(answer.header("Content-Length") or 0)]
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._registry.close()


class _Closing:
    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.close: Callable[[], object] = getattr(pieces, "close", lambda: None)


def _environ(asked: Asked) -> WSGIEnvironment:
    environ = {
        "REQUEST_METHOD": asked.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(asked.path).decode("latin-1"),
        "RAW_URI": asked.target,
        "QUERY_STRING": asked.query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(asked.body[: asked.announced]),
        "wsgi.input_terminated": True,
        "wsgi.file_wrapper": FileWrapper,
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in asked.fields():
        key = name.upper().replace("-", "_")
        key = key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ


DOORS: dict[str, Callable[[Path], Door]] = {"asgi": AsgiDoor, "wsgi": WsgiDoor}
