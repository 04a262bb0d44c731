"""Fuzzes a server with so many requests: in this process, or as octets to a real one."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from hypothesis import HealthCheck, Verbosity, given, settings
from hypothesis import seed as seeded
from hypothesis.stateful import run_state_machine_as_test

from tests.frontends.frontends import Server, serving
from tests.frontends.fuzzing import oracle, wire
from tests.frontends.fuzzing.doors import Answer
from tests.frontends.fuzzing.machine import FOLDERS, machine

STEPS = 40
SEQUENCES = 50
"""How many sequences of requests hypothesis makes in one go; it remembers those of one go."""
SETTINGS = settings(
    deadline=None,
    database=None,
    derandomize=False,
    print_blob=False,
    verbosity=Verbosity.normal,
    stateful_step_count=STEPS,
    suppress_health_check=list(HealthCheck),
)
WARMING = 200
SPARE_MIB = 32


@dataclass
class Tally:
    """What was answered so far; *tell* is called now and then with a line about it."""

    title: str
    wanted: int
    tell: Callable[[str], object] = print
    statuses: Counter[int | None] = field(default_factory=Counter)
    _start: float = field(default_factory=time.monotonic)
    _told: int = 0

    def take(self, status: int | None) -> None:
        self.statuses[status] += 1
        if self.statuses.total() - self._told >= max(self.wanted // 10, 1):
            self.show()

    def show(self) -> None:
        self._told = self.statuses.total()
        counts = ", ".join(f"{status} {n}" for status, n in sorted(self.statuses.items(), key=str))
        seconds = time.monotonic() - self._start
        self.tell(f"{self.title}: {self._told} requests in {seconds:.0f} s: {counts}")


def fuzz_in_process(kind: str, seed: int, tally: Tally) -> None:
    """Send sequences of requests until there were as many as wanted.

    :param seed: of the first sequences; those that follow take the next ones.
    """

    def watch(_number: int, answer: Answer) -> None:
        tally.take(answer.status)

    goes = settings(SETTINGS, max_examples=SEQUENCES)
    while tally.statuses.total() < tally.wanted:
        run_state_machine_as_test(seeded(seed)(machine(kind, watch)), settings=goes)
        seed += 1


def fuzz_on_the_wire(kind: str, seed: int, tally: Tally) -> None:
    """Send octets to a real server, and look at what it holds before and afterwards."""
    with TemporaryDirectory(dir=FOLDERS) as folder:
        root, log = oracle.place(Path(folder, "fuzz")), Path(folder, "log")
        with serving(kind, root, log) as server:
            _send(server, seed, min(WARMING, tally.wanted), tally)
            fds, memory = wire.descriptors(server), wire.resident_mib(server)
            _send(server, seed + 1, tally.wanted - tally.statuses.total(), tally)
            _check_held(server, fds, memory)
            assert httpx.get(f"{server.url}/readyz").status_code == 200
        assert "Traceback" not in log.read_text(errors="replace"), log.read_text(errors="replace")
        oracle.check_surroundings(Path(folder, "fuzz"))
        oracle.check_store(root)
        oracle.check_contents(root)


def _send(server: Server, seed: int, number: int, tally: Tally) -> None:
    @settings(SETTINGS, max_examples=max(number, 1))
    @given(wire.messages)
    def exchange(message: bytes) -> None:
        told = wire.send(server, message)
        tally.take(wire.check(message, told, server.root))

    seeded(seed)(exchange)()


def _check_held(server: Server, fds: int, memory: float) -> None:
    """Connections are closed a moment after they end."""
    until = time.monotonic() + 10
    while wire.descriptors(server) > fds and time.monotonic() < until:
        time.sleep(0.05)
    assert wire.descriptors(server) <= fds, "the server left descriptors open"
    assert wire.resident_mib(server) <= memory + SPARE_MIB, "the server's memory grew"
