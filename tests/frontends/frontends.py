"""The example servers: as processes over a directory, or in this process over any registry."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal
from starlette.applications import Starlette
from typing_extensions import override

from examples import oci_http
from examples.registry.app import create_app
from examples.registry.metrics import Metrics
from examples.wsgi.app import App
from regstore import AsyncRegistry, Policy, Registry
from regstore.driver import StorageDriver
from tests.servers import free_port, running

KINDS = ("asgi", "wsgi")


def command(kind: str, root: Path, port: int) -> list[str]:
    """How a user starts the server of this *kind*; the WSGI one takes its store from outside."""
    if kind == "asgi":
        options = ["--url", str(root), "--port", str(port)]
        return [sys.executable, "-m", "examples.registry.serve", *options]
    options = ["--bind", f"127.0.0.1:{port}", "--worker-class", "gthread", "--threads", "16"]
    quiet = ["--no-control-socket", "--keep-alive", "30"]
    return [sys.executable, "-m", "gunicorn", *options, *quiet, "examples.wsgi.app:create()"]


@dataclass(frozen=True)
class Server:
    """A frontend that runs as a process over *root*."""

    kind: str
    root: Path
    url: str
    pid: int


@contextlib.contextmanager
def serving(kind: str, root: Path, log: Path) -> Iterator[Server]:
    """Run the server of this *kind* over *root*, with its output in *log*."""
    port = free_port()
    env = dict(os.environ) | {"REGISTRY_URL": str(root)}
    url = f"http://127.0.0.1:{port}"
    with running(command(kind, root, port), env, f"{url}/healthz", log) as process:
        yield Server(kind, root, url, process.pid)


@dataclass
class Setting:
    """How an embedder may set a server up."""

    policy: Policy = field(default_factory=Policy)
    read_only: bool = False
    decide: Callable[[str, str], None] = lambda _name, _action: None


class AsgiTransport(httpx.BaseTransport):
    """Sends requests to an application that runs in another thread's event loop."""

    def __init__(self, app: Starlette, portal: BlockingPortal) -> None:
        self._inner = httpx.ASGITransport(app)
        self._portal = portal

    @override
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        whole = httpx.Request(
            request.method, request.url, headers=request.headers, content=request.read()
        )
        return self._portal.call(self._ask, whole)

    async def _ask(self, request: httpx.Request) -> httpx.Response:
        answer = await self._inner.handle_async_request(request)
        return httpx.Response(
            answer.status_code, headers=answer.headers, content=await answer.aread()
        )


@contextlib.contextmanager
def embedded(kind: str, driver: StorageDriver, setting: Setting) -> Iterator[httpx.Client]:
    """Run the server of this *kind* in this process over *driver*."""
    with contextlib.ExitStack() as stack:
        transport: httpx.BaseTransport
        if kind == "asgi":
            portal = stack.enter_context(start_blocking_portal())
            transport = AsgiTransport(in_asgi(driver, setting), portal)
        else:
            transport = httpx.WSGITransport(in_wsgi(driver, setting))
        yield stack.enter_context(httpx.Client(transport=transport, base_url="http://registry"))


def in_asgi(driver: StorageDriver, setting: Setting) -> Starlette:
    async def authorize(_request: object, name: str, action: str) -> None:
        setting.decide(name, action)

    metrics = Metrics()
    registry = AsyncRegistry(
        driver, policy=setting.policy, observer=metrics, read_only=setting.read_only
    )
    return create_app(registry, metrics, authorize)


def in_wsgi(driver: StorageDriver, setting: Setting) -> App:
    def authorize(_request: object, name: str, action: str) -> None:
        setting.decide(name, action)

    registry = Registry(driver, policy=setting.policy, read_only=setting.read_only)
    return App(registry, authorize)


def deny(*denied: tuple[str, str]) -> Callable[[str, str], None]:
    """Return what refuses these pairs of name and action."""

    def decide(name: str, action: str) -> None:
        if (name, action) in denied:
            raise oci_http.DeniedError("you may not", name=name)

    return decide
