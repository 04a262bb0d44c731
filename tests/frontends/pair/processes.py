"""Two servers over one directory, and what the system tells of them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.frontends.frontends import Server
from tests.places import SCRATCH

SETTLE_SECONDS = 20.0
REPOSITORIES = "docker/registry/v2/repositories"
BLOBS = "docker/registry/v2/blobs"


@dataclass(frozen=True)
class Pair:
    """Two servers behind one directory; clients are sent to either."""

    root: Path
    servers: tuple[Server, Server]

    def turn(self, number: int) -> Server:
        """The server whose turn it is: they alternate."""
        return self.servers[number % 2]

    def peaks(self) -> list[int]:
        """The most memory that each server ever had, in bytes."""
        return [sum(_peak(pid) for pid in _family(server.pid)) for server in self.servers]

    def descriptors(self) -> list[int]:
        """How many files and sockets each server has open."""
        return [len(_open(server)) for server in self.servers]

    def open_files(self) -> list[str]:
        """The files of the store that the servers have open."""
        above = str(self.root)
        found = [path for server in self.servers for path in _open(server)]
        return [path for path in found if path.startswith(above)]

    def litter(self) -> set[str]:
        """What lies in the store that nobody will ever ask for."""
        return self.uploads() | self._temporary() | self._orphans()

    def uploads(self) -> set[str]:
        """The uploads that are in progress."""
        below = _below(self.root / REPOSITORIES)
        return {str(path) for path in below if path.parent.name == "_uploads"}

    def _temporary(self) -> set[str]:
        return {str(path) for path in _below(self.root / SCRATCH)}

    def _orphans(self) -> set[str]:
        blobs, links = (
            {path.parent.name for path in _below(self.root / where) if path.name == name}
            for where, name in ((BLOBS, "data"), (REPOSITORIES, "link"))
        )
        return blobs - links


def _below(directory: Path) -> Iterator[Path]:
    """Yield all that lies below *directory*, also while some of it vanishes."""
    for parent, directories, files in os.walk(directory):
        for name in (*directories, *files):
            yield Path(parent, name)


def settled(condition: Callable[[], bool]) -> bool:
    """Wait until *condition* holds; tell whether it ever did.

    A client that has gone away is told nothing, so there is no event to wait for.
    """
    deadline = time.monotonic() + SETTLE_SECONDS
    while not (holds := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return holds


def _family(pid: int) -> list[int]:
    """The process and its children: servers leave the work to processes of their own."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in _family(int(child)))]


def _peak(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) << 10


def _open(server: Server) -> list[str]:
    return [
        target
        for pid in _family(server.pid)
        for entry in Path(f"/proc/{pid}/fd").iterdir()
        if (target := _target(entry)) is not None
    ]


def _target(entry: Path) -> str | None:
    try:
        return str(entry.readlink())
    except FileNotFoundError:  # closed meanwhile
        return None
