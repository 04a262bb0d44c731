"""Run the server on granian: ``python -m examples.registry.serve --url DIRECTORY``."""

from __future__ import annotations

import argparse
import os
import socket
import sys

from granian import Granian
from granian.constants import Interfaces
from starlette.applications import Starlette

from examples.registry.app import create_app
from examples.registry.metrics import Metrics
from regstore import AsyncRegistry, Policy, Registry
from regstore.errors import ConfigurationError

DRAIN_SECONDS = 30


def create() -> Starlette:
    """Return the server that the environment describes; each worker process calls this."""
    metrics = Metrics()
    sparse = os.environ.get("REGISTRY_SPARSE") == "1"
    policy = Policy(sparse_indexes=sparse, sparse_images=sparse)
    url = os.environ["REGISTRY_URL"]
    consistency = os.environ.get("REGISTRY_CONSISTENCY") or None
    registry = AsyncRegistry.open(url, policy=policy, observer=metrics, consistency=consistency)
    return create_app(registry, metrics)


def main() -> None:
    """Serve until told to end; requests under way are then finished."""
    parser = argparse.ArgumentParser(description="A container registry over regstore.")
    parser.add_argument("--url", required=True, help="a directory, or any URL that regstore opens")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--sparse", action="store_true", help="take manifests with parts missing")
    parser.add_argument(
        "--consistency",
        help="how soon the store shows its writes: strong, 'read-after-write(seconds)', "
        "'eventual(seconds)' or measured; see docs/consistency.md",
    )
    options = parser.parse_args()
    _check_store(parser, options.url, options.consistency)
    _check_address(parser, options.host, options.port)
    os.environ["REGISTRY_URL"] = options.url
    os.environ["REGISTRY_CONSISTENCY"] = options.consistency or ""
    os.environ["REGISTRY_SPARSE"] = "1" if options.sparse else "0"
    Granian(
        "examples.registry.serve:create",
        factory=True,
        address=options.host,
        port=options.port,
        interface=Interfaces.ASGI,
        workers=options.workers,
        workers_kill_timeout=DRAIN_SECONDS,
        websockets=False,
    ).serve()


def _check_store(parser: argparse.ArgumentParser, url: str, consistency: str | None) -> None:
    """Refuse here what each worker would fail of."""
    try:
        Registry.open(url, consistency=consistency).close()
    except ConfigurationError as error:
        parser.error(str(error))


def _check_address(parser: argparse.ArgumentParser, host: str, port: int) -> None:
    """Refuse an address that is taken: granian would share it (``SO_REUSEPORT``) in silence."""
    if not 0 < port < 1 << 16:
        parser.error(f"--port is a number from 1 to 65535, not {port}")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        sys.exit(f"{parser.prog}: cannot listen on {host} port {port}: {reason.lower()}")


if __name__ == "__main__":
    main()
