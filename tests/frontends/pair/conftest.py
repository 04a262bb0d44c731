"""Two servers, and what must hold after whatever was done to them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest

from tests.frontends.client import Repo
from tests.frontends.conftest import SHARED_MEMORY
from tests.frontends.frontends import serving
from tests.frontends.pair.processes import Pair, settled

GROWTH_BYTES = 192 << 20
"""How much memory a server may ever need beyond what it has when nothing was asked of it yet."""


@contextmanager
def pair_of(*kinds: str) -> Iterator[Pair]:
    above = SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK) else None
    with TemporaryDirectory(dir=above) as folder, ExitStack() as stack:
        root = Path(folder, "root")
        first, second = (
            stack.enter_context(serving(kind, root, Path(folder, f"log{number}")))
            for number, kind in enumerate(kinds)
        )
        yield Pair(root, (first, second))


@pytest.fixture(scope="session")
def two() -> Iterator[Pair]:
    """Two of the same kind."""
    with pair_of("asgi", "asgi") as pair:
        yield pair


@pytest.fixture(scope="session")
def mixed() -> Iterator[Pair]:
    """One of each kind."""
    with pair_of("asgi", "wsgi") as pair:
        yield pair


@pytest.fixture(scope="session")
def idle_peaks() -> dict[Path, list[int]]:
    """What each pair needed before anything was asked of it, by its directory."""
    return {}


@pytest.fixture
def pair(request: pytest.FixtureRequest, idle_peaks: dict[Path, list[int]]) -> Iterator[Pair]:
    """Two servers, by default of one kind, which have forgotten the test when it is over."""
    if not Path("/proc/self/status").exists():
        pytest.skip("this system has no /proc, which tells what a process has")
    pair: Pair = request.getfixturevalue(getattr(request, "param", "two"))
    with watched(pair, idle_peaks):
        yield pair


@contextmanager
def watched(pair: Pair, idle_peaks: dict[Path, list[int]]) -> Iterator[None]:
    """Require that the servers need little memory, and keep nothing of what the block did."""
    idle = idle_peaks.setdefault(pair.root, pair.peaks())
    descriptors, litter = pair.descriptors(), pair.litter()
    yield
    assert settled(lambda: pair.litter() <= litter), pair.litter() - litter
    assert settled(lambda: not pair.open_files()), pair.open_files()
    assert settled(lambda: fits(pair.descriptors(), descriptors)), pair.descriptors()
    peaks = pair.peaks()
    print(f"\npeak memory in MiB: {mebibytes(peaks)}, idle: {mebibytes(idle)}")  # noqa: T201 - asked for
    assert fits(peaks, [least + GROWTH_BYTES for least in idle])


def fits(values: list[int], most: list[int]) -> bool:
    return all(value <= limit for value, limit in zip(values, most, strict=True))


def mebibytes(values: list[int]) -> list[int]:
    return [value >> 20 for value in values]


_count = iter(range(1_000_000))


@pytest.fixture
def name() -> str:
    """A repository that no other test knows."""
    return f"library/pair{next(_count)}"


@pytest.fixture
def repos(pair: Pair, name: str) -> Iterator[tuple[Repo, Repo]]:
    """The same repository behind both servers."""
    with ExitStack() as stack:
        first, second = (
            Repo(stack.enter_context(httpx.Client(base_url=server.url, timeout=60)), name)
            for server in pair.servers
        )
        yield first, second
